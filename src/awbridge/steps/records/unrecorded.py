"""Calls made while the database was unavailable: kept in local files, then recorded once it is available again.

A file holds the calls of one write, one JSON object a line. Only its owner can read it: requests contain personal data.
Each call carries the id of its future row, so that recording a file twice adds its calls once.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog
from msgspec import structs

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.domain.notify.alarm_causes import AlarmCause
from awbridge.private_files import make_private
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.notify import alarms

log = structlog.get_logger()

QUIET_AFTER = timedelta(days=1)  # without another dropped call the alarm is cleared
CHECK_EVERY = timedelta(hours=1)  # whether the alarm can be cleared
HALF_WRITTEN_AFTER = 60.0  # seconds; an older partial file belongs to a killed process
_ENDING, _HALF = ".jsonl", ".part"


class Unrecorded:
    """The folder of these files, and the count of calls that could not be kept (`dropped`).

    `most_bytes` limits the size of all files together. Several processes may share one folder.
    """

    def __init__(self, folder: Path, *, clock: Clock, most_bytes: int) -> None:
        self._folder = folder
        self._clock = clock
        self._most_bytes = most_bytes
        self._reported = 0
        self._checked_at: datetime | None = None
        self.dropped = 0

    async def keep(self, new: Sequence[NewAttempt]) -> None:
        """Keep these calls on the disk. Calls that do not fit are counted. Never raises for a disk error."""
        await asyncio.to_thread(self.keep_now, new)

    def keep_now(self, new: Sequence[NewAttempt]) -> None:
        """`keep` for callers without asyncio."""
        if not new:
            return
        try:
            self._write("".join(_line(attempt) for attempt in new).encode())
        except OSError as error:
            self.drop(len(new))
            log.error("calls.not_kept", calls=len(new), problem=error.strerror or type(error).__name__)
        else:
            log.warning("calls.kept_on_disk", calls=len(new))

    def drop(self, calls: int) -> None:
        """Count calls that are lost."""
        self.dropped += calls

    def _write(self, content: bytes) -> None:
        make_private(self._folder)
        if sum(file.stat().st_size for file in self._files()) + len(content) > self._most_bytes:
            raise OSError(0, "the limit for calls on disk is reached")
        name = f"{self._clock().timestamp():017.6f}-{uuid.uuid4().hex}"
        part = self._folder / f"{name}{_HALF}"
        try:
            with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            part.rename(self._folder / f"{name}{_ENDING}")
        except OSError:
            part.unlink(missing_ok=True)
            raise

    def _files(self) -> list[Path]:
        if not self._folder.is_dir():
            return []
        for half in self._folder.glob(f"*{_HALF}"):
            with suppress(FileNotFoundError):  # another process was faster
                if time.time() - half.stat().st_mtime > HALF_WRITTEN_AFTER:
                    half.rename(half.with_suffix(_ENDING))  # read as far as it goes
        return sorted(self._folder.glob(f"*{_ENDING}"))

    async def record(self, store: Store) -> int:
        """Record the kept calls, oldest first; how many. Raises StoreBusy while the database is unavailable."""
        recorded = 0
        for file in await asyncio.to_thread(self._files):
            recorded += await self._record(store, file)
        await self._alarm(store)
        return recorded

    async def _record(self, store: Store, file: Path) -> int:
        try:
            lines = (await asyncio.to_thread(file.read_bytes)).splitlines()
        except FileNotFoundError:
            return 0  # another process was faster
        except OSError as error:
            return await self._set_unreadable(file, 1, problem=type(error).__name__)
        new = [attempt for line in lines if (attempt := _read(line))]
        refused = await record_all(store, new)
        self.drop(refused)
        kept = len(new) - refused
        if lost := len(lines) - len(new) or int(not lines):
            await self._set_unreadable(file, lost, problem="damaged or incomplete")
            return kept
        await asyncio.to_thread(file.unlink, missing_ok=True)
        log.info("calls.recorded_late", calls=kept)
        return kept

    async def _set_unreadable(self, file: Path, lost: int, *, problem: str) -> int:
        log.error("calls.not_read", file=file.name, calls=lost, problem=problem)
        self.drop(lost)
        await asyncio.to_thread(file.rename, file.with_suffix(".unreadable"))
        return 0

    async def _alarm(self, store: Store) -> None:
        now = self._clock()
        if self.dropped == self._reported:
            if self._checked_at is None or now - self._checked_at >= CHECK_EVERY:
                await _end_alarm(store, now)
                self._checked_at = now
            return
        async with store.write() as session:
            text = (
                f"{self.dropped} calls to ClickPost could not be recorded: the database was away and the local disk "
                "had no place for them (see AWBRIDGE_DATA_DIR and AWBRIDGE_UNRECORDED_MIB)"
            )
            await alarms.raise_(session, AlarmCause.CALLS_DROPPED, text, now=now)
        self._reported = self.dropped


async def _end_alarm(store: Store, now: datetime) -> None:
    """Clear the alarm. It outlives the process that raised it."""
    async with store.write() as session:
        raised = await alarms.raised(session, AlarmCause.CALLS_DROPPED)
        if raised and now - raised.last_at >= QUIET_AFTER:
            await alarms.clear(session, AlarmCause.CALLS_DROPPED, now=now)


async def record_all(store: Store, new: Sequence[NewAttempt]) -> int:
    """Record these calls; how many the database refused. These do not hold up the others. Raises StoreBusy."""
    try:
        async with store.write() as session:
            await attempts.add(session, new)
    except StoreBusy:
        raise
    except StoreError:
        if len(new) == 1:
            return 1
        half = len(new) // 2
        return await record_all(store, new[:half]) + await record_all(store, new[half:])
    return 0


@asynccontextmanager
async def kept_if_away(unrecorded: Unrecorded | None, calls: Sequence[NewAttempt]) -> AsyncGenerator[None]:
    """Keep these calls on the disk where the block cannot record them. Raises StoreBusy."""
    try:
        yield
    except StoreBusy:
        if unrecorded:
            await unrecorded.keep(calls)
        raise


async def keep_call(store: Store, unrecorded: Unrecorded | None, call: NewAttempt) -> None:
    """Record one call, or keep it on the disk and raise StoreBusy while the database is unavailable."""
    async with kept_if_away(unrecorded, [call]), store.write() as session:
        await attempts.add(session, [call])


def _line(attempt: NewAttempt) -> str:
    known = structs.replace(attempt, id=attempt.id or attempts.new_id())
    values = structs.asdict(known) | {"call": asdict(known.call), "made_at": known.made_at.isoformat()}
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")) + "\n"


def _read(line: bytes) -> NewAttempt | None:
    """The call in a line; None where the line is damaged or incomplete."""
    try:
        values: dict[str, Any] = json.loads(line)
        call, made_at = Call(**values.pop("call")), datetime.fromisoformat(values.pop("made_at"))
        outcome = AttemptOutcome(values.pop("outcome"))
        return NewAttempt(call=call, made_at=made_at, outcome=outcome, **values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
