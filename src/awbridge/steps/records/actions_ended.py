"""Ends actions by tracking, or by the cancellation of their shipment, instead of by ClickPost's answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from awbridge.clickpost.wire.tracking_codes import milestone_of
from awbridge.domain.orders.action import Action, ActionEnding, ended_by_cancelling, ended_by_tracking
from awbridge.domain.tracking.lifecycle import StatusInfo
from awbridge.store.engine.database import Session
from awbridge.store.orders import actions

log = structlog.get_logger()


async def end_actions_by_tracking(session: Session, statuses: Mapping[str, StatusInfo], *, now: datetime) -> None:
    """End the actions that the current status of these shipments answers or makes obsolete.

    `statuses`: the status of each, by reference number. The caller holds the shipments locked.
    """

    def ending_of(action: Action) -> ActionEnding | None:
        info = statuses[action.reference_number or ""]
        return ended_by_tracking(action, info, milestone_of(info.code))

    for action in await _end(session, list(statuses), ending_of, now):
        status = statuses[action.reference_number or ""].name
        log.info("action.ended_by_tracking", action=action.id, kind=action.kind.value, status=status)


async def end_actions_by_cancelling(session: Session, reference_number: str, *, now: datetime) -> None:
    """End the actions that are obsolete once their shipment is cancelled at ClickPost."""

    def ending_of(action: Action) -> ActionEnding | None:
        return ended_by_cancelling(action, reference_number)

    await _end(session, [reference_number], ending_of, now)


async def _end(
    session: Session, references: list[str], ending_of: Callable[[Action], ActionEnding | None], now: datetime
) -> list[Action]:
    ended: list[Action] = []
    for action in await actions.open_of(session, references):
        ending = ending_of(action)
        if ending and await actions.ended(session, action.id, ending, now=now):
            ended.append(action)
    return ended
