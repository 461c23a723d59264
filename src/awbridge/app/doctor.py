"""The doctor: looks at everything that has to be right, says what is wrong and what to do about it."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from awbridge.app import connections, policies
from awbridge.app.settings import PREFIX, Settings
from awbridge.clickpost.client import probe
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.domain.errors import AwbridgeError, SchemaTooNew, SettingsError, StoreError, VendorError
from awbridge.domain.orders.attention import NEEDS
from awbridge.domain.tracking.asking import DAY, PollingMode, calls_a_day
from awbridge.sinks.messages import is_free_text_on_whatsapp
from awbridge.steps.audit.try_archive import try_archive
from awbridge.steps.polling.watch import SILENT, Coverage, coverage
from awbridge.steps.runtime.clock import Clock, utc_now
from awbridge.steps.runtime.set_clocks import MAY_DIFFER
from awbridge.store import Store
from awbridge.store.audit import figures
from awbridge.store.couriers import couriers
from awbridge.store.engine.shared_time import SHARED_TIME
from awbridge.store.notify import alarms, attention
from awbridge.store.orders import shipments
from awbridge.store.polling import webhook_keys
from awbridge.store.polling.webhook_keys import NO_KEY, WRONG_KEY
from awbridge.store.tracking import inbox
from awbridge.web.webhook.endpoint import PATH, REFUSED, WRONG_ELSEWHERE

OK, WARNING, ATTENTION, PROBLEM = "ok", "warning", "attention", "problem"
CLOCK_MAY_DIFFER = 30.0  # seconds
LEAST_DISK = 1024**3  # bytes
WORKED_WITHIN = timedelta(minutes=5)
LONGEST_LAG = timedelta(minutes=30)
RECENT = timedelta(days=1)
LONGEST_TRY = 10.0  # seconds that the archive may take to answer
POLLING_SHARE = 0.8  # of the pace: the rest is for updated-order and for what failed

CURES = """ClickPost's key comes in the header `webhook_key`. Many proxies drop header names with an underscore.

nginx, in the server block (of the default server of that address and port, if there are several):
    underscores_in_headers on;

Caddy up to 2.11.3 lets it through, 2.11.4 drops it with no way out; after that, in the global options:
    {
        servers {
            expected_underscore_headers webhook_key
        }
    }

AWS ALB, where invalid header fields are dropped (off by default):
    aws elbv2 modify-load-balancer-attributes --load-balancer-arn ARN \\
        --attributes Key=routing.http.drop_invalid_header_fields.enabled,Value=false

Where none of this can be had, register the address with the key in it: /webhooks/clickpost/<key> or
/webhooks/clickpost?secret=<key>. A key in the header Authorization passes proxies too, on accounts that can send it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What one check found, in words, and what to do.

    `level`: `problem` where awbridge itself is not right, `attention` where it is and something needs a person (an
    order, a parcel, an alarm), `warning` where it is worth a look, or `ok`.
    """

    check: str
    level: str
    found: str
    do: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Patient:
    """What the checks look at."""

    settings: Settings
    store: Store
    clickpost: AsyncClickPost
    clock: Clock
    url: str


async def examine(
    settings: Settings, *, url: str = "", clock: Clock = utc_now, environment: Mapping[str, str] = os.environ
) -> list[Diagnosis]:
    """Every check in order. `url` is the public address of the webhook; by default the one registered last.

    What a failed check makes impossible is left out.
    """
    findings = _settings(settings, environment)
    findings.append(_disk(settings))
    if any(f.level == PROBLEM and f.check == "settings" for f in findings):
        return findings
    try:
        async with connections.open_store(settings, migrate=False) as store, connections.vendor(settings) as clickpost:
            patient = _Patient(settings=settings, store=store, clickpost=clickpost, clock=clock, url=url)
            findings += [finding async for finding in _checks(patient)]
    except SettingsError as error:
        findings.append(Diagnosis(check="database", level=PROBLEM, found=str(error), do="run awbridge migrate"))
    except SchemaTooNew as error:
        findings.append(Diagnosis(check="database", level=PROBLEM, found=str(error), do="install that version"))
    except StoreError as error:
        do = "start the database, and check AWBRIDGE_DATABASE_URL"
        findings.append(Diagnosis(check="database", level=PROBLEM, found=str(error), do=do))
    return findings


Check = Callable[[_Patient], Coroutine[Any, Any, list[Diagnosis]]]


async def _checks(patient: _Patient) -> AsyncIterator[Diagnosis]:
    for check in _CHECKS:
        try:
            findings = await check(patient)
        except AwbridgeError as error:
            name = check.__name__.strip("_")
            findings = [Diagnosis(check=name, level=PROBLEM, found=str(error), do="mend this and look again")]
        for finding in findings:
            yield finding


def _settings(settings: Settings, environment: Mapping[str, str]) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    known = {PREFIX + name.upper() for name in Settings.model_fields}
    unknown = sorted(name for name in environment if name.startswith(PREFIX) and name.upper() not in known)
    if unknown:
        text = f"no such setting: {', '.join(unknown)}"
        found.append(Diagnosis(check="settings", level=WARNING, found=text, do="check the spelling (docs/settings.md)"))
    try:
        settings.check_vendor()
    except SettingsError as error:
        found.append(Diagnosis(check="settings", level=PROBLEM, found=str(error), do="set it, then look again"))
    if settings.host not in ("127.0.0.1", "::1", "localhost") and not settings.api_keys:
        text = f"listens on {settings.host} with no API key: only loopback may call the API"
        found.append(Diagnosis(check="settings", level=WARNING, found=text, do="set AWBRIDGE_API_KEYS"))
    return found or [Diagnosis(check="settings", level=OK, found="complete")]


def _disk(settings: Settings) -> Diagnosis:
    path = urlsplit(settings.database_url).path.removeprefix("/") if settings.database_url.startswith("sqlite:") else ""
    folder = Path(path or ".").absolute().parent if path else Path(".").absolute()
    try:
        free = shutil.disk_usage(folder).free
    except OSError as error:
        return Diagnosis(check="disk", level=WARNING, found=f"{folder}: {error.strerror}", do="check that it exists")
    text = f"{free / 2**30:.1f} GiB free in {folder}"
    if free < LEAST_DISK:
        return Diagnosis(check="disk", level=PROBLEM, found=text, do="make room: without it nothing can be stored")
    return Diagnosis(check="disk", level=OK, found=text)


async def _database(patient: _Patient) -> list[Diagnosis]:
    started = time.perf_counter()
    async with patient.store.read() as session:
        await shipments.count_aged_out(session)
    took = (time.perf_counter() - started) * 1000
    state = await patient.store.schema_state()
    text = f"{patient.store.database.description}, schema up to date ({state.schema:04}), answers in {took:.0f} ms"
    if not state.newer:
        return [Diagnosis(check="database", level=OK, found=text)]
    text += f"; a newer version has applied {', '.join(state.newer)}, and this one works beside it"
    return [Diagnosis(check="database", level=WARNING, found=text, do="finish the upgrade: replace this version too")]


async def _vendor(patient: _Patient) -> list[Diagnosis]:
    try:
        theirs = await patient.clickpost.fetch_accounts(active=True)
    except VendorError as error:
        key = error.kind == "configuration" or error.http_status in (401, 403)
        do = (
            "check AWBRIDGE_CLICKPOST_USERNAME and AWBRIDGE_CLICKPOST_KEY against your ClickPost profile"
            if key
            else "check that this machine reaches AWBRIDGE_CLICKPOST_URL (firewall, DNS, proxy); try again"
        )
        return [Diagnosis(check="clickpost", level=PROBLEM, found=str(error), do=do)]
    async with patient.store.read() as session:
        mine = {(a.courier_partner_id, a.account_code) for a in await couriers.every(session) if a.active}
    accounts = {(a.courier_partner_id, a.account_code): a for a in theirs}
    found = [
        Diagnosis(check="clickpost", level=OK, found=f"answers, the key is right; {len(accounts)} active accounts")
    ]
    if unmapped := [a.account_code for key, a in accounts.items() if key not in mine]:
        text = f"no transporter for: {', '.join(unmapped[:10])}"
        found.append(Diagnosis(check="accounts", level=WARNING, found=text, do="awbridge couriers sync --apply"))
    if gone := [f"{code or '-'} ({courier})" for courier, code in mine if code and (courier, code) not in accounts]:
        text = f"mapped here, not active at ClickPost: {', '.join(sorted(gone)[:10])}"
        found.append(Diagnosis(check="accounts", level=WARNING, found=text, do="awbridge couriers sync"))
    return found if len(found) > 1 else [*found, Diagnosis(check="accounts", level=OK, found="all mapped")]


async def _clock(patient: _Patient) -> list[Diagnosis]:
    """This machine's clock against the database's, where that counts; and the one that counts against ClickPost's."""
    skew, found = SHARED_TIME.skew, list[Diagnosis]()
    if patient.store.dialect == "postgres":
        text, do = _apart(skew, "this machine's clock", "the database's, which counts"), "let NTP or chrony set it"
        found = [Diagnosis(check="clock", level=WARNING, found=text, do=do)] if abs(skew) > MAY_DIFFER else []
    told = await probe.their_time(patient.settings.clickpost_url)
    if told is None:
        return [*found, Diagnosis(check="clock", level=WARNING, found="ClickPost does not say what time it is there")]
    theirs, ours = told
    ahead = (ours - theirs).total_seconds() - skew
    whose = "the database's clock" if patient.store.dialect == "postgres" else "this machine's clock"
    text = _apart(ahead, whose, "ClickPost's")
    if abs(ahead) <= CLOCK_MAY_DIFFER:
        return [*found, Diagnosis(check="clock", level=OK, found=text)]
    do = "let NTP or chrony set it: scans are ordered by time, and windows of updated-order are cut by it"
    return [*found, Diagnosis(check="clock", level=PROBLEM, found=text, do=do)]


def _apart(ahead: float, whose: str, reference: str) -> str:
    return f"{whose} is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} {reference}"


async def _webhook(patient: _Patient) -> list[Diagnosis]:
    now = await coverage(store=patient.store, clock=patient.clock)
    async with patient.store.read() as session:
        keys = await webhook_keys.listed(session)
    found = [_registered(patient, keys[0].webhook_url if keys else "")]
    if now.last_webhook_at is None:
        text = "no webhook came within 8 days"
        found.append(Diagnosis(check="webhooks", level=WARNING, found=text, do="awbridge webhook test URL"))
    elif SILENT in now.alarms:
        text = (
            f"silent since {now.last_webhook_at:%Y-%m-%d %H:%M} UTC; "
            f"polling found at least {now.found_since_last_webhook} scans"
        )
        do = "see the checks of the header below, then awbridge webhook test URL"
        found.append(Diagnosis(check="webhooks", level=PROBLEM, found=text, do=do))
    else:
        text = f"the last one came {now.last_webhook_at:%Y-%m-%d %H:%M} UTC"
        found.append(Diagnosis(check="webhooks", level=OK, found=text))
    return [*found, *_refusals(now)]


def _registered(patient: _Patient, url: str) -> Diagnosis:
    if url:
        text = f"registered from here for {urlsplit(url).hostname or url}"
        return Diagnosis(check="webhook key", level=OK, found=text)
    if patient.settings.webhook_keys:
        return Diagnosis(check="webhook key", level=OK, found="set in AWBRIDGE_WEBHOOK_KEYS")
    text = "there is none: every delivery is answered with 401"
    do = "awbridge webhook register https://your-host/webhooks/clickpost"
    return Diagnosis(check="webhook key", level=PROBLEM, found=text, do=do)


def _refusals(now: Coverage) -> list[Diagnosis]:
    found: list[Diagnosis] = []
    for reason, text, do in (
        (NO_KEY, "came without any key: a proxy drops the header webhook_key?", CURES),
        (WRONG_KEY, "came with a wrong key", "awbridge webhook keys; register again, or set AWBRIDGE_WEBHOOK_KEYS"),
    ):
        refusal = now.refusals.get(reason)
        if refusal and now.at - refusal.last_at < RECENT:
            words = f"{refusal.refused} deliveries so far {text} (last {refusal.last_at:%Y-%m-%d %H:%M} UTC)"
            found.append(Diagnosis(check="webhook header", level=WARNING, found=words, do=do))
    return found


async def _header(patient: _Patient) -> list[Diagnosis]:
    url = patient.url or await _registered_url(patient.store)
    if not url:
        text = "not tried: no address is known"
        return [Diagnosis(check="webhook header", level=WARNING, found=text, do="awbridge doctor --url https://...")]
    base, _, token = url.partition(PATH)
    if token.strip("/"):
        text = "the key is in the address; no header is needed"
        return [Diagnosis(check="webhook header", level=OK, found=text)]
    return [judge_header(await probe.knock(base + PATH, header="webhook_key"), base + PATH)]


async def _registered_url(store: Store) -> str:
    async with store.read() as session:
        keys = await webhook_keys.listed(session)
    return keys[0].webhook_url if keys else ""


def judge_header(told: probe.Probe, url: str) -> Diagnosis:
    """What a knock at the webhook's public address with a made-up key tells of the proxies on the way."""
    name = "webhook header"
    if told.error:
        text = f"{url} was not reached from here ({told.error})"
        do = "try from outside your network; ClickPost must reach it. Explanation for the usual failure:\n" + CURES
        return Diagnosis(check=name, level=WARNING, found=text, do=do)
    if told.words.encode() == REFUSED[WRONG_KEY]:
        return Diagnosis(check=name, level=OK, found="webhook_key passes every proxy on the way")
    if told.words.encode() in (REFUSED[NO_KEY], REFUSED[WRONG_ELSEWHERE]):
        return Diagnosis(
            check=name, level=PROBLEM, found=f"a proxy before {url} drops the header webhook_key", do=CURES
        )
    text = f"{url} answered HTTP {told.status}, and not as awbridge does"
    return Diagnosis(check=name, level=PROBLEM, found=text, do=f"let the proxy pass {PATH} to awbridge serve unchanged")


async def _coverage(patient: _Patient) -> list[Diagnosis]:
    now = await coverage(store=patient.store, clock=patient.clock)
    if now.lag is None:
        text = "nothing of updated-order is covered yet"
        return [Diagnosis(check="catching up", level=WARNING, found=text, do="start awbridge serve or work")]
    text = f"every minute is covered up to {now.lag.total_seconds() / 60:.0f} min ago"
    if now.lag > LONGEST_LAG:
        problem = next((s.problem for s in now.spans if s.problem), None)
        do = f"the first uncovered stretch says: {problem}" if problem else "start awbridge serve or work"
        return [Diagnosis(check="catching up", level=PROBLEM, found=text, do=do)]
    return [Diagnosis(check="catching up", level=OK, found=text)]


async def _polling(patient: _Patient) -> list[Diagnosis]:
    """What polling costs in either mode, and whether the pace that is set is enough for it."""
    settings, ask_after = patient.settings, timedelta(seconds=patient.settings.ask_after_seconds)
    async with patient.store.read() as session:
        known = await shipments.open_by_courier(session, heard_before=patient.clock() - ask_after)
    calls = {
        PollingMode.GUIDE: calls_a_day((on_their_way for on_their_way, _ in known.values()), ask_after=ask_after),
        PollingMode.ECONOMICAL: calls_a_day((silent for _, silent in known.values()), ask_after=ask_after),
    }
    most = int(settings.polling_calls_per_second * DAY.total_seconds())
    text = (
        f"{settings.polling}: about {calls[settings.polling]:,} calls of track-order a day for "
        f"{sum(on_their_way for on_their_way, _ in known.values()):,} open shipments, {most:,} are allowed; "
        + ", ".join(f"{mode}: {calls[mode]:,}" for mode in PollingMode)
    )
    if calls[settings.polling] <= most * POLLING_SHARE:
        return [Diagnosis(check="polling", level=OK, found=text)]
    do = (
        "raise AWBRIDGE_POLLING_CALLS_PER_SECOND after asking ClickPost what your account may do, "
        "or set AWBRIDGE_POLLING=economical"
    )
    return [Diagnosis(check="polling", level=WARNING, found=text, do=do)]


_SHARED = "set AWBRIDGE_ARCHIVE_URL to s3://bucket/prefix (docs/evidence.md)"


async def _archive(patient: _Patient) -> list[Diagnosis]:
    settings = patient.settings
    if not settings.archives:
        text = "there is none: failed calls leave no files, and are gone after AWBRIDGE_RETAIN_ATTEMPTS_DAYS"
        return [Diagnosis(check="archive", level=WARNING, found=text, do=f"{_SHARED}, or leave it empty for a folder")]
    do = "correct AWBRIDGE_ARCHIVE_URL, AWBRIDGE_ARCHIVE_OPTIONS or the rights there; what failed meanwhile is not lost"
    try:
        objects = connections.archive_objects(settings, timeout=min(settings.archive_timeout, LONGEST_TRY))
    except SettingsError as error:
        return [Diagnosis(check="archive", level=PROBLEM, found=str(error), do=do)]
    assert objects
    told = await try_archive(objects)
    if told.problem:
        return [Diagnosis(check="archive", level=PROBLEM, found=told.problem, do=do)]
    if told.not_removed:
        needed = settings.retain_archive_days > 0
        text = f"can be written and read, but {told.key} was not removed ({told.not_removed})"
        do = "allow deleting: " + (
            "AWBRIDGE_RETAIN_ARCHIVE_DAYS needs it" if needed else "awbridge archive empty and erasing need it"
        )
        return [Diagnosis(check="archive", level=PROBLEM if needed else WARNING, found=text, do=do)]
    if not settings.archive_url:
        text = f"works, but failed calls are kept on this machine only, in {connections.archive_place(settings)}"
        do = f"{_SHARED}: other processes find no files here, and the disk may fail"
        return [Diagnosis(check="archive", level=WARNING, found=text, do=do)]
    return [Diagnosis(check="archive", level=OK, found="was written to, read from and deleted from")]


async def _steps(patient: _Patient) -> list[Diagnosis]:
    now = patient.clock()
    async with patient.store.read() as session:
        due = {
            "apply": await inbox.longest_due(session, now=now),
            "push": await figures.longest_due_push(session, now=now),
        }
    late = [name for name, since in due.items() if since and now - since > WORKED_WITHIN]
    if late:
        text = f"work waits for more than {WORKED_WITHIN.seconds // 60} min for: {', '.join(late)}"
        do = "start awbridge serve or work; if it runs, its log says why it does not keep up"
        return [Diagnosis(check="steps", level=PROBLEM, found=text, do=do)]
    host = patient.settings.host if patient.settings.host not in ("0.0.0.0", "::") else "127.0.0.1"  # noqa: S104
    told = await probe.healthy(f"http://{host}:{patient.settings.port}/healthz")
    if told.status == 200:
        return [Diagnosis(check="steps", level=OK, found="the service runs and every step makes its rounds")]
    if told.status == 503:
        return [Diagnosis(check="steps", level=PROBLEM, found=f"a step hangs: {told.words[:200]}", do="restart it")]
    text = f"no service answers at {host}:{patient.settings.port}; nothing waits for it"
    return [Diagnosis(check="steps", level=WARNING, found=text, do="start awbridge serve, unless it runs elsewhere")]


async def _messages(patient: _Patient) -> list[Diagnosis]:
    """Whether the ways to customers and operators can be set up as `serve` does it; nothing is sent."""
    settings = patient.settings
    try:
        channels = connections.customer_channels(settings)
        operators = connections.operators(settings)
    except SettingsError as error:
        do = "correct it: awbridge serve does not start with it"
        return [Diagnosis(check="messages", level=PROBLEM, found=str(error), do=do)]
    url = settings.notice_whatsapp_url.get_secret_value()
    if url and is_free_text_on_whatsapp(url):
        text = "WhatsApp without a template: free text reaches only customers who wrote to you within 24 hours"
        do = "name a template in AWBRIDGE_NOTICE_WHATSAPP_URL (docs/notices.md#channels)"
        return [Diagnosis(check="messages", level=WARNING, found=text, do=do)]
    text = f"{', '.join(channels) or 'no channel'} to customers, {len(operators)} ways to operators"
    return [Diagnosis(check="messages", level=OK, found=text)]


async def _attention(patient: _Patient) -> list[Diagnosis]:
    async with patient.store.read() as session:
        needs = await attention.count(session, policies.stuck_after(patient.settings), now=patient.clock())
        raised = await alarms.open_now(session)
    found = [
        Diagnosis(
            check="attention",
            level=ATTENTION if NEEDS[need].needs_person else WARNING,
            found=NEEDS[need].counted(count),
            do=NEEDS[need].command,
        )
        for need, count in needs.items()
        if count
    ]
    do = "do what it says; it is over by itself then"
    found += [Diagnosis(check=f"alarm {a.cause}", level=ATTENTION, found=a.text, do=do) for a in raised]
    return found or [Diagnosis(check="attention", level=OK, found="nothing needs a person")]


_CHECKS: tuple[Check, ...] = (
    *(_database, _vendor, _clock, _webhook, _header, _coverage, _polling, _steps),
    *(_archive, _messages, _attention),
)
