"""Archive: failed calls become files in object storage, each call once, whatever breaks in between."""

from __future__ import annotations

import asyncio
import hashlib
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.errors import ObjectsError
from awbridge.domain.privacy_setting import read_privacy
from awbridge.sinks.objects import Objects, StoredObject
from awbridge.steps.audit import archive as step
from awbridge.steps.audit.archive import ArchivePolicy, archive_due, cut_next_file
from awbridge.store import Store
from tests.support.evidence_rows import NAME, PHONE, call, files, good_call, keep, lines
from tests.support.rows import T0, add, fetch, place
from tests.support.s3 import S3Server
from tests.support.slow import slow_port
from tests.support.stores import sqlite_only
from tests.support.world import SetClock

LATER = T0 + timedelta(minutes=6)  # so that what was made at T0 is old enough for its file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "local"


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path}/archive")


def policy(folder: Path, **changes: Any) -> ArchivePolicy:
    values: dict[str, Any] = {"folder": folder, "privacy": read_privacy("phone=mask,name=mask")}
    return ArchivePolicy(**{**values, **changes})


async def run(store: Store, objects: Objects, clock: SetClock, chosen: ArchivePolicy) -> None:
    """Until nothing is left to do."""
    while await archive_due(store=store, objects=objects, clock=clock, policy=chosen):
        pass


async def all_lines(store: Store, objects: Objects) -> list[dict[str, Any]]:
    return [line for file in await files(store) for line in await lines(objects, file.object_key)]


async def test_a_failed_call_is_archived_with_all_that_is_known_of_it(
    store: Store, objects: Objects, folder: Path
) -> None:
    await add(store, "R")
    await keep(store, call(http_status=None, business_status=None, response="", error="ReadTimeout"), outcome="unknown")
    await keep(store, call())
    await place(store, "R", "AWB1")
    await keep(store, good_call(), outcome="placed")
    await run(store, objects, SetClock(LATER), policy(folder))
    first, second = await all_lines(store, objects)
    named = {"id", "time", "api", "reference", "waybill", "method", "url", "request", "http_status", "response"}
    assert set(first) == named | {"business_code", "class", "outcome", "error", "try", "milliseconds"}
    assert (first["class"], first["error"], first["try"], first["waybill"]) == ("no_answer", "ReadTimeout", 1, "AWB1")
    assert (second["class"], second["business_code"], second["try"]) == ("permanent", 314, 2)
    assert second["time"] == "2026-11-02T06:30:00.123456Z"
    assert second["request"]["shipment_details"]["reference_number"] == "R"
    assert list(folder.iterdir()) == []
    (file,) = await files(store)
    assert (file.calls, file.archived_at) == (2, LATER)


async def test_what_the_archive_may_not_see_is_not_in_it_nor_in_the_answers_words(
    store: Store, objects: Objects, folder: Path
) -> None:
    await keep(store, call())
    await run(store, objects, SetClock(LATER), policy(folder))
    (line,) = await all_lines(store, objects)
    assert line["request"]["drop_info"]["drop_phone"] == "*******678"
    assert line["response"]["meta"]["message"] == "the phone *******678 of A*** R*** is wrong"
    assert PHONE not in str(line)
    assert NAME not in str(line)


async def test_good_calls_are_archived_on_request_also_later(store: Store, objects: Objects, folder: Path) -> None:
    await keep(store, good_call(), outcome="placed")
    clock = SetClock(LATER)
    await run(store, objects, clock, policy(folder))
    assert await files(store) == []
    await step.refill(store=store, objects=objects, clock=clock, everything=True)
    await run(store, objects, clock, policy(folder, all_calls=True))
    assert [line["class"] for line in await all_lines(store, objects)] == ["success"]


async def test_a_file_is_cut_when_it_is_large_or_its_oldest_call_is_old(
    store: Store, objects: Objects, folder: Path
) -> None:
    await keep(store, *[call() for _ in range(5)])
    clock, size = SetClock(T0 + timedelta(minutes=1)), len(call().request) + len(call().response)
    chosen = policy(folder, largest=2 * size)
    await run(store, objects, clock, chosen)
    assert [f.calls for f in await files(store)] == [2, 2]
    clock.forward(minutes=4)
    await run(store, objects, clock, chosen)
    assert [f.calls for f in await files(store)] == [2, 2, 1]


async def test_two_replicas_put_each_call_into_one_file(store_url: str, store: Store, folder: Path) -> None:
    await keep(store, *[call() for _ in range(60)])
    other = await Store.open(store_url)
    chosen, clock = policy(folder, largest=10_000), SetClock(LATER)
    try:
        await asyncio.gather(
            *(cut_next_file(store=s, clock=clock, policy=chosen) for _ in range(20) for s in (store, other))
        )
    finally:
        await other.close()
    filed = Counter(row["archive_file"] for row in await fetch(store, "SELECT archive_file FROM attempts"))
    assert {f.id: f.calls for f in await files(store)} == {f: n for f, n in filed.items() if f is not None}
    assert sum(filed.values()) == 60


class Dying(Objects):
    """Dies, as a killed process does, after an object was put."""

    async def put(self, key: str, content: bytes) -> StoredObject:
        await super().put(key, content)
        raise KeyboardInterrupt


async def test_a_kill_between_upload_and_mark_archives_nothing_twice(
    store: Store, tmp_path: Path, objects: Objects, folder: Path
) -> None:
    await keep(store, call())
    clock, chosen = SetClock(LATER), policy(folder)
    dying = Dying.open(f"file://{tmp_path}/archive")
    task = archive_due(store=store, objects=dying, clock=clock, policy=chosen)
    with pytest.raises(KeyboardInterrupt):
        await task
    assert [f.archived_at for f in await files(store)] == [None]
    await run(store, objects, clock, chosen)
    assert [f.archived_at for f in await files(store)] == [None]  # its lease is not over
    clock.forward(minutes=6)
    await run(store, objects, clock, chosen)
    assert len(await all_lines(store, objects)) == 1
    assert len([p for p in (tmp_path / "archive").rglob("*") if p.is_file()]) == 1
    assert list(folder.iterdir()) == []


class Bending(Objects):
    """Keeps something else than what it was given."""

    async def get(self, key: str) -> bytes | None:
        content = await super().get(key)
        return content and content[:-1]


async def test_a_file_that_comes_back_different_does_not_count_as_archived(
    store: Store, tmp_path: Path, folder: Path
) -> None:
    await keep(store, call())
    bending = Bending.open(f"file://{tmp_path}/archive")
    await run(store, bending, SetClock(LATER), policy(folder))
    (file,) = await files(store)
    assert file.archived_at is None
    assert "read back with different content" in str(file.problem)
    assert len(list(folder.iterdir())) == 1


async def test_an_error_of_the_local_disk_is_recorded_and_retried(
    store: Store, objects: Objects, folder: Path, tmp_path: Path
) -> None:
    await keep(store, call())
    folder.write_text("a file in the folder's place")
    clock = SetClock(LATER)
    await run(store, objects, clock, policy(folder))
    assert "local disk" in str((await files(store))[0].problem)
    folder.unlink()
    clock.forward(seconds=6)
    await run(store, objects, clock, policy(folder))
    assert (await files(store))[0].archived_at == clock.now


async def test_a_local_file_that_is_in_the_archive_already_is_tidied_up(
    store: Store, objects: Objects, folder: Path
) -> None:
    await keep(store, call())
    await run(store, objects, SetClock(LATER), policy(folder))
    left = folder / Path((await files(store))[0].object_key).name
    left.write_bytes(b"left by a kill")
    (folder / "other.jsonl.gz").write_bytes(b"not known: stays")
    assert await step.tidy_up(store=store, policy=policy(folder)) == 1
    assert [p.name for p in folder.iterdir()] == ["other.jsonl.gz"]


async def test_an_emptied_archive_is_refilled_with_the_same_files(store: Store, objects: Objects, folder: Path) -> None:
    await keep(store, *[call() for _ in range(3)])
    clock, chosen = SetClock(LATER), policy(folder)
    await run(store, objects, clock, chosen)
    before = await files(store)
    assert await step.empty(store=store, objects=objects, clock=clock) == 1
    assert await objects.get(before[0].object_key) is None
    await run(store, objects, clock, chosen)
    assert await objects.get(before[0].object_key) is None  # only on request
    assert (await step.refill(store=store, objects=objects, clock=clock)).reopened == 1
    await run(store, objects, clock, chosen)
    content = await objects.get(before[0].object_key)
    assert content is not None
    assert hashlib.sha256(content).hexdigest() == before[0].sha256
    assert [f.sha256 for f in await files(store)] == [before[0].sha256]


async def test_a_refill_replaces_lost_and_damaged_files_only(store: Store, objects: Objects, folder: Path) -> None:
    clock, chosen = SetClock(LATER), policy(folder)
    for _ in range(3):
        await keep(store, call())
        await run(store, objects, clock, chosen)
    lost, damaged, _ = await files(store)
    await objects.delete(lost.object_key)
    await objects.put(damaged.object_key, b"x")
    done = await step.refill(store=store, objects=objects, clock=clock)
    assert (done.reopened, done.gone) == (2, 0)
    await run(store, objects, clock, chosen)
    assert len(await all_lines(store, objects)) == 3


async def test_calls_deleted_by_retention_cannot_be_refilled_and_are_counted(
    store: Store, objects: Objects, folder: Path
) -> None:
    await keep(store, call())
    clock = SetClock(LATER)
    await run(store, objects, clock, policy(folder))
    await step.empty(store=store, objects=objects, clock=clock)
    await fetch(store, "DELETE FROM attempts")
    done = await step.refill(store=store, objects=objects, clock=clock)
    assert (done.reopened, done.gone) == (0, 1)


async def test_on_a_real_s3_server_each_call_arrives_once(store: Store, s3: S3Server, folder: Path) -> None:
    objects = Objects.open(s3.url(folder.parent.name), options=s3.options())
    await keep(store, *[call(reference=f"R{n}") for n in range(50)])
    await run(store, objects, SetClock(LATER), policy(folder, largest=20_000))
    found = await all_lines(store, objects)
    assert len({line["id"] for line in found}) == len(found) == 50
    assert len(await files(store)) > 1


@sqlite_only
async def test_while_s3_is_down_or_full_files_stay_here_and_go_later(store: Store, s3: S3Server, folder: Path) -> None:
    objects = Objects.open(s3.url(folder.parent.name), options=s3.options(), timeout=1)
    clock, chosen = SetClock(LATER), policy(folder)
    s3.stop()
    try:
        await keep(store, call())
        await run(store, objects, clock, chosen)
        (down,) = await files(store)
        assert down.problem
        assert down.archived_at is None
        s3.start(full=True)
        await keep(store, call())
        clock.forward(minutes=6)
        await run(store, objects, clock, chosen)
        both = await files(store)
        assert [bool(f.problem) for f in both] == [True, True]
        assert [f.archived_at for f in both] == [None, None]
        assert len(list(folder.iterdir())) == 2
    finally:
        s3.stop()
        s3.start()
    patient = Objects.open(s3.url(folder.parent.name), options=s3.options(), timeout=30)
    for _ in range(20):  # a volume server takes a few seconds until it writes
        clock.forward(minutes=11)
        await run(store, patient, clock, chosen)
        if all(f.archived_at for f in await files(store)):
            break
        await asyncio.sleep(0.5)
    assert len(await all_lines(store, patient)) == 2
    assert list(folder.iterdir()) == []


@sqlite_only
async def test_an_s3_that_hangs_costs_its_time_limit_and_no_call(store: Store, s3: S3Server, folder: Path) -> None:
    async with slow_port(s3.port) as forwarder:
        objects = Objects.open(s3.url(folder.parent.name), options=s3.options(forwarder.port), timeout=0.5)
        await keep(store, call())
        clock, chosen = SetClock(LATER), policy(folder)
        forwarder.stuck = True
        await asyncio.wait_for(run(store, objects, clock, chosen), 60)
        (file,) = await files(store)
        assert file.archived_at is None
        assert file.problem
        forwarder.stuck = False
        patient = Objects.open(s3.url(folder.parent.name), options=s3.options(forwarder.port), timeout=20)
        clock.forward(minutes=1)
        await run(store, patient, clock, chosen)
        assert len(await all_lines(store, patient)) == 1


@pytest.mark.parametrize("url", ["ftp://x/y", "s3://", "folder", "file://relative/path"])
def test_an_address_that_is_none_is_refused_with_what_to_write(url: str) -> None:
    with pytest.raises(Exception, match="AWBRIDGE_ARCHIVE_URL"):
        Objects.open(url)


async def test_wrong_credentials_are_an_error_that_does_not_show_them(s3: S3Server) -> None:
    objects = Objects.open(s3.url("x"), options=s3.options() | {"secret_access_key": "wrong-secret"}, timeout=30)
    with pytest.raises(ObjectsError) as refused:
        await objects.put("a", b"1")
    assert "wrong-secret" not in str(refused.value)
