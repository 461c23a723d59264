"""Checks of the installation: settings, disk, database, steps."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext, Diagnosis
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
    if response.status == 200:
        return [Diagnosis("steps", OK, "the service is running and every step is live")]
    if response.status == 503:
        return [Diagnosis("steps", PROBLEM, f"a step hangs: {response.text[:200]}", "restart it")]
    text = f"no service responds at {host}:{context.settings.port}; no work is overdue"
    return [Diagnosis("steps", WARNING, text, "start awbridge serve, unless it runs elsewhere")]
