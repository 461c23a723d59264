"""Calls that were made while the database was away: kept in files of this machine until it is back, then recorded.

One file holds the calls of one moment, one JSON object a line. It is readable by its owner alone: requests name people.
Each call carries the id that its row will have, so that a file recorded twice is recorded once.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
import uuid
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import asdict, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import structlog

from awbridge.domain.attempt import AttemptOutcome
from awbridge.domain.call import Call
from awbridge.domain.errors import StoreBusy, StoreError
from awbridge.sinks.objects import make_private
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.store.audit.attempts import NewAttempt
from awbridge.store.notify import alarms

log = structlog.get_logger()

ALARM = "calls.dropped"
QUIET_AFTER = timedelta(days=1)  # without a call dropped anew, the alarm is over
LOOK_EVERY = timedelta(hours=1)  # whether the alarm is over
HALF_WRITTEN_AFTER = 60.0  # seconds; a file that was not finished by then belongs to a process that was killed
_ENDING, _HALF = ".jsonl", ".part"


class Unrecorded:
    """The folder of these files, and the count of calls for which there was no place (`dropped`).

    `most_bytes` bounds all files together. Several processes may share one folder.
    """

    def __init__(self, folder: Path, *, clock: Clock, most_bytes: int) -> None:
        self._folder = folder
        self._clock = clock
        self._most_bytes = most_bytes
        self._told = 0
        self._looked_at: datetime | None = None
        self.dropped = 0

    async def keep(self, new: Sequence[NewAttempt]) -> None:
        """Keep these calls on the disk. What finds no place is counted. Never raises for what the disk does."""
        await asyncio.to_thread(self.keep_now, new)

    def keep_now(self, new: Sequence[NewAttempt]) -> None:
        """The same where nothing can be awaited."""
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
        """Write down what lies on the disk, the oldest first; how many calls. Raises StoreBusy while it is away."""
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
            return await self._lay_aside(file, 1, problem=type(error).__name__)
        new = [attempt for line in lines if (attempt := _read(line))]
        kept = await self._write_down(store, new)
        if lost := len(lines) - len(new) or int(not lines):
            await self._lay_aside(file, lost, problem="spoilt, or not written to its end")
            return kept
        await asyncio.to_thread(file.unlink, missing_ok=True)
        log.info("calls.recorded_late", calls=kept)
        return kept

    async def _lay_aside(self, file: Path, lost: int, *, problem: str) -> int:
        log.error("calls.unreadable", file=file.name, calls=lost, problem=problem)
        self.drop(lost)
        await asyncio.to_thread(file.rename, file.with_suffix(".unreadable"))
        return 0

    async def _write_down(self, store: Store, new: Sequence[NewAttempt]) -> int:
        try:
            async with store.write() as session:
                await attempts.add_many(session, new)
        except StoreBusy:
            raise
        except StoreError:
            if len(new) == 1:
                self.drop(1)
                return 0
            half = len(new) // 2  # one call that the database refuses does not hold up the others
            return await self._write_down(store, new[:half]) + await self._write_down(store, new[half:])
        return len(new)

    async def _alarm(self, store: Store) -> None:
        now = self._clock()
        if self.dropped == self._told:
            if self._looked_at is None or now - self._looked_at >= LOOK_EVERY:
                await _end_alarm(store, now)
                self._looked_at = now
            return
        async with store.write() as session:
            text = (
                f"{self.dropped} calls to ClickPost could not be recorded: the database was away and the local disk "
                "had no place for them (see AWBRIDGE_DATA_DIR and AWBRIDGE_UNRECORDED_MIB)"
            )
            await alarms.raise_(session, ALARM, text, now=now)
        self._told = self.dropped


async def _end_alarm(store: Store, now: datetime) -> None:
    """The alarm outlives the process that raised it, which may have been started anew since."""
    async with store.write() as session:
        raised = next((alarm for alarm in await alarms.open_now(session) if alarm.cause == ALARM), None)
        if raised and now - raised.last_at >= QUIET_AFTER:
            await alarms.clear(session, ALARM, now=now)


@asynccontextmanager
async def kept_if_away(unrecorded: Unrecorded | None, calls: Sequence[NewAttempt]) -> AsyncGenerator[None]:
    """The block records these calls; where the database is away, the disk keeps them instead. Raises StoreBusy."""
    try:
        yield
    except StoreBusy:
        if unrecorded:
            await unrecorded.keep(calls)
        raise


async def keep_call(store: Store, unrecorded: Unrecorded | None, call: NewAttempt) -> None:
    """Record a call by itself, or keep it on the disk while the database is away. Raises StoreBusy then."""
    async with kept_if_away(unrecorded, [call]), store.write() as session:
        await attempts.add_many(session, [call])


def _line(attempt: NewAttempt) -> str:
    known = replace(attempt, id=attempt.id or attempts.new_id())
    values = asdict(known) | {"made_at": known.made_at.isoformat()}
    return json.dumps(values, ensure_ascii=True, separators=(",", ":")) + "\n"


def _read(line: bytes) -> NewAttempt | None:
    """The call in a line; None where it is spoilt, or was not written to its end."""
    try:
        values: dict[str, Any] = json.loads(line)
        call, made_at = Call(**values.pop("call")), datetime.fromisoformat(values.pop("made_at"))
        outcome = AttemptOutcome(values.pop("outcome"))
        return NewAttempt(call=call, made_at=made_at, outcome=outcome, **values)
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
