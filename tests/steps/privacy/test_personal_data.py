"""A day of faults that quote people: no log, alarm, archive, report or page names one.

People are seeded into every free text field of orders, webhooks and answers, and searched for in all output: the log,
the alarms, the archive, the daily report, the pages, the metrics.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner

from awbridge.app.logs import set_up_logs
from awbridge.cli import main
from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.call_recorder import record_call
from awbridge.domain.errors import AwbridgeError
from awbridge.domain.notify.notices import Message, Sent
from awbridge.domain.orders.action import ActionKind
from awbridge.domain.privacy_setting import read_privacy
from awbridge.sandbox import Faults, SandboxConfig, running
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.archive import ArchivePolicy, archive_due, cut_next_file
from awbridge.steps.audit.evidence import evidence_of
from awbridge.steps.audit.publish import Destination
from awbridge.steps.audit.report import ReportPolicy, report_failures
from awbridge.steps.notify.alarm import Digest, Operator, send_alarms
from awbridge.steps.notify.health_monitor import HealthMonitor, Machine
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders import intake
from awbridge.steps.orders.act import ActPolicy, act_due
from awbridge.steps.polling.policy import CatchUpPolicy
from awbridge.steps.polling.track_order import poll_due
from awbridge.steps.reconciliation.reconcile import ReconcilePolicy, reconcile_due
from awbridge.steps.reconciliation.report_files import kind_of_file, take_file
from awbridge.steps.registration.push import push_due
from awbridge.steps.registration.verdict import PushPolicy
from awbridge.steps.tracking.apply import ApplyPolicy, apply_due
from awbridge.store import Store
from awbridge.store.audit import archive
from awbridge.web.contexts import AuditContext
from tests.support.app import web_on
from tests.support.processes import bridge_environment
from tests.support.world import INDIA, an_order

pytestmark = pytest.mark.heavy

MASK_ALL = read_privacy("phone=mask,name=mask,email=mask,address=mask")
NAMES = ("Yashodhara Quillfeather", "Zubin Oxenstierna", "Xaviera Bhattacharjee", "Ulfric Venkataraman")
PHONES = ("9012345601", "9012345602", "9012345603", "9012345604")
MAILS = ("yash@quill.example", "zubin@oxen.example", "xaviera@bhat.example", "ulfric@venk.example")
ADDRESSES = tuple(f"{number} Peppercorn Mews Lane" for number in range(77, 81))
_WORDS = (word for name in NAMES for word in name.split())
SEEDS = re.compile("|".join((*_WORDS, *(phone[2:] for phone in PHONES), r"\w@\w+\.exam", "Peppercorn")), re.IGNORECASE)
LONG = 80_000  # characters: over what a call keeps of a body


class Now:
    """The true time, which can be moved on."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(UTC) + self.ahead


@dataclass
class Chat:
    """What operators read."""

    messages: list[Message] = field(default_factory=list)

    async def send(self, message: Message) -> Sent:
        self.messages.append(message)
        return Sent()


def order(number: int, *, reference: str, long: bool = False, **changes: Any) -> dict[str, Any]:
    """An order that names a person in every field that allows it."""
    name, phone, mail, address = (seeds[number % 4] for seeds in (NAMES, PHONES, MAILS, ADDRESSES))
    made = an_order(reference, account_code="Delhivery Surface", order_id=f"o-{reference}")
    for place in ("pickup", "drop"):
        made[f"{place}_info"] |= {
            f"{place}_name": name,
            f"{place}_phone": phone if number % 2 else f"0{phone}",
            f"{place}_alternate_phone": phone,
            f"{place}_email": mail,
            f"{place}_address": f"{address}, near the temple",
            f"{place}_landmark": f"behind {address}",
            f"{place}_country": "IN",
        }
    made["gst_info"] = {"seller_name": name, "seller_address": address}
    made["additional"] = {
        "return_info": {"name": name, "phone": phone, "email": mail, "address": address, "landmark": address},
        "exchange_address": address,
        **({"invoice_base_64": "A" * LONG} if long else {}),
    }
    made["shipment_details"] |= changes
    if number % 4 == 3:  # the flat form
        sections = ("pickup_info", "drop_info", "gst_info", "shipment_details")
        return {k: v for section in sections for k, v in made[section].items()} | {"additional": made["additional"]}
    return made


def hook(number: int, waybill: str, form: int) -> bytes:
    """A webhook that names a person in every field that allows it."""
    name, phone, mail, address = (seeds[number % 4] for seeds in (NAMES, PHONES, MAILS, ADDRESSES))
    words = f"Handed to {name}, {phone}, 91{phone}, +91-{phone}, {mail}, {address}"
    latest = {"timestamp": "2026-11-02T10:00:00Z", "status": words, "remark": words, "clickpost_status_code": 9}
    body = {
        "waybill": waybill,
        "cp_id": 4,
        "status": words,
        "remark": words,
        "location": "Pune",
        "timestamp": f"2026-11-02T10:0{form}:00Z" if form != 1 else f"call 91{phone}",
        "clickpost_status_code": 9 if form != 2 else f"of {name}",
        "additional": {"latest_status": latest, "ndr_status_description": words, "receiver_name": name, "phone": phone},
    }
    return json.dumps(body).encode() if form else b"not JSON: " + words.encode()


@pytest.fixture
def logged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Path]:
    """The log as a process writes it."""
    path = tmp_path / "log"
    with path.open("w") as out:
        monkeypatch.setattr("sys.stderr", out)
        set_up_logs(level="debug", as_json=True)
        yield path  # pyright: ignore
    structlog.reset_defaults()


def leaks(text: str) -> set[str]:
    """The seeds found in a text, with some of the text around them."""
    return {text[max(found.start() - 120, 0) : found.end() + 40] for found in SEEDS.finditer(text)}


# What shows all of something. What asks for one shipment (show, scans, payload, attempts) shows it whole.
PATHS = (
    *("/", "/alarms", "/endpoints", "/metrics", "/healthz", "/readyz", "/v1/accounts", "/v1/coverage", "/v1/shipments"),
    *("/v1/shipments?state=rejected", "/v1/actions", "/v1/alarms", "/v1/archive", "/v1/schedules", "/v1/reports"),
    *("/v1/reconciliations", "/v1/couriers", "/v1/couriers/warnings", "/v1/endpoints", "/v1/erasures", "/v1/downtimes"),
)


async def pages_after_webhooks(store: Store, waybills: Mapping[int, str]) -> str:
    """Webhooks of a day, and what the API's own pages, metrics and lists without a shipment say afterwards."""
    texts: list[str] = []
    async with web_on(store, audit=AuditContext()) as web:
        for number, waybill in waybills.items():
            for form in range(5):
                body = hook(number, waybill, form)
                answer = await web.http.post("/webhooks/clickpost", content=body, headers={"webhook_key": "right"})
                texts.append(answer.text)
        for path in PATHS:
            shown = await web.http.get(path)
            assert shown.status_code in (200, 503) if path == "/readyz" else shown.status_code == 200, path
            texts.append(shown.text)
    return "\n".join(texts)


async def work(store: Store, clickpost: AsyncClickPost, clock: Now, operator: Operator) -> None:
    """A day: pushed with every fault, polled, edited, applied."""
    for _ in range(12):
        await push_due(store=store, clickpost=clickpost, clock=clock, policy=PushPolicy())
        await act_due(store=store, clickpost=clickpost, clock=clock, policy=ActPolicy())
        await poll_due(store=store, clickpost=clickpost, clock=clock, policy=CatchUpPolicy())
        await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA))
        await send_alarms(store=store, operators=[operator], clock=clock)
        clock.ahead += timedelta(minutes=20)


async def edited(store: Store, clock: Now, references: list[str]) -> None:
    """Edits and redeliveries, which the vendor refuses or not; each names a person."""
    for number, reference in enumerate(references):
        bodies = {
            ActionKind.EDIT: {"drop_name": NAMES[number % 4], "drop_phone": PHONES[number % 4]},
            ActionKind.NDR: {"act": 1, "address": ADDRESSES[number % 4], "phone_number": PHONES[number % 4]},
        }
        for kind, body in bodies.items():
            with contextlib.suppress(AwbridgeError):
                await asking.ask(store=store, clock=clock, kind=kind, reference_number=reference, body=body)


async def strange_report(store: Store, clock: Now) -> None:
    """A report whose columns were mixed up: people in the place of statuses and couriers."""
    rows = "".join(f"ORDER-{n},{MAILS[n % 4]},{PHONES[n % 4]} of the customer\n" for n in range(4))

    async def parts() -> AsyncIterator[bytes]:
        yield f"Reference Number,Courier Partner,Clickpost Unified Status\n{rows}".encode()

    run = await take_file(
        store=store, clock=clock, parts=parts(), name="r.csv", source="folder", kind=kind_of_file("r.csv"), day=None
    )
    await reconcile_due(store=store, clickpost=None, clock=clock, policy=ReconcilePolicy(zone=INDIA), only=run.id)


async def in_the_end(store: Store, clock: Now, operator: Operator) -> None:
    """The messages at the end of the day: every alarm, and the digest."""
    operators = [operator]
    machine = Machine(name="one", free_share=lambda: 1.0, least_free=0.1)
    await HealthMonitor(store=store, clock=clock, loops=list, machine=machine).check()
    while await send_alarms(store=store, operators=operators, clock=clock):
        pass
    await Digest(store=store, operators=operators, clock=clock, zone=INDIA, hour=0).send_due()


async def archived(store: Store, objects: Objects, folder: Path, clock: Now) -> str:
    """Every call, as the archive has it."""
    policy = ArchivePolicy(folder=folder, privacy=MASK_ALL, all_calls=True)
    while await cut_next_file(store=store, clock=clock, policy=policy, at_once=True):
        await archive_due(store=store, objects=objects, clock=clock, policy=policy)
    files = [await objects.get(file.object_key) for file in await archive.every(store)]
    assert files
    return "\n".join(gzip.decompress(content).decode() for content in files if content)


def unzipped(content: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        return "\n".join(zipped.read(name).decode() for name in zipped.namelist())


async def reported(store: Store, objects: Objects, clock: Now, days: set[date]) -> str:
    policy = ReportPolicy(zone=INDIA, destinations=(Destination(name="own", privacy=MASK_ALL),), mail=None)
    texts: list[str] = []
    for day in sorted(days):
        for made in await report_failures(
            store=store, objects=objects, clock=clock, policy=policy, day=day, mail=False
        ):
            key = made.report.object_key
            content = await objects.get(key) if key else None
            texts += [unzipped(content)] if content else []
    assert texts
    return "\n".join(texts)


COMMANDS = (
    *("shipments list", "shipments list --json", "shipments list --state rejected", "shipments silent"),
    *("shipments list --ndr", "shipments list --stuck", "shipments list --not-cancelled", "actions list"),
    *("couriers list", "couriers accounts", "couriers downtime list", "couriers rules list", "couriers export"),
    *("replay --list", "reconcile list", "notices list", "endpoints list", "opt-outs list", "alarms list"),
    *("archive status", "schedules", "catch-up --status", "webhook keys", "doctor", "doctor --json"),
    *(
        "shipments import people.csv",
        "couriers import people.csv",
        "replay --file people.csv",
        "reconcile --file people.csv",
    ),
)


async def output_of_commands(url: str, sandbox_url: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """What the commands print, also of a file of mixed-up columns. A name looks like an unknown status."""
    for name, value in bridge_environment(url, sandbox_url, 9).items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(folder)
    columns = "reference_number,awb,drop_name,drop_phone,drop_email,drop_address,status,courier_partner,weight,payload"
    seeds = enumerate(zip(NAMES, PHONES, MAILS, ADDRESSES, strict=True))
    rows = [
        ",".join((f"P-{n}", phone, name, f"91{phone}", mail, address, f"call {phone}", mail, phone, "x"))
        for n, (name, phone, mail, address) in seeds
    ]
    (folder / "people.csv").write_text("\n".join([columns, *rows]))
    texts: list[str] = []
    for command in COMMANDS:
        result = await asyncio.to_thread(CliRunner().invoke, main, command.split())
        assert result.exception is None or isinstance(result.exception, SystemExit), (command, result.exception)
        assert result.exit_code != 2, f"{command}: {result.output}"
        texts.append(f"$ awbridge {command}\n{result.output}")
    return "\n".join(texts)


async def test_a_day_of_faults_quotes_nobody(
    store: Store, store_url: str, tmp_path: Path, logged: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = Now()
    began = clock()
    chat = Chat()
    operator = Operator(channel=chat)
    references = [f"ORDER-{number}" for number in range(16)]
    objects = Objects.open(f"file://{tmp_path}/objects")
    codes = {314: 0.15, 319: 0.15, 329: 0.15, 351: 0.1, 354: 0.1, 500: 0.1}
    faults = Faults(error_codes=codes, quoted_people=1, http_503=0.05, html_body=0.05, other_http_500=0.1)
    async with (
        running(SandboxConfig(faults=faults, odd_answers=0.2)) as sandbox,
        AsyncClickPost(
            username="sandbox",
            key="sandbox-key",
            url=sandbox.url,
            tracking_url=sandbox.url,
            timeout=30,
            on_call=record_call,
        ) as clickpost,
    ):
        orders = [order(n, reference=reference, long=n % 4 == 0) for n, reference in enumerate(references)]
        await intake.take_in(store=store, clock=clock, orders=orders)
        await work(store, clickpost, clock, operator)
        await edited(store, clock, references)
        await work(store, clickpost, clock, operator)
        waybills = {int(at.reference_number[6:]): at.waybill for at in sandbox.registry.orders.values()}
        sandbox_url = sandbox.url
    pages = await pages_after_webhooks(store, waybills)
    while await apply_due(store=store, clock=clock, policy=ApplyPolicy(zone=INDIA)):
        pass
    await strange_report(store, clock)
    await in_the_end(store, clock, operator)
    days = {(began + timedelta(days=n)).astimezone(INDIA).date() for n in range(-1, 2)}
    seen = {
        "operators": "\n".join(f"{message.subject}\n{message.text}" for message in chat.messages),
        "archive": await archived(store, objects, tmp_path / "local", clock),
        "report": await reported(store, objects, clock, days),
        "evidence": "".join(
            [
                unzipped(await evidence_of(store=store, clock=clock, reference_number=reference, privacy=MASK_ALL))
                for reference in references
            ]
        ),
        "pages": pages + await pages_after_webhooks(store, {}),
        "commands": await output_of_commands(store_url, sandbox_url, tmp_path, monkeypatch),
        "log": logged.read_text(),
    }
    assert "account.4:Delhivery Surface" in seen["operators"]
    assert len(seen["log"].splitlines()) > 20
    for name, text in seen.items():
        assert not (found := leaks(text)), f"{name}: {len(found)} places, as {sorted(found)[:5]}"
