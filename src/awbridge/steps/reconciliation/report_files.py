"""Report files: a file from the folder, an upload or the command line becomes a run to be matched.

A file is stored in the database, in parts, until any worker has matched it. The same bytes are one run.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Iterator
from datetime import date
from pathlib import Path

import structlog

from awbridge.domain.errors import NotPossible
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.reconciliation.differences import DifferenceTable
from awbridge.private_files import make_private, open_private
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.people import audit_log
from awbridge.store.reconciliation import reconciliations
from awbridge.store.reconciliation.reconciliations import NewRun, Reconciliation, Stage

log = structlog.get_logger()

PART = 1 << 20  # bytes
LARGEST_FILE = 512 * PART
TAKEN = "taken"  # the folder for files that were accepted
SETTLED = 3.0  # seconds without a change after which a file in the folder is complete
# .xlsb too: it is refused with a reason instead of being ignored.
ENDINGS = (".csv", ".tsv", ".txt", ".xlsx", ".xlsm", ".xls", ".ods", ".xlsb")
LONGEST_NAME = 200

_DAY = re.compile(r"(?<!\d)(20\d\d)-?(\d\d)-?(\d\d)(?!\d)")


def kind_of_file(name: str) -> DifferenceTable:
    """What a file lists, by its name: failed webhooks, failed orders, else registered shipments."""
    words = name.casefold()
    if "webhook" in words:
        return DifferenceTable.WEBHOOKS
    return DifferenceTable.FAILURES if "fail" in words or "error" in words else DifferenceTable.REGISTERED


def day_of_file(name: str) -> date | None:
    """The day in a file's name (2026-11-22 or 20261122); None if there is none."""
    found = _DAY.search(name)
    try:
        return date(int(found[1]), int(found[2]), int(found[3])) if found else None
    except ValueError:
        return None


async def take_file(
    *,
    store: Store,
    clock: Clock,
    parts: AsyncIterator[bytes],
    name: str,
    source: str,
    kind: DifferenceTable,
    day: date | None,
) -> Reconciliation:
    """Store a file to be matched; the existing run if there is one of the same bytes, kind and day.

    `source`: upload, folder or command. Raises NotPossible for an empty file and one over 512 MiB.
    """
    number, size, part = reconciliations.new_id(), 0, 0
    digest = hashlib.sha256(f"{kind.value} {day}\n".encode())
    try:
        async for body in _even(parts):
            size += len(body)
            if size > LARGEST_FILE:
                raise NotPossible(f"{name}: larger than {LARGEST_FILE // PART} MiB; split it")
            digest.update(body)
            async with store.write() as session:
                await reconciliations.add_part(session, number, part, body)
            part += 1
        if not size:
            raise NotPossible(f"{name}: is empty")
        new = NewRun(
            identity=f"file:{digest.hexdigest()}",
            source=source,
            kind=kind,
            name=name.replace("\x00", "")[:LONGEST_NAME],
            day=day,
            state=Stage.MATCHING,
        )
        async with store.write() as session:
            run = await reconciliations.begin(session, number, new, now=clock())
            if run.id != number:
                await reconciliations.drop_file(session, number)
            after = {"bytes": size, "kind": kind, "run": run.id}
            await audit_log.record(session, AuditAction.RECONCILIATION_BEGUN, new.name, after=after, now=clock())
    except BaseException:
        await asyncio.shield(_forget(store, number))
        raise
    return run


async def _forget(store: Store, number: int) -> None:
    async with store.write() as session:
        await reconciliations.drop_file(session, number)


async def _even(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """The same bytes in parts of one size."""
    held = bytearray()
    async for body in parts:
        held += body
        while len(held) >= PART:
            yield bytes(held[:PART])
            del held[:PART]
    if held:
        yield bytes(held)


async def read_parts(path: Path) -> AsyncIterator[bytes]:
    """The bytes of a file on this disk."""
    with path.open("rb") as file:
        while body := await asyncio.to_thread(file.read, PART):
            yield body


async def fetch_file(store: Store, number: int, path: Path) -> None:
    """Write the file of a run to this disk."""
    with open_private(path) as file:
        part = 0
        while True:
            async with store.read() as session:
                body = await reconciliations.read_part(session, number, part)
            if body is None:
                return
            await asyncio.to_thread(file.write, body)
            part += 1


async def take_from_folder(*, store: Store, clock: Clock, folder: Path) -> int:
    """Accept the complete files in a folder, and move them to its folder `taken`; how many.

    A file's kind and day are read from its name.
    """
    taken = 0
    for path in await asyncio.to_thread(_whole_files, folder, clock().timestamp()):
        try:
            run = await take_file(
                store=store,
                clock=clock,
                parts=read_parts(path),
                name=path.name,
                source="folder",
                kind=kind_of_file(path.name),
                day=day_of_file(path.name),
            )
        except NotPossible as problem:
            log.warning("reconcile.file_refused", file=path.name, problem=str(problem))
        else:
            log.info("reconcile.file_accepted", file=path.name, reconciliation=run.id, kind=run.kind.value)
        await asyncio.to_thread(_move_to_taken, path)
        taken += 1
    return taken


def _whole_files(folder: Path, now: float) -> list[Path]:
    return sorted(_settled(folder, now)) if folder.is_dir() else []


def _settled(folder: Path, now: float) -> Iterator[Path]:
    for path in folder.iterdir():
        if path.suffix.lower() in ENDINGS and not path.name.startswith((".", "~")) and path.is_file():
            age = now - path.stat().st_mtime
            if age >= SETTLED or age < -SETTLED:  # a time in the future is ignored
                yield path


def _move_to_taken(path: Path) -> None:
    folder = path.parent / TAKEN
    make_private(folder)
    target, number = folder / path.name, 1
    while target.exists():
        target, number = folder / f"{path.stem}-{number}{path.suffix}", number + 1
    path.rename(target)
