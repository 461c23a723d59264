"""Reports: waiting within bounds, and downloading a file from another host, without the key."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from awbridge.clickpost.client import exchange
from awbridge.clickpost.reports.reports import VendorReport
from awbridge.clickpost.wire.masking import mask_signed
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from tests.clickpost.client.test_more_calls import KEY, Ask, asking, meta
from tests.clickpost.conftest import JsonObject, Vendor

pytestmark = pytest.mark.heavy

CSV = b"Waybill,Status\nAW1,\xe2\x82\xb9 paid\n\xff\x00"
QUERY = "AWSAccessKeyId=AKTEA&Signature=s1gnature%2F&Expires=1"


@pytest.fixture
def calls() -> list[Call]:
    return []


@pytest.fixture(params=["async", "sync"])
async def ask(request: pytest.FixtureRequest, vendor: Vendor, calls: list[Call]) -> AsyncIterator[Ask]:
    async with asking(request.param, vendor, calls) as do:
        yield do


def made(status: Any, link: Any = None) -> JsonObject:
    return meta(200, result=[{"report_status": status, "s3_link": link, "report_name": "R"}])


def report(link: str) -> VendorReport:
    return VendorReport(reference="4711", name="R", status="SUCCESS", created_at="", link=link, raw={})


async def test_a_report_is_requested_awaited_and_downloaded(ask: Ask, vendor: Vendor, calls: list[Call]) -> None:
    link = f"{vendor.url}/bucket/4711.csv?{QUERY}"
    vendor.say(made("IN_PROGRESS")).say(made(None, "null")).say(made("SUCCESS", link)).say(CSV)
    ready = await ask("wait_for_report", "4711", every=0.01, tries=5)
    assert (ready.reference, ready.ready, ready.failed, ready.link) == ("4711", True, False, link)
    assert await ask("download_report", ready) == CSV
    assert [seen.query.get("report_reference_number") for seen in vendor.seen] == ["4711"] * 3 + [None]
    assert len(calls) == 4


async def test_the_key_is_not_sent_to_the_files_host_and_its_signature_is_not_stored(
    ask: Ask, vendor: Vendor, calls: list[Call], caplog: pytest.LogCaptureFixture
) -> None:
    link = f"{vendor.url}/bucket/4711.csv?{QUERY}"
    vendor.say(made("SUCCESS", link)).say(CSV)
    with caplog.at_level(logging.DEBUG):
        ready = await ask("fetch_report", "4711")
        await ask("download_report", ready)
    file = vendor.seen[1]
    assert KEY not in f"{file.query} {file.headers}"
    assert "shop" not in f"{file.query} {file.headers}"
    kept = f"{ready!r} {caplog.text}" + "".join(f"{call.url} {call.request} {call.response}" for call in calls)
    assert "4711.csv" in kept
    assert not [secret for secret in (KEY, "s1gnature", "AKTEA", "AW1") if secret in kept]


async def test_waiting_ends_after_the_last_try(ask: Ask, vendor: Vendor) -> None:
    for _ in range(3):
        vendor.say(made("PENDING"))
    with pytest.raises(VendorError, match="PENDING") as error:
        await ask("wait_for_report", "4711", every=0.01, tries=3)
    assert error.value.again
    assert len(vendor.seen) == 3


@pytest.mark.parametrize("status", ["FAILED", "Failure", "error"])
async def test_a_report_that_failed_is_not_waited_for(ask: Ask, vendor: Vendor, status: str) -> None:
    vendor.say(made(status))
    with pytest.raises(VendorError) as error:
        await ask("wait_for_report", "4711", every=60, tries=3)
    assert not error.value.again


async def test_a_report_that_vanished_is_a_vendor_error(ask: Ask, vendor: Vendor) -> None:
    vendor.say(meta(422, "no such report"))
    with pytest.raises(VendorError):
        await ask("wait_for_report", "4711")


async def test_waiting_continues_after_transient_errors(ask: Ask, vendor: Vendor) -> None:
    vendor.say({}, status=503).say({}, status=429, headers={"Retry-After": "0"}).say(meta(500), cut="before")
    vendor.say(made("SUCCESS", "https://files.example/x.csv")).say({}, status=429, headers={"Retry-After": "900"})
    assert (await ask("wait_for_report", "4711", every=0.01, tries=4)).ready
    with pytest.raises(VendorError) as error:
        await ask("wait_for_report", "4711", every=0.01, tries=4)
    assert error.value.retry_after == 900.0
    assert len(vendor.seen) == 5


async def test_a_requested_pause_is_applied_once(
    vendor: Vendor, calls: list[Call], monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(time, "sleep", pauses.append)
    vendor.say({}, status=429, headers={"Retry-After": "90"}).say(made("PENDING")).say(made("", "https://f.example/x"))
    async with asking("sync", vendor, calls) as ask:
        await ask("wait_for_report", "4711", every=20, tries=3)
    assert [pause for pause in pauses if pause] == [90.0, 20]  # the server's own pauses are 0


@pytest.mark.parametrize("bounds", [{"every": 0}, {"every": -1}, {"tries": 0}])
async def test_invalid_bounds_are_refused(ask: Ask, vendor: Vendor, bounds: JsonObject) -> None:
    with pytest.raises(ValueError, match="every must be above 0"):
        await ask("wait_for_report", "4711", **bounds)
    assert vendor.seen == []


@pytest.mark.parametrize("link", ["", "file:///etc/passwd", "ftp://files.example/x", "https:///x", "/only/a/path"])
async def test_only_web_addresses_are_followed(ask: Ask, link: str) -> None:
    with pytest.raises(ValueError, match="4711"):
        await ask("download_report", report(link))


@pytest.mark.parametrize(
    ("how", "again"),
    [
        ({"status": 403}, False),
        ({"status": 400}, False),
        ({"status": 503, "headers": {"Retry-After": "4"}}, True),
        ({"status": 302, "headers": {"Location": "https://elsewhere.example/"}}, True),
        ({"cut": "within"}, True),
    ],
)
async def test_a_download_that_fails_states_whether_to_retry(
    ask: Ask, vendor: Vendor, how: JsonObject, again: bool
) -> None:
    vendor.say(b"<Error>AccessDenied</Error>" * 9, **how)
    with pytest.raises(VendorError) as error:
        await ask("download_report", report(f"{vendor.url}/4711.csv?{QUERY}"))
    assert error.value.again is again
    assert error.value.retry_after == (4.0 if how.get("status") == 503 else None)
    assert "s1gnature" not in f"{error.value} {error.value.call}"
    assert len(vendor.seen) == 1


async def test_a_file_has_its_own_size_limit(ask: Ask, vendor: Vendor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchange, "LARGEST_ANSWER", 100)
    vendor.say(b"x" * 500).say(b"x" * 1500)
    monkeypatch.setattr(exchange, "LARGEST_FILE", 1000)
    assert len(await ask("download_report", report(f"{vendor.url}/a.csv"))) == 500
    with pytest.raises(VendorError, match="larger than 1000"):
        await ask("download_report", report(f"{vendor.url}/a.csv"))


@pytest.mark.parametrize(
    "link",
    [
        "https://f.example/a?AWSAccessKeyId=hush&Signature=hush&Expires=1",
        "https://f.example/a?X-Amz-Credential=hush%2F1&X-Amz-Date=1&X-Amz-Signature=hush&X-Amz-Security-Token=hush",
        "https://f.example/a?X-Goog-Signature=hush",
        '{"s3_link": "https://f.example/a?Expires=1\\u0026Signature=hush\\u0026x=1"}',
        "https://f.example/a?se=1&sig=hush",
    ],
)
def test_signatures_of_links_are_masked(link: str) -> None:
    masked = mask_signed(link)
    assert "hush" not in masked
    assert "***" in masked
    assert mask_signed(masked) == masked


def test_other_parameters_than_signatures_are_kept() -> None:
    text = "https://f.example/a?design=1&sku=TEA&Expires=5 Signature=on file"
    assert mask_signed(text) == text
