"""The demands about placing orders: numbers 1 to 6."""

from __future__ import annotations

from datetime import timedelta

from awbridge.app.doctor.guide.facts import GuideFacts
from awbridge.app.policies import refused_limit
from awbridge.domain.errors import SettingsError
from awbridge.domain.guide.rows import Evidence, broken, met, not_yet, some
from awbridge.domain.orders.attention import NEEDS, Need

ALLOCATED_WITHIN = timedelta(hours=1)
_PLACED = frozenset((200, 323, 303))  # 303 only with the waybill of this order
_NEXT_ORDER = "the next order that is placed shows it"


def activated(facts: GuideFacts) -> Evidence:
    """1: a courier is activated by configuration."""
    try:
        facts.settings.check_vendor()
    except SettingsError as error:
        return broken(str(error), "set it, then start awbridge again (docs/reference/settings.md)")
    transporters = facts.orders.transporters
    active = [one for one in transporters if one.active]
    if not active:
        return broken(f"no active transporter (of {len(transporters)})", "awbridge couriers sync --apply")
    couriers = len({one.courier_partner_id for one in active})
    return met(f"{len(active)} of {some(len(transporters), 'transporter')} active, at {some(couriers, 'courier')}")


def mapped(facts: GuideFacts) -> Evidence:
    """2: the mapping is stored."""
    orders, comparison = facts.orders, facts.orders.comparison
    if not orders.transporters:
        return not_yet("no transporter is mapped", "awbridge couriers sync --apply")
    without = sorted(one.transporter for one in orders.transporters if one.active and not one.account_code)
    if without:
        text = f"transporters without an account code: {', '.join(without)}"
        return broken(text, "awbridge couriers sync shows ClickPost's codes; awbridge couriers set stores one")
    if orders.warnings:
        text = "; ".join(warning.warning for warning in orders.warnings)
        return broken(text, "correct the account at ClickPost, or the mapping: awbridge couriers sync")
    if comparison and comparison.problem:
        return broken(f"the comparison with ClickPost failed: {comparison.problem}", "awbridge couriers sync")
    text = f"mapped: {some(len(orders.transporters), 'transporter')}"
    compared_at = comparison.compared_at if comparison else None
    if compared_at is None:
        return not_yet(f"{text}; not compared with ClickPost yet", "the daily comparison, or awbridge couriers sync")
    return met(f"{text}; compared with ClickPost at {facts.time(compared_at)}, no difference that matters")


def allocated(facts: GuideFacts) -> Evidence:
    """3: a courier is allocated first."""
    since = facts.orders.allocating_since
    waiting = facts.figures.shipments.get("allocating", 0)
    if since and facts.now - since > ALLOCATED_WITHIN:
        text = f"{some(waiting, 'order')} without a courier, the oldest since {facts.time(since)}"
        return broken(text, "add a rule that fits (awbridge couriers rules), or name the transporter in the order")
    return met(f"orders without a courier: {waiting}; they get one by: {facts.settings.allocation}")


def complete(facts: GuideFacts) -> Evidence:
    """4: orders carry what ClickPost needs."""
    rejected, refusals = facts.figures.needs.get(Need.REJECTED, 0), facts.figures.refusals
    if refused_limit(facts.settings).is_reached(refusals):
        text = f"ClickPost refused {refusals.refused} of the last {refusals.decided} orders"
        return broken(text, NEEDS[Need.REJECTED].command)
    if rejected:
        return broken(NEEDS[Need.REJECTED].counted(rejected), NEEDS[Need.REJECTED].command)
    if not facts.orders.retries.orders:
        return not_yet("no order was placed within 7 days", _NEXT_ORDER)
    return met(f"no order is rejected; placed within 7 days: {some(facts.orders.retries.orders, 'order')}")


def downtimes_held(facts: GuideFacts) -> Evidence:
    """5: orders wait for the end of a downtime."""
    held = facts.figures.needs.get(Need.HELD, 0)
    if held:
        return broken(NEEDS[Need.HELD].counted(held), f"{NEEDS[Need.HELD].command}, then awbridge couriers reset")
    declared = facts.orders.downtimes
    now = sum(one.until(facts.now) is not None for one in declared)
    waiting = sum(facts.figures.waiting.values())
    return met(
        f"declared: {some(len(declared), 'downtime')}, in force: {now}; waiting for its end: {some(waiting, 'order')}"
    )


def successful(facts: GuideFacts) -> Evidence:
    """6: what counts as placed."""
    found = facts.orders.placed_by
    if not found:
        return not_yet("no call of create-order placed an order within 7 days", _NEXT_ORDER)
    wrong = [one for one in found if one.http_status != 200 or one.business_status not in _PLACED]
    if wrong:
        text = ", ".join(f"{one.calls} by HTTP {one.http_status}, status {one.business_status}" for one in wrong)
        do = "compare these shipments with ClickPost (awbridge reconcile), and report this as an error of awbridge"
        return broken(f"orders counted as placed by other codes: {text}", do)
    text = ", ".join(f"{one.calls:,} by {one.business_status}" for one in found)
    return met(f"of the newest calls, placed by HTTP 200 and business status: {text}; by any other: 0")
