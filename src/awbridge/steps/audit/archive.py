"""Archive: the failed calls of `attempts` (or all) as compressed JSONL files in object storage.

Three short rounds, each of which a kill may end anywhere: cut (one transaction writes a file's id into its calls),
upload (made from the table, put on the local disk, uploaded, read back and compared), mark. A file that was uploaded
but not marked is made again with the same name and replaces itself.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import structlog

from awbridge.domain.errors import ObjectsError
from awbridge.domain.privacy import Privacy
from awbridge.domain.retry import backoff
from awbridge.sinks.objects import Objects, Stored, make_private
from awbridge.steps.audit.calls import is_failure, line_of, record_of
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease, checked
from awbridge.store import Store
from awbridge.store.audit import archive, calls
from awbridge.store.audit.archive import ArchiveFile, OpenFile, Unfiled

log = structlog.get_logger()

LOOK = 2000  # attempts looked at in one transaction
FIRST_PAUSE = timedelta(seconds=5)  # after an upload failed; doubles
LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePolicy:
    """What goes into the archive, in files of what size and age. `folder` is the local disk's part of it.

    `longest_upload`: what putting one file and reading it back can last. Raises ValueError where the lease is shorter.
    """

    folder: Path
    privacy: Privacy
    all_calls: bool = False
    largest: int = 8 * 1024 * 1024  # bytes of bodies in one file, before compression
    oldest: timedelta = timedelta(minutes=5)  # a call waits no longer than this for its file
    lease: timedelta = timedelta(minutes=5)
    longest_upload: timedelta = timedelta(minutes=2)

    def __post_init__(self) -> None:
        checked(self.lease, self.longest_upload)


async def archive_due(*, store: Store, objects: Objects, clock: Clock, policy: ArchivePolicy) -> int:
    """Cut a file if one is due, and upload one that waits; how much was done."""
    done = await cut_next_file(store=store, clock=clock, policy=policy)
    now = clock()
    async with store.write() as session:
        file = await archive.claim(session, now=now, until=now + policy.lease)
    if file is None:
        return done
    lease = Lease(now + policy.lease, policy.longest_upload)
    return done + await _upload(store, objects, clock, policy, file, lease)


async def cut_next_file(*, store: Store, clock: Clock, policy: ArchivePolicy, at_once: bool = False) -> int:
    """Give calls that no file holds yet a file, if there is enough of them or they are old; how many were settled.

    `at_once`: whatever there is, without waiting for more.
    """
    async with store.read() as session:
        if not await archive.any_unfiled(session):
            return 0
    now = clock()
    async with store.write() as session:
        found = await archive.unfiled(session, limit=LOOK)
        wanted, others = _sorted_out(found, policy)
        await archive.leave_out(session, others)
        cut = _enough(wanted, now, policy, more=len(found) == LOOK, at_once=at_once)
        if cut:
            await archive.cut(session, cut, now=now)
    return len(others) + len(cut)


def _sorted_out(found: Sequence[Unfiled], policy: ArchivePolicy) -> tuple[list[Unfiled], list[Unfiled]]:
    """(those that belong into the archive, the others)."""
    wanted: list[Unfiled] = []
    others: list[Unfiled] = []
    for call in found:
        failed = is_failure(call.http_status, call.business_status, call.outcome)
        (wanted if failed or policy.all_calls else others).append(call)
    return wanted, others


def _enough(
    wanted: Sequence[Unfiled], now: datetime, policy: ArchivePolicy, *, more: bool, at_once: bool
) -> Sequence[Unfiled]:
    """What makes up the next file; nothing while it is worth waiting for more."""
    size = 0
    for number, call in enumerate(wanted, 1):
        size += call.size
        if size >= policy.largest:
            return wanted[:number]
    old = bool(wanted) and now - min(c.made_at for c in wanted) >= policy.oldest
    return wanted if old or more or at_once else []


async def _upload(
    store: Store, objects: Objects, clock: Clock, policy: ArchivePolicy, file: OpenFile, lease: Lease
) -> int:
    try:
        async with store.read() as session:
            found = await calls.of_file(session, file.id)
        lines = [line_of(record_of(call, policy.privacy)) for call in found]
        content = await asyncio.to_thread(_compressed, lines)
        local = await asyncio.to_thread(_keep, policy.folder, file, content)
        if not lease.allows(clock()):
            return 0  # making it took too long: it is claimed again
        stored = await objects.put(file.object_key, content)
    except (ObjectsError, OSError) as error:
        again_at = clock() + backoff(file.tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        problem, tries = _words(error), file.tries
        log.warning("archive.not_uploaded", file=file.object_key, tries=tries, problem=problem, again_at=again_at)
        async with store.write() as session:
            await archive.failed(session, file.id, problem=problem, again_at=again_at)
        return 0
    await _mark(store, clock, file, len(found), stored)
    await asyncio.to_thread(local.unlink, missing_ok=True)
    return 1


async def _mark(store: Store, clock: Clock, file: OpenFile, count: int, stored: Stored) -> None:
    async with store.write() as session:
        await archive.archived(session, file.id, calls=count, size=stored.size, sha256=stored.sha256, now=clock())
    log.info("archive.uploaded", file=file.object_key, calls=count, bytes=stored.size)


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"local disk: {type(error).__name__}: {error.strerror or error}"
    return str(error)


def _compressed(lines: Sequence[bytes]) -> bytes:
    # Without a time inside, the same calls make the same bytes.
    return gzip.compress(b"".join(lines), mtime=0)


def _keep(folder: Path, file: OpenFile, content: bytes) -> Path:
    """On the local disk, for good, before anything goes out."""
    make_private(folder)
    path = folder / Path(file.object_key).name
    if path.exists() and path.read_bytes() == content:
        return path
    new = path.with_suffix(f".{os.getpid()}.new")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as out:
        out.write(content)
        out.flush()
        os.fsync(out.fileno())
    new.replace(path)
    directory = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
    return path


async def tidy_up(*, store: Store, policy: ArchivePolicy) -> int:
    """Remove local files that are in the archive already (a crash came between); how many."""
    names = await asyncio.to_thread(lambda: list(policy.folder.glob("*.jsonl.gz")))
    if not names:
        return 0
    done = {Path(f.object_key).name for f in await archive.every(store) if f.archived_at and not f.emptied_at}
    gone = [path for path in names if path.name in done]
    for path in gone:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return len(gone)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refilled:
    """What came of refilling: files that will be uploaded anew, and files of which no call is left in the table."""

    reopened: int
    gone: int


async def empty(*, store: Store, objects: Objects, clock: Clock) -> int:
    """Take every file out of the archive; how many. Their calls count as not archived until they are refilled."""
    taken = 0
    for file in await archive.every(store):
        if file.archived_at is None:
            continue
        async with store.write() as session:  # first the mark: retention must not delete what is being taken out
            await archive.emptied(session, file.id, now=clock())
        await objects.delete(file.object_key)
        taken += 1
    return taken


async def refill(*, store: Store, objects: Objects, clock: Clock, everything: bool = False) -> Refilled:
    """Have every file that was emptied, or is missing or damaged in the archive, made from the table again.

    `everything`: calls that were left out because they had not failed get their turn too.
    """
    reopened = gone = 0
    for file in await archive.every(store):
        if file.archived_at is None or (file.emptied_at is None and await _is_whole(objects, file)):
            continue
        async with store.write() as session:
            if await archive.reopen(session, file.id, now=clock()):
                reopened += 1
            else:
                gone += 1
    if everything:
        await archive.look_again_at_all(store)
    return Refilled(reopened=reopened, gone=gone)


async def _is_whole(objects: Objects, file: ArchiveFile) -> bool:
    content = await objects.get(file.object_key)
    return content is not None and hashlib.sha256(content).hexdigest() == file.sha256
