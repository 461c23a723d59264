"""Checks of the installation: settings, disk, database, steps."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
from awbridge.app.parts import missing_parts
from awbridge.app.settings import Settings
from awbridge.clickpost.client import probe
from awbridge.domain.errors import SettingsError
from awbridge.store.audit import figures
from awbridge.store.polling import polls
from awbridge.store.tracking import inbox

LEAST_DISK = 1024**3  # bytes
WORKED_WITHIN = timedelta(minutes=5)


def check_settings(settings: Settings, unknown: Iterable[str]) -> list[Diagnosis]:
    """`unknown`: sentences about names that look like settings and are none."""
    do = "correct or remove it: awbridge serve and work do not start with it"
    found = [Diagnosis("spelling", PROBLEM, sentence, do) for sentence in unknown]
    try:
        settings.check_vendor()
    except SettingsError as error:
        found.append(Diagnosis("settings", PROBLEM, str(error), "set it, then run awbridge doctor again"))
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.api_keys:
        text = f"listens on {settings.host} with no API key: only loopback callers are allowed"
        found.append(Diagnosis("settings", WARNING, text, "set AWBRIDGE_API_KEYS"))
    return found or [Diagnosis("settings", OK, "complete")]


def check_parts(settings: Settings) -> list[Diagnosis]:
    """Whether a setting needs an optional part that is missing. Nothing where none does."""
    text = missing_parts(settings)
    do = "run that command, or unset what needs it: awbridge serve and work do not start otherwise"
    return [Diagnosis("parts", PROBLEM, text, do)] if text else []


def check_disk(settings: Settings) -> Diagnosis:
    path = urlsplit(settings.database_url).path.removeprefix("/") if settings.database_url.startswith("sqlite:") else ""
    folder = Path(path or ".").absolute().parent if path else Path(".").absolute()
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Diagnosis("disk", WARNING, f"{folder}: {error.strerror}", "check that it exists")
    text = f"{free / 2**30:.1f} GiB free in {folder}"
    if free < LEAST_DISK:
        return Diagnosis("disk", PROBLEM, text, "free some disk space")
    return Diagnosis("disk", OK, text)


async def check_database(context: CheckContext) -> list[Diagnosis]:
    started = time.perf_counter()
    async with context.store.read() as session:
        await polls.count_aged_out(session)
    took = (time.perf_counter() - started) * 1000
    state = await context.store.schema_state()
    text = f"{context.store.database.description}, schema {state.schema:04} is current, query took {took:.0f} ms"
    if not state.newer:
        return [Diagnosis("database", OK, text)]
    text += f"; a newer version applied {', '.join(state.newer)}, which this version supports"
    return [Diagnosis("database", WARNING, text, "finish the upgrade: replace this version")]


async def check_steps(context: CheckContext) -> list[Diagnosis]:
    now = context.clock()
    async with context.store.read() as session:
        due = {
            "apply": await inbox.longest_due(session, now=now),
            "push": await figures.longest_due_push(session, now=now),
        }
    late = [name for name, since in due.items() if since and now - since > WORKED_WITHIN]
    if late:
        text = f"work has been due for more than {WORKED_WITHIN.seconds // 60} min: {', '.join(late)}"
        return [Diagnosis("steps", PROBLEM, text, "start awbridge serve or work; if it runs, check its log")]
    host = context.settings.host if context.settings.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    response = await probe.get_health(f"http://{host}:{context.settings.port}/healthz")
    return [judge_service(response, f"{host}:{context.settings.port}", context.store.identity)]


def judge_service(response: probe.Probe, where: str, database: str) -> Diagnosis:
    """Diagnose what answers at the service's address. `database`: the identity of the one that the doctor reads."""
    if response.error:
        text = f"no service responds at {where}; no work is overdue"
        return Diagnosis("steps", WARNING, text, "start awbridge serve, unless it runs elsewhere")
    health = _read_health(response.text)
    if health is None:
        text = f"another program answers at {where} (HTTP {response.status})"
        return Diagnosis("steps", PROBLEM, text, "set AWBRIDGE_PORT to the port of awbridge serve, or end that program")
    if "database" in health and health["database"] != database:
        text = f"the awbridge at {where} works on another database than the one that is checked here"
        do = "set AWBRIDGE_DATABASE_URL and AWBRIDGE_PORT as that service has them, or restart it after a restore"
        return Diagnosis("steps", PROBLEM, text, do)
    if not health["ok"]:
        return Diagnosis("steps", PROBLEM, f"a step hangs: {', '.join(health['hanging'])}", "restart it")
    if "database" not in health:
        text = f"a service of an older version is running at {where}; it does not say on which database"
        return Diagnosis("steps", WARNING, text, "finish the upgrade: restart it")
    return Diagnosis("steps", OK, "the service is running on this database and every step is live")


def _read_health(text: str) -> dict[str, Any] | None:
    """What /healthz of awbridge answered; None if it is another program's answer."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, dict) and "ok" in found and "hanging" in found else None  # pyright: ignore[reportUnknownVariableType]
