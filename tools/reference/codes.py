"""docs/reference/codes.md: the codes of ClickPost and our own words for states, outcomes, problems and log events."""

from __future__ import annotations

from collections.abc import Iterable
from enum import Enum

from tools.reference.log_events import log_events
from tools.reference.log_texts import MEANINGS
from tools.reference.markdown import code, codes, table
from tools.reference.texts import member_texts

from awbridge.clickpost.wire.answer_codes import ANSWER_NAMES, ANSWERS, AnswerKind, advice_for
from awbridge.clickpost.wire.tracking_codes import COURIER_NAMES, NDR_NAMES, STATUSES, milestone_of
from awbridge.domain.attempt import FAILED, SUCCEEDED, AttemptOutcome
from awbridge.domain.customer_page.answers import AnswerState, CustomerAnswerKind
from awbridge.domain.notify.events import KIND_OF
from awbridge.domain.notify.notices import NoticeState
from awbridge.domain.orders.action import ActionKind, ActionState
from awbridge.domain.orders.attention import NEEDS
from awbridge.domain.orders.cancellation import CancelState
from awbridge.domain.orders.shipment import State
from awbridge.domain.reconciliation.differences import DifferenceKind
from awbridge.domain.tracking.dead_letter import DeadLetterReason, text_of
from awbridge.domain.tracking.lifecycle import Bucket, StatusInfo
from awbridge.domain.tracking.milestones import Milestone
from awbridge.web.problem_kinds import PROBLEMS


def page() -> str:
    """ClickPost's codes, then ours."""
    return "".join(
        f"## {title}\n\n{text}\n\n{rows}"
        for title, text, rows in (*_of_clickpost(), *_states(), *_outcomes(), *_of_the_service())
    )


def _of_clickpost() -> Iterable[tuple[str, str, str]]:
    yield (
        "Tracking statuses",
        "ClickPost's status codes, in the order of a journey. A code that is not listed is shown by ClickPost's "
        "description of it, counts as in transit and is never final. Of the codes 101 to 106, which are about returns "
        "and exchanges, see [events](events.md).",
        table(("code", "status", "bucket", "final", "milestone"), map(_status, STATUSES.values())),
    )
    yield (
        "Buckets",
        "The groups in which a status is shown: by number in `status_bucket` and in events, by name in filters.",
        table(
            ("number", "name", "meaning"),
            [(value, code(Bucket(int(value)).name.lower()), text) for value, text in member_texts(Bucket)],
        ),
    )
    yield (
        "Milestones",
        "What customers are [notified](../how-to/operate/notices.md) about, and the [event](events.md) that your "
        "systems get.",
        table(
            ("milestone", "meaning", "event"),
            [(code(value), text, code(KIND_OF.get(Milestone(value), ""))) for value, text in member_texts(Milestone)],
        ),
    )
    yield (
        "NDR reasons",
        "Why a delivery failed, by ClickPost's codes. More codes exist than ClickPost publishes: others are shown by "
        "its description. It publishes no list of the codes of failed pickups (NPR).",
        table(("code", "reason"), [(str(number), name) for number, name in NDR_NAMES.items()]),
    )
    yield (
        "Couriers",
        "The `courier_partner_id` of couriers, as ClickPost publishes them. `awbridge couriers sync` shows those of "
        "your account.",
        table(("id", "courier"), [(str(number), name) for number, name in COURIER_NAMES.items()]),
    )
    yield (
        "Answer codes",
        "ClickPost's codes in the body of an answer (`meta.status`), and HTTP statuses where the body has none. A code "
        "that is not listed is unclear: never a success, and retried.",
        table(
            ("code", "name", "kind", "what to do"),
            [
                (str(number), ANSWER_NAMES[number], code(kind.value), advice_for(200, number))
                for number, kind in ANSWERS.items()
            ],
        ),
    )
    yield (
        "Kinds of answers",
        "What an answer means for the caller. They are the `outcome` of `awbridge_vendor_calls_total`.",
        _members(AnswerKind, "kind"),
    )


def _status(status: StatusInfo) -> tuple[str, ...]:
    milestone = milestone_of(status.code)
    bucket = f"{int(status.bucket)} {code(status.bucket.name.lower())}"
    return str(status.code), status.name, bucket, "yes" if status.final else "", code(milestone or "")


def _states() -> Iterable[tuple[str, str, str]]:
    yield "States of a shipment", "The `state` of a shipment.", _members(State, "state")
    yield (
        "States of a cancellation",
        "The `state` of a shipment's [cancellation](../how-to/operate/actions.md#cancellations).",
        _members(CancelState, "state"),
    )
    yield "Kinds of actions", "The `kind` of an [action](../how-to/operate/actions.md).", _members(ActionKind, "kind")
    yield "States of an action", "The `state` of an action.", _members(ActionState, "state")
    yield (
        "States of a message",
        "The `state` of a [message](../how-to/operate/notices.md) to a customer.",
        _members(NoticeState, "state"),
    )
    yield (
        "Customers' answers",
        "The `kind` of an [answer](../how-to/operate/customer-page.md#answers) on the customer's page.",
        _members(CustomerAnswerKind, "kind"),
    )
    yield "States of an answer", "The `state` of a customer's answer.", _members(AnswerState, "state")


def _outcomes() -> Iterable[tuple[str, str, str]]:
    counts = {**dict.fromkeys(SUCCEEDED, "success"), **dict.fromkeys(FAILED, "failure")}
    yield (
        "Outcomes of a call",
        "The `outcome` of an attempt: what the step that called ClickPost took the answer for. Failures are archived "
        "and reported.",
        table(
            ("outcome", "counts as", "meaning"),
            [
                (code(value), counts.get(AttemptOutcome(value), ""), text)
                for value, text in member_texts(AttemptOutcome)
            ],
        ),
    )
    yield (
        "Dead letters",
        "Why a delivery of ClickPost could not be applied. Details follow the reason, after a colon.",
        table(("reason", "meaning"), [(code(reason), _dead_letter(reason)) for reason in DeadLetterReason]),
    )
    yield (
        "Differences",
        "How a [reconciliation](../how-to/operate/reconciliation.md) finds that the two sides differ: the `kind` of a "
        "difference.",
        _members(DifferenceKind, "kind"),
    )
    yield (
        "What needs a person",
        "The `kind` of `awbridge_needs_attention`, and the command that lists what is counted.",
        table(
            ("kind", "counted", "command"),
            [(code(need), f"How many {described.many}.", code(described.command)) for need, described in NEEDS.items()],
        ),
    )


def _dead_letter(reason: DeadLetterReason) -> str:
    text = text_of(reason)
    return f"{text[0].upper()}{text[1:]}." if text else "It could be about several shipments, or contradicts itself."


def _of_the_service() -> Iterable[tuple[str, str, str]]:
    yield (
        "Problems",
        "The `status` and `title` of [problem responses](errors.md). Others have a title that says what is wrong: 400 "
        "(the body is not JSON, or a cursor is not one of the API's), 404 (no such path), 405 (the path has other "
        "methods: see the header `Allow`), 413 (more than 1000 orders, or more than 16 MiB) and 422.",
        table(("status", "title", "given when"), [(str(kind.status), kind.title, kind.when) for kind in PROBLEMS]),
    )
    yield (
        "Log events",
        "Each event is one line on standard error, as text or (`AWBRIDGE_LOG_FORMAT=json`) JSON. Events contain no "
        "key, phone number or address. Counts by a varying reason stand in fields of their own, which are not listed.",
        table(
            ("event", "level", "fields", "meaning"),
            [
                (code(name), ", ".join(sorted(event.levels)), codes(sorted(event.fields)), MEANINGS[name])
                for name, event in log_events().items()
            ],
        ),
    )


def _members(kind: type[Enum], column: str) -> str:
    return table((column, "meaning"), [(code(value), text) for value, text in member_texts(kind)])
