"""What ends actions besides ClickPost's own answers: tracking, and the cancellation of their shipment."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

import structlog

from awbridge.clickpost.codes import milestone_of, status_info
from awbridge.domain.action import Action, ActionEnding, ended_by_cancelling, ended_by_tracking
from awbridge.store import actions
from awbridge.store.database import Session

log = structlog.get_logger()


async def end_actions_by_tracking(session: Session, codes: Mapping[str, int], *, now: datetime) -> None:
    """End the actions that the current status of these shipments answers or makes needless.

    `codes`: the status code of each, by reference number. The caller holds the shipments locked.
    """

    def ending_of(action: Action) -> ActionEnding | None:
        code = codes[action.reference_number or ""]
        return ended_by_tracking(action, status_info(code), milestone_of(code))

    for action in await _end(session, list(codes), ending_of, now):
        code = codes[action.reference_number or ""]
        log.info("action.ended_by_tracking", action=action.id, kind=action.kind.value, status=status_info(code).name)


async def end_actions_by_cancelling(session: Session, reference_number: str, *, now: datetime) -> None:
    """End the actions that are of no use once their shipment is cancelled at ClickPost."""

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
