"""The doctor looks at what an installation stands on: the service at its port, folders, backups, hosts."""

from __future__ import annotations

import asyncio
import errno
import shutil
import socket
import tempfile
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from awbridge.app.database import open_store
from awbridge.app.doctor import hosts
from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext
from awbridge.app.doctor.hosts import Host, HostState, judge_hosts, look_at, read_host
from awbridge.app.doctor.installation import judge_service
from awbridge.app.doctor.storage import check_backup, check_folders
from awbridge.app.settings import Settings
from awbridge.clickpost.client.probe import Probe
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.audit import runs
from awbridge.store.backup import wal_archive
from awbridge.store.backup.wal_archive import WalArchive
from tests.app.test_doctor import a_store, settings_at
from tests.support.rows import sql
from tests.support.stores import postgres_only
from tests.support.tls import server_context

pytestmark = pytest.mark.heavy

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("response", "level", "words"),
    [
        (Probe(error="ConnectError"), WARNING, "no service responds at h:1"),
        (Probe(status=200, text="<h1>nginx</h1>"), PROBLEM, "another program answers at h:1 (HTTP 200)"),
        (Probe(status=404, text='{"detail": "no"}'), PROBLEM, "another program answers at h:1 (HTTP 404)"),
        (Probe(status=200, text='{"ok": true, "hanging": [], "database": "mine"}'), OK, "running on this database"),
        (Probe(status=200, text='{"ok": true, "hanging": [], "database": "b"}'), PROBLEM, "on another database"),
        (Probe(status=503, text='{"ok": false, "hanging": ["push"], "database": "mine"}'), PROBLEM, "hangs: push"),
        (Probe(status=200, text='{"ok": true, "hanging": []}'), WARNING, "a service of an older version"),
    ],
    ids=str,
)
def test_the_service_is_told_from_others_at_its_address(response: Probe, level: str, words: str) -> None:
    found = judge_service(response, "h:1", "mine")
    assert (found.level, words in found.found) == (level, True)


async def test_a_database_has_one_identity_and_its_copy_another(tmp_path: Path) -> None:
    identities: list[str] = []
    for name in ("a.db", "a.db", "copy.db"):
        if name == "copy.db":
            shutil.copy(tmp_path / "a.db", tmp_path / name)
        async with open_store(
            settings_at(tmp_path, database_url=f"sqlite:///{tmp_path}/{name}"), migrate=True
        ) as store:
            identities.append(store.identity)
    assert identities[0] == identities[1] != identities[2]
    assert {len(identity) for identity in identities} == {16}


@postgres_only
async def test_a_postgresql_database_has_an_identity_and_tells_of_its_wal(store: Store) -> None:
    await store.identify()
    first = store.identity
    await store.identify()
    assert (len(first), store.identity) == (16, first)
    async with store.read() as session:
        assert await wal_archive.state(session) == WalArchive(is_on=False, fails=False, last_at=None)
    context = CheckContext(settings=Settings(), store=store, clickpost=None, clock=utc_now, url="")
    (found,) = await check_backup(context)
    assert (found.level, "the server archives no WAL" in found.found) == (WARNING, True)


@pytest.mark.parametrize(
    ("age", "problem", "level", "words"),
    [
        (timedelta(hours=5), None, OK, "the last one is 5 hours old"),
        (timedelta(days=3), None, WARNING, "the last one is 3 days old"),
        (None, None, WARNING, "none is known"),
        (timedelta(hours=5), "the disk is full", WARNING, "the newest one failed: the disk is full"),
    ],
)
async def test_missing_backups_are_reported(
    tmp_path: Path, age: timedelta | None, problem: str | None, level: str, words: str
) -> None:
    store = await a_store(settings_at(tmp_path))
    rows = [(age, None)] if age else []
    rows += [(timedelta(hours=1), problem)] if problem else []
    async with store.write() as session:
        for old, wrong in rows:
            await runs.begin(session, "backup", NOW - old, now=NOW)
            await session.execute(
                sql("UPDATE runs SET started_at = $1, finished_at = $1, problem = $2 WHERE due_at = $1"),
                NOW - old,
                wrong,
            )
    context = CheckContext(settings=settings_at(tmp_path), store=store, clickpost=None, clock=lambda: NOW, url="")
    (found,) = await check_backup(context)
    await store.close()
    assert (found.level, words in found.found) == (level, True)


def test_folders_that_cannot_be_written_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data, archive = tmp_path / "data", tmp_path / "archive"
    (data / "archive").mkdir(parents=True)
    settings = settings_at(tmp_path, data_dir=str(data), archive_url=f"file://{archive}/deeper")
    assert [f.level for f in check_folders(settings)] == [OK]
    assert not archive.exists(), "the doctor creates no folder"
    refused = {data / "archive", tmp_path}
    create = tempfile.TemporaryFile

    def as_another_user(*, dir: Path, prefix: str) -> Any:
        if dir in refused:
            raise PermissionError(errno.EACCES, "Permission denied")
        return create(dir=dir, prefix=prefix)

    monkeypatch.setattr(tempfile, "TemporaryFile", as_another_user)  # the tests may run as root, who may do anything
    assert [(f.level, f.found) for f in check_folders(settings)] == [
        (PROBLEM, f"{data}/archive (in AWBRIDGE_DATA_DIR) cannot be written: Permission denied"),
        (PROBLEM, f"{archive}/deeper (AWBRIDGE_ARCHIVE_URL) cannot be written: Permission denied"),
        (
            PROBLEM,
            f"{tmp_path} (the database's folder, where SQLite writes beside the file) cannot be written: "
            "Permission denied",
        ),
    ]


async def test_a_database_that_others_can_read_is_a_warning(tmp_path: Path) -> None:
    settings = settings_at(tmp_path, data_dir=str(tmp_path / "data"))
    await (await a_store(settings)).close()
    file = tmp_path / "d.db"
    file.chmod(0o600)
    assert [f.level for f in check_folders(settings)] == [OK]
    file.chmod(0o644)
    (_, found) = check_folders(settings)
    assert (found.level, "0644" in found.found, found.do) == (WARNING, True, f"chmod 600 {file}*")


def test_hosts_are_read_from_urls() -> None:
    assert read_host("https://a.example/path") == Host("a.example", 443, tls=True)
    assert read_host("http://a.example:8080") == Host("a.example", 8080, tls=False)
    assert read_host("smtp://u:p@mail.example") == Host("mail.example", 587, tls=False)
    assert read_host("smtps://mail.example:465?x=y") == Host("mail.example", 465, tls=True)
    assert [read_host(url) for url in ("", "file:///a", "https://", "https://[", "https://a:b")] == [None] * 5


@pytest.mark.parametrize(
    ("days", "level", "words"),
    [
        (90, OK, "2 hosts resolve; the first certificate expires on"),
        (13, WARNING, "h:443: its certificate expires on 2026-12-13, in 13 days"),
    ],
)
def test_certificates_that_expire_soon_are_a_warning(days: int, level: str, words: str) -> None:
    secure = HostState(host=Host("h", 443, tls=True), expires_at=NOW + timedelta(days=days))
    (found,) = judge_hosts([secure, HostState(host=Host("g", 80, tls=False))], now=NOW)
    assert (found.level, words in found.found) == (level, True)


async def test_a_certificate_is_read_and_what_is_wrong_with_a_host_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hosts, "getproxies", dict)
    context = server_context(tmp_path, monkeypatch, trusted=False)
    server = await asyncio.start_server(lambda _reader, writer: writer.close(), "127.0.0.1", 0, ssl=context)
    host = Host("localhost", server.sockets[0].getsockname()[1], tls=True)
    unknown = await look_at(host)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate.pem"))
    known, other = await look_at(host), await look_at(replace(host, name="127.0.0.1"))
    server.close()
    refused = await look_at(host)
    assert unknown.problem.startswith("its certificate is not valid (")
    assert other.problem.startswith("its certificate is not valid (IP address mismatch")
    assert known.problem == ""
    assert known.expires_at
    assert timedelta(days=1) < known.expires_at - datetime.now(UTC) < timedelta(days=3)
    assert refused.problem.startswith("cannot be reached (")
    found = judge_hosts([unknown, known], now=datetime.now(UTC))
    assert [f.level for f in found] == [WARNING, WARNING]


async def test_a_name_that_does_not_resolve_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(_host: str, _port: int) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    found = await look_at(Host("api.clickpost.example", 443, tls=True))
    assert (found.problem, "DNS server" in found.do) == ("its name does not resolve", True)
