"""Backups of SQLite: taken in use, verified, retained; and restored without losing what is there."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from awbridge.domain.backup.manifest import BackupManifest, read_manifest
from awbridge.domain.errors import BackupError, ObjectsError
from awbridge.sinks.objects import Objects
from awbridge.steps.backup.after_restore import AfterRestorePolicy
from awbridge.steps.backup.restore import LATEST, extract, find_by_url, find_stored, restore
from awbridge.steps.backup.take import BackupPolicy, back_up, back_up_to_file, manifest_of, stored_backups
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.engine.migrate import own_schema
from tests.support.rows import add, count
from tests.support.s3 import S3Server
from tests.support.stores import migrated_file
from tests.support.world import INDIA

pytestmark = pytest.mark.heavy

POLICY = AfterRestorePolicy(zone=INDIA, report_cron="30 0 * * *", digest_hour=9)


@pytest.fixture
async def database(tmp_path: Path) -> Path:
    """A SQLite file with one shipment."""
    url = await migrated_file(tmp_path)
    store = await Store.open(url)
    await add(store, "R-1")
    await store.close()
    return tmp_path / "awbridge.db"


def policy(database: Path, **more: Any) -> BackupPolicy:
    return BackupPolicy(source=database, folder=database.parent / "work", **more)


async def references(database: Path) -> list[str]:
    connection = apsw.Connection(str(database), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        return [str(row[0]) for row in connection.execute("SELECT reference_number FROM shipments ORDER BY 1")]
    finally:
        connection.close()


async def put_back(database: Path, source: Any) -> Any:
    return await restore(source=source, database=database, clock=utc_now, policy=POLICY)


async def test_a_backup_in_use_holds_what_was_committed_and_is_restored_with_the_old_one_kept(
    database: Path, tmp_path: Path
) -> None:
    objects = Objects.open(f"file://{tmp_path}/bucket")
    store = await Store.open(f"sqlite:///{database}")
    await add(store, "R-2")  # in the WAL only
    made = await back_up(objects=objects, policy=policy(database))
    await add(store, "R-3")
    with pytest.raises(BackupError, match="is in use: stop"):
        await put_back(database, await find_stored(objects, LATEST))
    await store.close()
    restored = await put_back(database, await find_stored(objects, LATEST))
    assert await references(database) == ["R-1", "R-2"]
    assert restored.aside
    assert await references(restored.aside) == ["R-1", "R-2", "R-3"]
    assert (made.schema, made.counts["shipments"]) == (own_schema(), 2)
    assert restored.corrected.counts["shipments_maybe_placed"] == 2
    assert restored.corrected.lost.point_at == made.taken_at
    stored = tmp_path / "bucket" / made.key
    for file in (stored, database, restored.aside):
        assert file.stat().st_mode & 0o077 == 0, "of its owner only"
    assert [p.name for p in tmp_path.iterdir() if p.name.startswith(".awbridge-backup")] == []
    assert list((tmp_path / "work").iterdir()) == []


async def test_what_was_deleted_is_not_in_a_backup(database: Path, tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{database}")
    await add(store, *(f"SECRET-{n}" for n in range(200)))
    async with store.write() as session:
        for table in ("shipments", "track_links"):
            await session.script(f"DELETE FROM {table} WHERE reference_number LIKE 'SECRET%'")
    await store.close()
    await back_up_to_file(file=tmp_path / "copy.db.gz", policy=policy(database))
    for written in (tmp_path / "copy.db.gz", manifest_of(tmp_path / "copy.db.gz")):
        assert written.stat().st_mode & 0o077 == 0, "of its owner only"
    assert b"SECRET" not in gzip.decompress((tmp_path / "copy.db.gz").read_bytes())


async def test_old_backups_go_only_after_a_newer_one_and_those_of_others_stay(database: Path, tmp_path: Path) -> None:
    objects = Objects.open(f"file://{tmp_path}/bucket")
    made = await back_up(objects=objects, policy=policy(database))
    old = replace(made, name="old.db.gz", taken_at=made.taken_at - timedelta(days=15))
    other = replace(old, name="other.db.gz", database="0000")
    for one in (old, other):
        await objects.put(one.key, b"x")
        await objects.put(one.manifest_key, one.to_json())
    with pytest.raises(BackupError, match="no database"):
        await back_up(objects=objects, policy=policy(tmp_path / "none.db"))
    assert len(await stored_backups(objects)) == 3
    newest = await back_up(objects=objects, policy=policy(database))
    assert [one.name for one in await stored_backups(objects)] == [newest.name, made.name, "other.db.gz"]
    assert await objects.get(old.key) is None


def _flip(content: bytes) -> bytes:
    return content[:-40] + bytes([content[-40] ^ 1]) + content[-39:]


def _damaged_database(content: bytes) -> bytes:
    plain = bytearray(gzip.decompress(content))
    plain[8192:12288] = bytes(4096)
    return gzip.compress(bytes(plain))


@pytest.mark.parametrize(
    ("spoil", "with_manifest", "why"),
    [
        (_flip, True, "SHA-256 differs"),
        (lambda c: c[:-100], False, "ended before|Error"),
        (_damaged_database, False, "damaged|cannot read"),
        (lambda _: b"hello", False, "neither a SQLite file"),
        (lambda _: gzip.compress(b"SQLite format 3\x00" + bytes(4096)), False, "cannot read|damaged|not a database"),
    ],
)
async def test_a_backup_that_is_not_sound_changes_nothing(
    database: Path, tmp_path: Path, spoil: Callable[[bytes], bytes], with_manifest: bool, why: str
) -> None:
    file = tmp_path / "copy.db.gz"
    await back_up_to_file(file=file, policy=policy(database))
    file.write_bytes(spoil(file.read_bytes()))
    if not with_manifest:
        Path(f"{file}.json").unlink()
    before = sorted(p.name for p in tmp_path.iterdir())
    with pytest.raises(BackupError, match=f"nothing was restored: .*({why})"):
        await put_back(database, file)
    assert await references(database) == ["R-1"]
    assert sorted(p.name for p in tmp_path.iterdir()) == before


async def test_rows_are_compared_with_the_manifest(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.db.gz"
    made = await back_up_to_file(file=file, policy=policy(database))
    Path(f"{file}.json").write_bytes(replace(made, counts={**made.counts, "shipments": 9}).to_json())
    with pytest.raises(BackupError, match="numbers of rows differ from the manifest's: shipments"):
        await put_back(database, file)


async def test_a_backup_of_a_newer_version_is_refused(database: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(database))
    connection.execute("UPDATE schema_migrations SET number = 9999 WHERE number = 1")
    connection.close()
    await back_up_to_file(file=tmp_path / "copy.db.gz", policy=policy(database))
    with pytest.raises(BackupError, match="newer version of awbridge"):
        await put_back(database, tmp_path / "copy.db.gz")


async def test_a_damaged_database_is_replaced_and_kept(database: Path, tmp_path: Path) -> None:
    file = tmp_path / "copy.db.gz"
    await back_up_to_file(file=file, policy=policy(database))
    database.write_bytes(b"no database any more")
    restored = await put_back(database, file)
    assert await references(database) == ["R-1"]
    assert restored.aside
    assert restored.aside.read_bytes() == b"no database any more"


async def test_the_old_database_is_copied_where_a_file_has_one_name_and_root_gives_the_new_one_to_its_owner(
    database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: list[tuple[int, int]] = []

    def no_link(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_link)
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setattr(os, "chown", lambda _, user, group: given.append((user, group)))
    await back_up_to_file(file=tmp_path / "copy.db.gz", policy=policy(database))
    owner = database.stat()
    restored = await put_back(database, tmp_path / "copy.db.gz")
    assert await references(restored.aside) == ["R-1"]
    assert restored.aside.stat().st_mode & 0o077 == 0
    assert given == [(owner.st_uid, owner.st_gid)]


async def test_a_folder_that_cannot_be_written_to_is_named(database: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(BackupError, match="file/here cannot be written to: Not a directory"):
        await back_up_to_file(file=tmp_path / "file" / "here" / "copy.db.gz", policy=policy(database))


async def test_a_copy_with_its_wal_is_restored_whole(database: Path, tmp_path: Path) -> None:
    store = await Store.open(f"sqlite:///{database}")
    await add(store, "R-2")
    for ending in ("", "-wal"):
        (tmp_path / f"copied{ending}").write_bytes(Path(f"{database}{ending}").read_bytes())
    await store.close()
    await put_back(database, tmp_path / "copied")
    assert await references(database) == ["R-1", "R-2"]


async def test_it_can_be_extracted_beside_a_running_service(database: Path, tmp_path: Path) -> None:
    await back_up_to_file(file=tmp_path / "copy.db.gz", policy=policy(database))
    store = await Store.open(f"sqlite:///{database}")
    await extract(source=tmp_path / "copy.db.gz", target=tmp_path / "look.db")
    assert await count(store, "shipments") == 1
    await store.close()
    assert await references(tmp_path / "look.db") == ["R-1"]
    with pytest.raises(BackupError, match="exists already"):
        await extract(source=tmp_path / "copy.db.gz", target=tmp_path / "look.db")


async def test_without_room_nothing_is_made(database: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "bin").mkdir()
    code = "import shutil, collections\nU = collections.namedtuple('U', 'total used free')\n"
    (tmp_path / "bin" / "sitecustomize.py").write_text(code + "shutil.disk_usage = lambda _: U(9, 9, 0)\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "bin"))
    with pytest.raises(BackupError, match="has 0 MiB free, and a backup needs"):
        await back_up_to_file(file=tmp_path / "copy.db.gz", policy=policy(database))
    assert not (tmp_path / "copy.db.gz").exists()


async def test_a_backup_that_takes_too_long_is_aborted(database: Path, tmp_path: Path) -> None:
    quick = policy(database, longest=timedelta(microseconds=1))
    with pytest.raises(BackupError, match="increase AWBRIDGE_BACKUP_TIMEOUT"):
        await back_up(objects=Objects.open(f"file://{tmp_path}/bucket"), policy=quick)
    assert list((tmp_path / "work").iterdir()) == []


async def test_an_unreadable_manifest_hides_no_other_backup(database: Path, tmp_path: Path) -> None:
    objects = Objects.open(f"file://{tmp_path}/bucket")
    made = await back_up(objects=objects, policy=policy(database))
    await objects.put("backups/z.db.gz.json", b"{}")
    assert [one.name for one in await stored_backups(objects)] == [made.name]
    assert read_manifest(made.to_json()) == made
    for name in ("", "nothing"):
        await objects.put("backups/second.db.gz.json", replace(made, name="second.db.gz").to_json())
        with pytest.raises(BackupError, match="no file and no backup is named" if name else "2 are named"):
            await find_stored(objects, name)


@pytest.mark.slow
async def test_a_backup_in_a_bucket_is_restored_by_name_and_by_url(database: Path, s3: S3Server) -> None:
    objects = Objects.open(s3.url("here"), options=s3.options())
    made: BackupManifest = await back_up(objects=objects, policy=policy(database))
    assert [one.name for one in await stored_backups(objects)] == [made.name]
    folder = Objects.open(s3.url("here/backups"), options=s3.options())
    for source in (await find_stored(objects, made.name), await find_by_url(folder, made.name)):
        restored = await put_back(database, source)
        assert restored.manifest == made
    assert json.loads((await objects.get(made.manifest_key)) or b"")["database"] == made.database
    with pytest.raises(ObjectsError):
        await Objects.open("s3://nothing/x", options=s3.options()).keys("backups/")
