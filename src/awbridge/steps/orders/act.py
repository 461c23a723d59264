"""Act: performs due actions. Claim, call, record; no transaction is open during a call.

A killed worker loses its lease and its actions are performed again, so every action is performed at least once. Only a
pickup is never repeated automatically, since a second call sends a second van: where the outcome of its call is
unknown, it becomes `unclear` and a person decides.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Protocol, TypeAlias

import structlog

from awbridge.clickpost.client.call_recorder import recorded_calls
from awbridge.clickpost.orders.actions import completed_pickup, ndr_arguments, ndr_waybill
from awbridge.clickpost.orders.bookings import Pickup, WaybillRegistration
from awbridge.clickpost.orders.labels import Label, ProofOfDelivery, SecurityKey
from awbridge.clickpost.wire.fields import Acknowledged
from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.json import JsonObject
from awbridge.domain.orders.action import Action, ActionKind, ActionState, why_not
from awbridge.domain.orders.shipment import Region, Shipment
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS, NotDone, delay_before_retry, throttled_pause
from awbridge.domain.tracking.pieces import PieceStatus
from awbridge.steps.orders.registrations import make_known
from awbridge.steps.records.pieces import pieces_of
from awbridge.steps.records.unrecorded import Unrecorded, kept_if_away
from awbridge.steps.runtime import traces
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import LeasePolicy
from awbridge.steps.runtime.work import for_each, until_recorded
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.engine.database import Session
from awbridge.store.orders import actions, shipments

log = structlog.get_logger()

FIRST_RECHECK = timedelta(seconds=2)  # for the waybill; then as long as it has waited already
LONGEST_RECHECK = timedelta(minutes=10)
LONGEST_WAIT = timedelta(days=30)  # for the waybill

_Undone: TypeAlias = NotDone[ActionState]

_LOST = (
    "whether the courier comes is not known: {why}. Ask the courier or look at ClickPost's dashboard; if no pickup is "
    "booked there, repeat it on purpose (awbridge actions retry)."
)


class PerformsActions(Protocol):
    """The ClickPost calls that act needs. Every method raises VendorError where ClickPost or the network fails."""

    async def edit_order(self, waybill: str, cp_id: int, changes: JsonObject) -> Acknowledged:
        """Change an order that the courier has."""
        ...

    async def fetch_label(self, waybill: str, cp_id: int, regenerate: bool = False) -> Label:
        """The shipping label."""
        ...

    async def fetch_security_key(self, waybill: str, cp_id: int) -> SecurityKey:
        """The key that opens the tracking page."""
        ...

    async def create_pickup(self, payload: JsonObject, *, region: Region = Region.INDIA) -> Pickup:
        """Schedule a pickup."""
        ...

    async def update_ndr(
        self,
        action: str,
        waybill: str,
        cp_id: int,
        account_code: str,
        *,
        address: str = "",
        landmark: str = "",
        drop_pincode: str = "",
        phone_number: str = "",
        preferred_date: date | None = None,
    ) -> Acknowledged:
        """Instruct the courier after a failed delivery."""
        ...

    async def set_whatsapp(self, waybill: str, enabled: bool) -> Acknowledged:
        """Switch WhatsApp messages on or off."""
        ...

    async def register_waybill(self, payload: JsonObject) -> WaybillRegistration:
        """Register a waybill that was booked elsewhere for tracking."""
        ...

    async def proof_of_delivery(self, waybill: str, cp_id: int) -> ProofOfDelivery:
        """The URL of the proof of delivery."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class ActPolicy(LeasePolicy):
    """How actions are tried. `hold` is the pause after an account failure.

    `deadline`: how long after the request an action is retried while the account fails.
    """

    batch: int = 20
    retry_delays: Sequence[float] = DEFAULT_RETRY_DELAYS
    hold: timedelta = timedelta(minutes=5)
    deadline: timedelta = timedelta(days=3)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Made:
    """The result of an action: for the caller, and for the shipment."""

    result: JsonObject = field(repr=False)
    label_url: str = ""
    security_key: str = field(default="", repr=False)


class _NotThereYet(Exception):
    """The call worked, but the requested data does not exist yet."""


async def act_due(
    *,
    store: Store,
    clickpost: PerformsActions,
    clock: Clock,
    policy: ActPolicy,
    unrecorded: Unrecorded | None = None,
) -> int:
    """Perform due actions, one batch; how many were claimed.

    Answers that the database does not take are kept as `unrecorded`.
    """
    owner = uuid.uuid4().hex
    now = clock()
    lease = policy.begin(now)
    async with store.write() as session:
        lost = await actions.abandon(session, problem=_LOST.format(why="the process that asked was stopped"), now=now)
        claimed = await actions.claim(session, owner=owner, now=now, until=lease.until, limit=policy.batch)
        of = await _shipments_of(session, claimed)
        instructed = {a.reference_number for a in claimed if a.kind is ActionKind.NDR}
        pieces = await pieces_of(session, [s for s in of.values() if s.reference_number in instructed])
    if lost:
        log.warning("action.abandoned", pickups=lost)

    async def act_one(action: Action) -> None:
        shipment = of.get(action.reference_number or "")
        if not lease.allows(clock()):
            return  # the next holder performs it
        decided = _before_call(action, shipment, pieces.get(action.reference_number or "", ()), clock())
        calls: list[Call] = []
        made: _Made | None = None
        if decided is None:
            with recorded_calls() as calls:
                made, decided = await _try(clickpost, action, shipment, clock, policy, calls)
        # While the database stays unavailable, the lease ends and the action is performed again or, if it is a pickup,
        # becomes unclear.
        new = _attempts(action, made, decided, calls, clock())
        async with kept_if_away(unrecorded, new):
            await until_recorded(lambda: _record(store, action, owner, made, decided, new, clock()))

    await for_each(claimed, act_one, at_once=policy.batch)
    return len(claimed)


async def _shipments_of(session: Session, claimed: Sequence[Action]) -> Mapping[str, Shipment]:
    references = [a.reference_number for a in claimed if a.reference_number and a.kind is not ActionKind.REGISTER]
    return {s.reference_number: s for s in await shipments.get_many(session, references)}


def _before_call(
    action: Action, shipment: Shipment | None, pieces: Sequence[PieceStatus], now: datetime
) -> _Undone | None:
    """The next state of an action that cannot be performed now; None where it can."""
    if action.kind is ActionKind.REGISTER or action.reference_number is None:
        return None
    if shipment is None:
        return _refused(action, f"there is no shipment {action.reference_number} any more")
    if problem := why_not(action.kind, shipment, box=ndr_waybill(action.body), pieces=pieces):
        return _refused(action, problem)
    if shipment.waybill and shipment.success:  # one that is being registered again may get another waybill
        return None
    waited = now - action.requested_at
    if waited >= LONGEST_WAIT:
        return _refused(action, f"{shipment.reference_number} had no waybill for {LONGEST_WAIT.days} days")
    pause = min(max(waited, FIRST_RECHECK), LONGEST_RECHECK)
    problem = f"waits for the waybill: {shipment.reference_number} is {shipment.state}"
    return NotDone(state=ActionState.WAITING, tries=action.tries, problem=problem, next_try_at=now + pause)


def _refused(action: Action, problem: str) -> _Undone:
    return NotDone(state=ActionState.REFUSED, tries=action.tries, problem=problem)


async def _try(
    clickpost: PerformsActions,
    action: Action,
    shipment: Shipment | None,
    clock: Clock,
    policy: ActPolicy,
    calls: list[Call],
) -> tuple[_Made | None, _Undone | None]:
    try:
        return await _perform(clickpost, action, shipment), None
    except VendorError as error:
        if not calls:
            calls.append(error.call)
        placed_at = shipment.placed_at if shipment else None  # before that it waited for the waybill
        since = max(action.since_at, placed_at or action.since_at)
        return None, decide(action, error, clock(), policy, since=since)
    except _NotThereYet as error:
        return None, _again(action, str(error), clock(), policy)
    except ValueError as error:
        return None, _refused(action, str(error))
    except Exception as error:  # a row that fails here must not come back at every round
        log.error("action.failed", action=action.id, kind=action.kind, error=type(error).__name__, exc_info=error)
        problem = f"failed within awbridge ({type(error).__name__}); the log says more"
        if action.kind is ActionKind.PICKUP:
            return None, _unclear(action, problem)
        return None, _again(action, problem, clock(), policy)


async def _perform(clickpost: PerformsActions, action: Action, shipment: Shipment | None) -> _Made:
    if action.kind is ActionKind.PICKUP:
        return await _pickup(clickpost, action, shipment)
    if action.kind is ActionKind.REGISTER:
        registered = await clickpost.register_waybill(action.body)
        result = {"already": registered.already, "tracking_id": registered.tracking_id}
        return _Made(result=result, security_key=registered.security_key)
    if shipment is None or not shipment.waybill:
        raise AssertionError("an action about a shipment is made once that has its waybill")
    with traces.calling(f"act {action.kind.value}", shipment.reference_number):
        return await _about(clickpost, action, shipment, shipment.waybill, shipment.courier_partner_id)


async def _pickup(clickpost: PerformsActions, action: Action, shipment: Shipment | None) -> _Made:
    payload = completed_pickup(action.body["payload"], shipment) if shipment else action.body["payload"]
    pickup = await clickpost.create_pickup(payload, region=Region(action.body["region"]))
    return _Made(result={"confirmation_number": pickup.confirmation_number, "location": pickup.location})


async def _about(clickpost: PerformsActions, action: Action, shipment: Shipment, waybill: str, courier: int) -> _Made:
    body = action.body
    match action.kind:
        case ActionKind.EDIT:
            return _Made(result={"message": (await clickpost.edit_order(waybill, courier, body)).message})
        case ActionKind.LABEL:
            label = await clickpost.fetch_label(waybill, courier, body["regenerate"])
            return _Made(result={"label_url": _link(label.url, "label")}, label_url=label.url)
        case ActionKind.SECURITY_KEY:
            key = await clickpost.fetch_security_key(waybill, courier)
            if not key.security_key:
                raise _NotThereYet("ClickPost has no security key of this shipment yet")
            return _Made(result={}, security_key=key.security_key)
        case ActionKind.NDR:
            code = shipment.account_code or ""
            box = ndr_waybill(body) or waybill
            acknowledged = await clickpost.update_ndr(body["action"], box, courier, code, **ndr_arguments(body))
            return _Made(result={"message": acknowledged.message})
        case ActionKind.WHATSAPP:
            return _Made(result={"message": (await clickpost.set_whatsapp(waybill, body["enabled"])).message})
        case ActionKind.PROOF:
            proof = await clickpost.proof_of_delivery(waybill, courier)
            return _Made(result={"proof_url": _link(proof.url, "proof of delivery")})
        case ActionKind.PICKUP | ActionKind.REGISTER:
            raise AssertionError(f"{action.kind} is not about one waybill of ours")


def _link(url: str, what: str) -> str:
    if not url.lower().startswith(("https://", "http://")):
        raise _NotThereYet(f"ClickPost has no {what} of this shipment yet")
    return url


def decide(
    action: Action, error: VendorError, now: datetime, policy: ActPolicy, *, since: datetime | None = None
) -> _Undone:
    """The next state of an action whose call failed. Pure, but for the jitter of delays.

    `since`: the start of its deadline, where that is not the time of the request.
    """
    problem = str(error)
    if error.kind in ("throttled", "configuration"):
        if now - (since or action.since_at) >= policy.deadline:
            hours = policy.deadline.total_seconds() / 3600
            problem = f"{problem.rstrip('.')}. It was tried for {hours:g} h: retry it once the account works"
            return NotDone(state=ActionState.GAVE_UP, tries=action.tries, problem=problem)
        if error.kind == "configuration":
            return _due(action, problem, now + policy.hold)
        return _due(action, problem, now + throttled_pause(error.retry_after))
    if not error.again:
        return _refused(action, problem)
    if action.kind is ActionKind.PICKUP and error.sent:
        return _unclear(action, problem)
    return _again(action, problem, now, policy, at_least=error.retry_after)


def _due(action: Action, problem: str, at: datetime) -> _Undone:
    """Retry at that time without using up a try."""
    return NotDone(state=ActionState.DUE, tries=action.tries, problem=problem, next_try_at=at)


def _unclear(action: Action, problem: str) -> _Undone:
    problem = _LOST.format(why=problem.rstrip("."))
    return NotDone(state=ActionState.UNCLEAR, tries=action.tries + 1, problem=problem)


def _again(action: Action, problem: str, now: datetime, policy: ActPolicy, *, at_least: float | None = None) -> _Undone:
    tries = action.tries + 1
    delay = delay_before_retry(policy.retry_delays, tries, at_least=at_least)
    if delay is None:
        return NotDone(state=ActionState.GAVE_UP, tries=tries, problem=problem)
    return NotDone(state=ActionState.DUE, tries=tries, problem=problem, next_try_at=now + delay)


async def _record(
    store: Store,
    action: Action,
    owner: str,
    made: _Made | None,
    decided: _Undone | None,
    new: Sequence[NewAttempt],
    now: datetime,
) -> None:
    async with store.write() as session:
        if made is not None:
            decided = await _keep(session, action, made, now)
        if decided is not None:
            await actions.not_done(session, action.id, owner, decided, now=now)
        await attempts.add(session, new)
    _log(action, decided)


def _attempts(
    action: Action, made: _Made | None, decided: _Undone | None, calls: Sequence[Call], now: datetime
) -> list[NewAttempt]:
    outcome, reference = AttemptOutcome.DONE, action.reference_number
    if decided and not made:
        outcome = AttemptOutcome.TRY_LATER if decided.state is ActionState.DUE else AttemptOutcome(decided.state)
    return [NewAttempt(call=call, reference_number=reference, outcome=outcome, made_at=now) for call in calls]


async def _keep(session: Session, action: Action, made: _Made, now: datetime) -> _Undone | None:
    """Record the result. Returns a refusal where it can no longer be recorded."""
    reference = action.reference_number or ""
    result = made.result
    if action.kind is ActionKind.REGISTER:
        if problem := await make_known(session, action.body, made.security_key, now=now):
            return _refused(action, problem)
        result = {**result, "reference_number": reference}
    elif made.label_url:
        await shipments.set_label(session, reference, made.label_url, now=now)
    elif made.security_key:
        await shipments.set_security_key(session, reference, made.security_key, now=now)
    await actions.done(session, action.id, result, now=now)
    return None


def _log(action: Action, decided: _Undone | None) -> None:
    about = {"action": action.id, "kind": action.kind.value, "reference": action.reference_number}
    if decided is None:
        log.info("action.done", **about)
    elif decided.state is ActionState.WAITING:
        log.debug("action.waiting", **about)
    elif decided.state is ActionState.DUE:
        log.warning("action.try_later", tries=decided.tries, **about)
    else:
        log.warning("action.escalated", state=decided.state.value, **about)
