"""Helpers for notices: orders with a customer, channels that keep their messages, one round."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from awbridge.domain.notify.notices import Channel, Message, Rules, SendResult, Sends, Sent
from awbridge.sinks.templates import Templates
from awbridge.steps.notify.notify import NotifyPolicy, notify_due
from awbridge.store import Store
from awbridge.store.notify import notices
from awbridge.store.notify.notices import Notice
from tests.support.rows import T0, add, place
from tests.support.world import INDIA, SetClock, an_order

RULES = Rules(zone=INDIA, consent=frozenset({Channel.MAIL, Channel.SMS}))
POLICY = NotifyPolicy(rules=RULES, brand="Acme")


@dataclass
class Kept:
    """A channel that keeps the messages it is given and returns the test's results."""

    repeatable: bool = False
    messages: list[Message] = field(default_factory=list[Message])
    answers: list[SendResult | BaseException] = field(default_factory=list[SendResult | BaseException])

    async def send(self, message: Message) -> SendResult:
        self.messages.append(message)
        answer = self.answers.pop(0) if self.answers else Sent()
        if isinstance(answer, BaseException):
            raise answer
        return answer


def a_payload(reference: str, **additional: Any) -> dict[str, Any]:
    order = an_order(reference)
    order["drop_info"]["drop_email"] = "asha@example.com"
    order["drop_info"]["drop_country"] = "IN"
    order["additional"] = additional
    return order


async def a_customer(
    store: Store, reference: str = "R", waybill: str = "AWB1", *, payload: Any = None, now: datetime = T0, **more: Any
) -> None:
    """A placed shipment whose payload names a customer."""
    await add(store, reference, payload=payload or a_payload(reference), now=now, **more)
    await place(store, reference, waybill, now=now)


async def notify(
    store: Store,
    channels: Mapping[Channel, Sends],
    clock: SetClock,
    policy: NotifyPolicy = POLICY,
    *,
    templates: Templates | None = None,
) -> int:
    words = templates or Templates()
    return await notify_due(store=store, channels=channels, templates=words, clock=clock, policy=policy)


def with_rules(**changes: Any) -> NotifyPolicy:
    return replace(POLICY, rules=replace(RULES, **changes))


async def stored_notices(store: Store, reference: str = "R") -> list[Notice]:
    async with store.read() as session:
        return await notices.of_shipment(session, reference)


async def states(store: Store, reference: str = "R") -> list[tuple[str, str, str]]:
    return [(n.milestone.value, n.channel.value, n.state.value) for n in await stored_notices(store, reference)]
