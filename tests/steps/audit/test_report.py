"""Report: a day's failures for each destination, stored, mailed once, safe to open in a spreadsheet."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import unicodedata
import zipfile
from collections.abc import AsyncIterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from awbridge.domain.errors import AwbridgeError, MailError
from awbridge.domain.privacy_setting import read_privacy
from awbridge.domain.sheet import cell
from awbridge.sinks.mail import send_mail
from awbridge.sinks.objects import Objects
from awbridge.steps.audit.publish import LEASE, Destination, MailPolicy
from awbridge.steps.audit.report import PublishedReport, ReportPolicy, report_failures
from awbridge.store import Store
from awbridge.store.audit import reports
from tests.support.evidence_rows import NAME, PHONE, call, good_call, keep
from tests.support.rows import add, sql
from tests.support.s3 import S3Server
from tests.support.smtp import Mailbox, smtp_server
from tests.support.world import INDIA, SetClock

GOLDEN = Path(__file__).parents[1] / "golden"
DAY = date(2026, 11, 2)
MIDNIGHT = datetime(2026, 11, 1, 18, 30, tzinfo=UTC)  # in India, the beginning of DAY
NEXT = MIDNIGHT + timedelta(days=1)
NOW = NEXT + timedelta(minutes=30)


@pytest.fixture
async def post() -> AsyncIterator[Mailbox]:
    with smtp_server() as box:
        yield box


@pytest.fixture
def objects(tmp_path: Path) -> Objects:
    return Objects.open(f"file://{tmp_path}/objects")


def policy(post: Mailbox | None = None, **changes: Any) -> ReportPolicy:
    own = Destination(name="own", privacy=read_privacy("phone=mask,name=mask"), to=("ops@shop.example",))
    theirs = Destination(name="clickpost", privacy=read_privacy("phone=keep,name=mask"), to=("help@clickpost.example",))
    mail = MailPolicy(smtp_url=post.url, sender="awbridge <bridge@shop.example>") if post else None
    return ReportPolicy(**{"zone": INDIA, "destinations": (own, theirs), "mail": mail, **changes})


async def report(
    store: Store, objects: Objects, chosen: ReportPolicy, clock: SetClock | None = None
) -> list[PublishedReport]:
    return await report_failures(
        store=store, objects=objects, clock=clock or SetClock(NOW), policy=chosen, day=DAY, mail=chosen.mail is not None
    )


def unzip(content: bytes | None) -> dict[str, str]:
    assert content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def table(files: dict[str, str], api: str = "create-order") -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(files[f"{api}.csv"].removeprefix("\ufeff"))))


async def gave_up(store: Store, reference: str) -> None:
    async with store.write() as session:
        await session.execute(sql("UPDATE shipments SET state = 'gave_up' WHERE reference_number = $1"), reference)


async def a_day(store: Store) -> None:
    """Two shipments with problems, one that gave up waiting, one that succeeded, a failed registration."""
    await add(store, "R1", "R2", "R3", "R4", transporter="=cmd()")
    away = call("R1", http_status=None, business_status=None, response="", error="ReadTimeout")
    await keep(store, away, reference="R1", outcome="unknown", at=MIDNIGHT)
    await keep(store, call("R1"), reference="R1", at=NEXT - timedelta(microseconds=1))
    cancel = call("R2", api="cancel-order", method="GET", request="", business_status=350, response="<html>no</html>")
    await keep(store, cancel, reference="R2", outcome="not_cancelled", at=MIDNIGHT + timedelta(hours=1))
    waiting = call("R3", business_status=102, response='{"meta": {"status": 102}}')
    await keep(store, waiting, reference="R3", outcome="pending", at=MIDNIGHT + timedelta(hours=2))
    await gave_up(store, "R3")
    await keep(store, good_call("R4"), reference="R4", outcome="placed", at=MIDNIGHT + timedelta(hours=3))
    hook = call(None, api="register-webhook", request='{"webhook_url": "https://shop.example"}', business_status=306)
    await keep(store, hook, hook, reference=None, outcome="failed", at=MIDNIGHT + timedelta(hours=4))


async def test_the_report_of_a_day_reads_as_the_golden_one(store: Store, objects: Objects) -> None:
    await a_day(store)
    own, _ = await report(store, objects, policy())
    files = unzip(own.content)
    lines = [json.loads(line) for line in files.pop("calls.jsonl").splitlines()]
    files["calls.jsonl"] = "".join(json.dumps({**line, "id": 0}, ensure_ascii=False) + "\n" for line in lines)
    golden = {path.name: path.read_bytes().decode() for path in GOLDEN.iterdir()}
    assert files == golden


async def test_a_day_ends_at_the_accounts_midnight_not_a_microsecond_later(store: Store, objects: Objects) -> None:
    await add(store, "before", "first", "last", "after")
    moment = timedelta(microseconds=1)
    times = {"before": MIDNIGHT - moment, "first": MIDNIGHT, "last": NEXT - moment, "after": NEXT}
    for reference, at in times.items():
        await keep(store, call(reference), reference=reference, at=at)
    own, _ = await report(store, objects, policy())
    assert [row["reference_number"] for row in table(unzip(own.content))] == ["first", "last"]


async def test_each_destination_sees_what_its_policy_lets_it_see(store: Store, objects: Objects) -> None:
    await keep(store, call(), at=MIDNIGHT)
    own, theirs = (str(unzip(made.content)) for made in await report(store, objects, policy()))
    assert PHONE not in own
    assert PHONE in theirs
    assert NAME not in own + theirs


async def test_the_same_day_makes_the_same_file(store: Store, objects: Objects) -> None:
    await a_day(store)
    first, _ = await report(store, objects, policy())
    again, _ = await report(store, objects, policy(), SetClock(NOW + timedelta(days=2)))
    assert first.content == again.content
    assert first.report.sha256 == again.report.sha256


@cache
def hiding() -> tuple[str, ...]:
    """Every space, control, separator and filler that Unicode has, alone and in company."""
    return (
        *(chr(n) for n in range(1, 0x110000) if unicodedata.category(chr(n)) in ("Zs", "Zl", "Zp", "Cc", "Cf")),
        *("\u115f", "\u1160", "\u17b4", "\u2800", "\u3164", "\uffa0", "\u034f", "\ufe0f", "\u3000\u200b\x0b \u00a0"),
    )


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("½ off", "½ off"),
        ("नमस्ते = hello", "नमस्ते = hello"),
        ("=1+1", "'=1+1"),
        ("+91 98", "'+91 98"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\t=1"),
        (" =1", "' =1"),
        ("\u00a0=1", "'\u00a0=1"),
        ("a=1", "a=1"),
        (-2, "-2"),
        (None, ""),
    ],
)
def test_nothing_that_others_wrote_runs_as_a_formula(value: Any, shown: str) -> None:
    assert cell(value) == shown


@pytest.mark.parametrize("sign", "=+-@|%＝＋－＠﹢﹣﹦﹫−")
def test_nothing_that_shows_nothing_hides_a_formula(sign: str) -> None:
    assert [lead for lead in hiding() if cell(f"{lead}{sign}1") != f"'{lead}{sign}1"] == []
    assert [lead for lead in hiding() if lead not in "\t\r\n" and cell(f"{lead}a{sign}1") != f"{lead}a{sign}1"] == []


async def test_each_destination_gets_its_mail_once_with_the_file(store: Store, objects: Objects, post: Mailbox) -> None:
    await a_day(store)
    for _ in range(2):
        made = await report(store, objects, policy(post))
    assert [m["To"] for m in post.mails] == ["ops@shop.example", "help@clickpost.example"]
    (first, _) = post.mails
    assert first["Subject"] == "ClickPost failures 2026-11-02: 3 shipments, 6 calls"
    assert first["Message-ID"] == "<awbridge.failures-2026-11-02-own@shop.example>"
    (attached,) = first.iter_attachments()
    assert attached.get_filename() == "failures-2026-11-02-own.zip"
    assert attached.get_content() == made[0].content
    body = first.get_body(("html",))
    assert body
    assert "By API" in body.get_content()


async def test_two_replicas_that_report_at_once_mail_once(
    store: Store, store_url: str, objects: Objects, post: Mailbox
) -> None:
    await a_day(store)
    other = await Store.open(store_url)
    try:
        await asyncio.gather(*(report(s, objects, policy(post)) for s in (store, other)), return_exceptions=True)
        await report(other, objects, policy(post))
    finally:
        await other.close()
    assert sorted(m["To"] for m in post.mails) == ["help@clickpost.example", "ops@shop.example"]


async def test_a_mail_server_that_refuses_or_is_away_is_tried_again_and_the_rest_not_repeated(
    store: Store, objects: Objects, post: Mailbox
) -> None:
    await a_day(store)
    post.unknown = {"help@clickpost.example"}
    with pytest.raises(MailError):
        await report(store, objects, policy(post))
    post.answer = "451 later"
    with pytest.raises(MailError):
        await report(store, objects, policy(post))
    away = MailPolicy(smtp_url="smtp://127.0.0.1:9", sender="a@b.example")
    with pytest.raises(MailError):
        await report(store, objects, policy(mail=away))
    post.answer, post.unknown = "250 OK", set()
    await report(store, objects, policy(post))
    assert [m["To"] for m in post.mails] == ["ops@shop.example", "help@clickpost.example"]


async def test_killed_while_mailing_it_goes_out_when_the_lease_is_over(
    store: Store, objects: Objects, post: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    await a_day(store)
    clock = SetClock(NOW)
    with monkeypatch.context() as patched:
        patched.setattr("awbridge.steps.audit.publish.send_mail", killed)
        task = report(store, objects, policy(post), clock)
        with pytest.raises(KeyboardInterrupt):
            await task
    with pytest.raises(AwbridgeError, match="being mailed by another process"):
        await report(store, objects, policy(post), clock)
    clock.now += LEASE
    await report(store, objects, policy(post), clock)
    assert len(post.mails) == 2


async def test_killed_after_the_mail_went_out_it_goes_out_again_under_the_same_message_id(
    store: Store, objects: Objects, post: Mailbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def accepted_and_killed(*sent: Any) -> None:
        await send_mail(*sent)
        raise KeyboardInterrupt

    await a_day(store)
    clock = SetClock(NOW)
    with monkeypatch.context() as patched:
        patched.setattr("awbridge.steps.audit.publish.send_mail", accepted_and_killed)
        task = report(store, objects, policy(post), clock)
        with pytest.raises(KeyboardInterrupt):
            await task
    clock.now += LEASE
    await report(store, objects, policy(post), clock)
    assert [m["To"] for m in post.mails] == ["ops@shop.example", "ops@shop.example", "help@clickpost.example"]
    first, again, _ = post.mails
    assert first["Message-ID"] == again["Message-ID"]


async def test_killed_between_a_report_s_file_and_its_row_the_next_run_stores_both(
    store: Store, objects: Objects, post: Mailbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    async def killed(*_: Any) -> None:
        raise KeyboardInterrupt

    await a_day(store)
    with monkeypatch.context() as patched:
        patched.setattr(reports, "put", killed)
        task = report(store, objects, policy(post))
        with pytest.raises(KeyboardInterrupt):
            await task
    (left,) = [path for path in (tmp_path / "objects").rglob("*") if path.is_file()]
    content = left.read_bytes()
    assert post.mails == []
    own, _ = await report(store, objects, policy(post))
    assert left.read_bytes() == content == own.content
    assert (own.report.object_key or "").endswith(left.name)
    assert len(post.mails) == 2


async def test_an_empty_day_sends_a_line_or_nothing(store: Store, objects: Objects, post: Mailbox) -> None:
    await keep(store, good_call(), outcome="placed", at=MIDNIGHT)
    (own, _) = await report(store, objects, policy(post, empty_mail=False))
    assert (own.report.object_key, post.mails) == (None, [])
    await report(store, objects, policy(post))
    await report(store, objects, policy(post))
    assert [m["Subject"] for m in post.mails] == ["ClickPost failures 2026-11-02: none"] * 2
    assert post.mails[0].get_content().strip() == "No call to ClickPost failed on 2026-11-02 (Asia/Kolkata)."


async def test_the_file_is_in_s3_and_its_row_says_where(store: Store, s3: S3Server, tmp_path: Path) -> None:
    await a_day(store)
    objects = Objects.open(s3.url(tmp_path.name), options=s3.options())
    own, _ = await report(store, objects, policy())
    async with store.read() as session:
        kept = await reports.get(session, "failures-2026-11-02-own")
    assert kept
    assert kept.object_key == "reports/failures/2026-11-02/own.zip"
    assert await objects.get(kept.object_key) == own.content
    assert (kept.shipments, kept.calls, kept.mailed_at) == (3, 6, None)


@pytest.mark.parametrize("url", ["http://x", "smtp://", "mail.example.com"])
async def test_an_smtp_address_that_is_none_says_what_to_write(url: str) -> None:
    from email.message import EmailMessage

    with pytest.raises(AwbridgeError, match="AWBRIDGE_SMTP_URL: write smtp://"):
        await send_mail(url, EmailMessage())


async def test_the_page_escapes_what_others_wrote(store: Store, objects: Objects) -> None:
    await keep(store, call("<b>R&1"), reference="<b>R&1", at=MIDNIGHT)
    own, _ = await report(store, objects, policy())
    assert "<td>&lt;b&gt;R&amp;1<td>" in unzip(own.content)["summary.html"]
