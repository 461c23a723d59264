"""deploy/compose: Compose itself reads the file. What it would start is tried as far as that goes without an engine."""

from __future__ import annotations

import json
import os
import pwd
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import asyncpg
import pytest

from awbridge.app.load_settings import load_configuration
from awbridge.app.settings import Settings
from awbridge.store import Store
from tests.support.deploy_tools import tool
from tests.support.pgbouncer import find_pgbouncer
from tests.support.ports import free_port
from tests.support.postgres import PostgresServer
from tests.support.processes import environment

pytestmark = pytest.mark.heavy

DEPLOY = Path(__file__).parents[2] / "deploy"
AWBRIDGE = {"migrate", "serve-1", "serve-2", "work"}

Services = Mapping[str, Mapping[str, Any]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of deploy/ in which the secrets are made."""
    copy = tmp_path_factory.mktemp("compose") / "deploy"
    shutil.copytree(DEPLOY, copy, ignore=shutil.ignore_patterns("secrets", ".env"))
    compose = copy / "compose"
    before = subprocess.run([compose / "make-secrets.sh"], capture_output=True, text=True, check=False)
    assert before.returncode == 1
    assert "clickpost_key" in before.stderr, "it says what only a person can give"
    env = {**os.environ, "CLICKPOST_KEY": "the-vendors-key"}
    subprocess.run([compose / "make-secrets.sh"], env=env, capture_output=True, check=True)
    shutil.copy(compose / ".env.example", compose / ".env")
    return compose


@pytest.fixture(scope="module")
def services(folder: Path) -> Services:
    """What Compose makes of the file."""
    env = environment({"CLICKPOST_USERNAME": "acme"})
    command = [tool("docker-compose"), "config", "--format", "json"]
    done = subprocess.run(command, cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)["services"]


def secret_files(services: Services) -> set[str]:
    return {secret["source"] for service in services.values() for secret in service.get("secrets", ())}


def test_compose_accepts_the_file_and_says_what_is_missing(folder: Path, services: Services) -> None:
    assert set(services) == AWBRIDGE | {"nginx", "postgres", "pgbouncer", "s3", "prometheus", "grafana"}
    command = [tool("docker-compose"), "--env-file", "/dev/null", "config", "--quiet"]
    done = subprocess.run(command, cwd=folder, env=environment({}), capture_output=True, text=True, check=False)
    assert done.returncode
    assert "CLICKPOST_USERNAME" in done.stderr


def test_every_secret_is_a_file_and_none_is_a_variable(folder: Path, services: Services) -> None:
    files = {path.name for path in (folder / "secrets").iterdir()}
    assert files == secret_files(services)
    assert oct((folder / "secrets").stat().st_mode & 0o777) == "0o700"
    made = [(folder / "secrets" / name).read_text() for name in files]
    shown = json.dumps(services)
    assert not [value for value in made if value in shown]
    assert len({value for value in made if re.fullmatch("[0-9a-f]{48}", value)}) == 4, "each password is one of its own"


def test_secrets_that_are_there_are_kept(folder: Path) -> None:
    def read() -> dict[str, str]:
        return {path.name: path.read_text() for path in (folder / "secrets").iterdir()}

    before = read()
    subprocess.run([folder / "make-secrets.sh"], capture_output=True, check=True)
    assert read() == before


def test_awbridge_understands_every_setting_of_the_file(
    folder: Path, services: Services, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in AWBRIDGE:
        given = services[name]["environment"]
        with monkeypatch.context() as patched:
            for variable in [variable for variable in os.environ if variable.startswith("AWBRIDGE_")]:
                patched.delenv(variable)
            for variable, value in given.items():
                patched.setenv(variable, value.replace("/run/secrets", str(folder / "secrets")))
            settings = load_configuration(strict=True).settings
        assert settings.clickpost_key.get_secret_value() == "the-vendors-key"
        assert urlsplit(settings.database_url).hostname == "pgbouncer"
        assert not settings.migrate_on_start, "the one-shot migrates"
        proxy = services["nginx"]["networks"]["inside"]["ipv4_address"]
        assert [str(network).partition("/")[0] for network in settings.trusted_proxies] == [proxy]
        mounted = {f"/run/secrets/{secret['source']}" for secret in services[name]["secrets"]}
        assert {value for variable, value in given.items() if variable.endswith("_FILE")} == mounted


def test_awbridge_runs_without_privileges_and_in_order(services: Services) -> None:
    for name in AWBRIDGE:
        service = services[name]
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"]
        assert service["init"], "a SIGTERM that arrives early would be lost"
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert "privileged" not in service
        assert "ports" not in service, "only nginx is reached from outside"
    assert services["migrate"]["depends_on"]["pgbouncer"]["condition"] == "service_healthy"
    for name in AWBRIDGE - {"migrate"}:
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert services[name]["volumes"][0]["target"] == "/data"
        assert Settings.fields["drain_seconds"].default + 30 < float(services[name]["stop_grace_period"].rstrip("s"))
    assert len({services[name]["volumes"][0]["source"] for name in AWBRIDGE - {"migrate"}}) == 3
    unwatched = {name for name, service in services.items() if not service.get("healthcheck")}
    assert unwatched == AWBRIDGE - {"migrate"}, "their check is the image's"


def test_mounted_files_exist_where_the_services_look_for_them(folder: Path, services: Services) -> None:
    binds = [v for service in services.values() for v in service.get("volumes", ()) if v["type"] == "bind"]
    assert {Path(bind["source"]).exists() for bind in binds} == {True}
    assert {bind["read_only"] for bind in binds} == {True}
    scraped = (folder.parent / "prometheus" / "prometheus.yml").read_text()
    assert "/run/secrets/awbridge_metrics_key" in scraped
    assert "names: [serve]" in scraped
    assert all("serve" in services[name]["networks"]["inside"]["aliases"] for name in ("serve-1", "serve-2"))
    dashboards = (folder.parent / "grafana" / "provisioning" / "dashboards" / "awbridge.yml").read_text()
    assert "/var/lib/grafana/dashboards" in dashboards


@pytest.mark.slow
def test_the_configuration_that_nginx_gets_is_valid(folder: Path, services: Services, tmp_path: Path) -> None:
    shell, flag, script = services["nginx"]["command"]
    made = tmp_path / "default.conf"
    script = script.replace("/etc/nginx/conf.d/default.conf", str(made)).replace("$$", "$")
    script = script.replace("/etc/awbridge/awbridge.conf", str(folder.parent / "nginx" / "awbridge.conf"))
    script = script.replace("/run/secrets", str(folder / "secrets")).partition("exec nginx")[0]
    subprocess.run([shell, flag, script], check=True)
    text = made.read_text()
    assert "127.0.0.1" not in text
    assert "ship.example.com" in text, "the name of .env.example"
    for name in ("serve-1", "serve-2"):
        assert f"server {services[name]['networks']['inside']['ipv4_address']}:8000 max_fails=0;" in text
    whole = tmp_path / "nginx.conf"
    whole.write_text(f"pid {tmp_path}/pid; events {{}} http {{ access_log off; include {made}; }}")
    done = subprocess.run(
        [tool("nginx"), "-t", "-q", "-c", str(whole), "-e", str(tmp_path / "error.log")],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


@contextmanager
def pooler(folder: Path, server: str) -> Iterator[int]:
    """The real PgBouncer with the file of deploy/, in front of this PostgreSQL; the port."""
    with tempfile.TemporaryDirectory(prefix="pgbouncer-") as home:  # pytest's own folders are closed to other users
        yield from _pooler(folder, server, Path(home))


def _pooler(folder: Path, server: str, tmp_path: Path) -> Iterator[int]:
    port, parts = free_port(), urlsplit(server)
    users = tmp_path / "users"
    shutil.copy(folder / "secrets" / "pgbouncer_users", users)
    file = tmp_path / "pgbouncer.ini"
    text = (folder / "pgbouncer" / "pgbouncer.ini").read_text()
    there = f"host=127.0.0.1 port={parts.port} dbname={parts.path[1:]}"
    text = text.replace("host=postgres port=5432 dbname=awbridge", there)
    text = text.replace("listen_addr = *", "listen_addr = 127.0.0.1").replace("6432", str(port))
    file.write_text(text.replace("/run/secrets/pgbouncer_users", str(users)))
    user = "nobody" if os.geteuid() == 0 else None  # it refuses to run as root
    if user:
        for path in (tmp_path, file, users):
            os.chown(path, pwd.getpwnam(user).pw_uid, -1)
    binary = find_pgbouncer() or tool("pgbouncer")
    process = subprocess.Popen([binary, str(file)], user=user, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        check = [tool("pg_isready"), "--host=127.0.0.1", f"--port={port}", "--username=awbridge", "--dbname=awbridge"]
        deadline = time.monotonic() + 60
        while subprocess.run(check, capture_output=True, check=False).returncode and time.monotonic() < deadline:
            time.sleep(0.05)
        yield port
    finally:
        process.terminate()
        process.wait(60)


@pytest.mark.slow
async def test_awbridge_migrates_through_that_pgbouncer(folder: Path, postgres: PostgresServer) -> None:
    server = await postgres.new_database()
    url = (folder / "secrets" / "database_url").read_text()
    with pooler(folder, server) as port:
        store = await Store.open(url.replace("pgbouncer:6432", f"127.0.0.1:{port}"))
        try:
            assert await store.migrate()
            assert await store.pending_migrations() == []
        finally:
            await store.close()
        with pytest.raises(asyncpg.PostgresError, match="authentication failed"):
            await asyncpg.connect(f"postgresql://awbridge:wrong@127.0.0.1:{port}/awbridge")
