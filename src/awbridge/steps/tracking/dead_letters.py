"""Retry dead letters: all of them, those of one reason, or one. The commands and pages share it."""

from __future__ import annotations

from awbridge.domain.errors import NotFound
from awbridge.domain.tracking.dead_letter import DeadLetterReason
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.tracking import inbox


async def retry_dead_letters(*, store: Store, clock: Clock, reason: DeadLetterReason | None = None) -> int:
    """Every dead letter, or every one of a reason, becomes due again; how many. What is no JSON stays."""
    async with store.write() as session:
        return await inbox.replay(session, reason=reason, now=clock())


async def retry_dead_letter(*, store: Store, clock: Clock, number: int) -> None:
    """One dead letter becomes due again. Raises NotFound if there is none of this id, or it is no JSON."""
    async with store.write() as session:
        if not await inbox.replay_one(session, number, now=clock()):
            raise NotFound(f"there is no dead letter {number} that can be tried again")
