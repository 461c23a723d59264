"""Archive: the failed calls of `attempts` (or all) as compressed JSONL files in object storage.

Three short steps, each of which may be killed at any time: cut (one transaction writes a file's id into its calls),
upload (made from the table, stored on the local disk, uploaded, read back and compared), mark. A file that was
uploaded but not marked is made again under the same name and replaces itself.
"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from awbridge.domain.errors import ObjectsError
from awbridge.domain.privacy import Privacy
from awbridge.domain.retry import backoff
from awbridge.private_files import make_private
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.calls import is_failure, record_of
from awbridge.steps.records.zip_file import as_lines
from awbridge.steps.runtime.clock import Clock
from awbridge.steps.runtime.lease import Lease, checked
from awbridge.store import Store
from awbridge.store.audit import archive, attempts
from awbridge.store.audit.archive import ArchiveFile, Unfiled

log = structlog.get_logger()

MOST_READ = 2000  # attempts read in one transaction
FIRST_PAUSE = timedelta(seconds=5)  # after an upload failed; doubles
LONGEST_PAUSE = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivePolicy:
    """What is archived, and the size and age of files. `folder` holds files on the local disk until they are uploaded.

    `longest_upload`: the longest that uploading a file and reading it back can last. Raises ValueError if the lease is
    shorter.
    """

    folder: Path
    privacy: Privacy
    all_calls: bool = False
    largest: int = 8 * 1024 * 1024  # bytes of bodies in one file, before compression
    oldest: timedelta = timedelta(minutes=5)  # the longest that a call waits for its file
    lease: timedelta = timedelta(minutes=5)
    longest_upload: timedelta = timedelta(minutes=2)

    def __post_init__(self) -> None:
        checked(self.lease, self.longest_upload)


async def archive_due(*, store: Store, objects: Objects, clock: Clock, policy: ArchivePolicy) -> int:
    """Cut a file if one is due, and upload one that is waiting; how much was done."""
    done = await cut_next_file(store=store, clock=clock, policy=policy)
    now = clock()
    async with store.write() as session:
        file = await archive.claim(session, now=now, until=now + policy.lease)
    if file is None:
        return done
    lease = Lease(now + policy.lease, policy.longest_upload)
    return done + await _upload(store, objects, clock, policy, file, lease)


async def cut_next_file(*, store: Store, clock: Clock, policy: ArchivePolicy, at_once: bool = False) -> int:
    """Cut a file from unfiled calls if they are enough or old; how many were filed or left out.

    `at_once`: cut what there is, without waiting for more.
    """
    async with store.read() as session:
        if not await archive.any_unfiled(session):
            return 0
    now = clock()
    async with store.write() as session:
        found = await archive.unfiled(session, limit=MOST_READ)
        wanted, others = _partition(found, policy)
        await archive.leave_out(session, others)
        cut = _enough(wanted, now, policy, more=len(found) == MOST_READ, at_once=at_once)
        if cut:
            file = archive.next_file_id()
            await archive.cut(session, file, object_key(cut[0].made_at, file), cut, now=now)
    return len(others) + len(cut)


def object_key(first_made_at: datetime, file: int) -> str:
    """The name of an archive file in object storage, by the UTC time of its first call."""
    return f"calls/{first_made_at.astimezone(UTC):%Y/%m/%d/%H%M%S}-{file}.jsonl.gz"


def _partition(found: Sequence[Unfiled], policy: ArchivePolicy) -> tuple[list[Unfiled], list[Unfiled]]:
    """(calls to archive, the others)."""
    wanted: list[Unfiled] = []
    others: list[Unfiled] = []
    for call in found:
        failed = is_failure(call.http_status, call.business_status, call.outcome)
        (wanted if failed or policy.all_calls else others).append(call)
    return wanted, others


def _enough(
    wanted: Sequence[Unfiled], now: datetime, policy: ArchivePolicy, *, more: bool, at_once: bool
) -> Sequence[Unfiled]:
    """The calls of the next file; none while it is better to wait for more."""
    size = 0
    for number, call in enumerate(wanted, 1):
        size += call.size
        if size >= policy.largest:
            return wanted[:number]
    old = bool(wanted) and now - min(c.made_at for c in wanted) >= policy.oldest
    return wanted if old or more or at_once else []


async def _upload(
    store: Store, objects: Objects, clock: Clock, policy: ArchivePolicy, file: ArchiveFile, lease: Lease
) -> int:
    try:
        async with store.read() as session:
            found = await attempts.of_file(session, file.id)
        lines = as_lines(record_of(call, policy.privacy) for call in found)
        content = await asyncio.to_thread(_compressed, lines)
        local = await asyncio.to_thread(_keep, policy.folder, file, content)
        if not lease.allows(clock()):
            return 0  # the lease ended meanwhile: the file is claimed again
        stored = await objects.put(file.object_key, content)
    except (ObjectsError, OSError) as error:
        again_at = clock() + backoff(file.tries, first=FIRST_PAUSE, longest=LONGEST_PAUSE)
        problem, tries = _message(error), file.tries
        log.warning("archive.not_uploaded", file=file.object_key, tries=tries, problem=problem, again_at=again_at)
        async with store.write() as session:
            await archive.failed(session, file.id, problem=problem, again_at=again_at)
        return 0
    count, size = len(found), stored.size
    async with store.write() as session:
        await archive.archived(session, file.id, calls=count, size=size, sha256=stored.sha256, now=clock())
    log.info("archive.uploaded", file=file.object_key, calls=count, bytes=size)
    await asyncio.to_thread(local.unlink, missing_ok=True)
    return 1


def _message(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"local disk: {type(error).__name__}: {error.strerror or error}"
    return str(error)


def _compressed(lines: str) -> bytes:
    # Without a timestamp, the same calls yield the same bytes.
    return gzip.compress(lines.encode("utf-8", "replace"), mtime=0)


def _keep(folder: Path, file: ArchiveFile, content: bytes) -> Path:
    """Store the file durably on the local disk before it is uploaded."""
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
    """Remove local files that are already archived (after a crash in between); how many."""
    names = await asyncio.to_thread(lambda: list(policy.folder.glob("*.jsonl.gz")))
    if not names:
        return 0
    done = {Path(f.object_key).name for f in await archive.every(store) if f.archived_at and not f.emptied_at}
    left = [path for path in names if path.name in done]
    for path in left:
        await asyncio.to_thread(path.unlink, missing_ok=True)
    return len(left)


@dataclass(frozen=True, slots=True, kw_only=True)
class Refilled:
    """The result of refilling: files to be uploaded again, and files whose calls have left the table."""

    reopened: int
    gone: int


async def empty(*, store: Store, objects: Objects, clock: Clock) -> int:
    """Delete every file of the archive; how many. Their calls count as not archived until refilled."""
    deleted = 0
    for file in await archive.every(store):
        if file.archived_at is None:
            continue
        async with store.write() as session:  # mark first: retention must not delete calls whose file is being deleted
            await archive.emptied(session, file.id, now=clock())
        await objects.delete(file.object_key)
        deleted += 1
    return deleted


async def refill(*, store: Store, objects: Objects, clock: Clock, everything: bool = False) -> Refilled:
    """Make every file that was emptied, or is missing or damaged in the archive, from the table again.

    `everything`: also archive the calls that were left out because they had not failed.
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
        await archive.reexamine_all(store)
    return Refilled(reopened=reopened, gone=gone)


async def _is_whole(objects: Objects, file: ArchiveFile) -> bool:
    content = await objects.get(file.object_key)
    return content is not None and hashlib.sha256(content).hexdigest() == file.sha256
