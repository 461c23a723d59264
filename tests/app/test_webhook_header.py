"""The doctor's knocks at the webhook, through the server of `awbridge serve` and through proxies."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import replace
from datetime import timedelta

import pytest

from awbridge.app.doctor.diagnosis import OK, PROBLEM, WARNING, CheckContext
from awbridge.app.doctor.webhook import check_header
from awbridge.app.doctor.webhook_header import CURES, REJECTED, key_is_in, knock
from awbridge.app.load_settings import load_settings
from awbridge.clickpost.client import probe
from awbridge.steps.runtime.clock import utc_now
from awbridge.store import Store
from awbridge.store.polling import webhook_keys
from awbridge.web.webhook.endpoint import PATH
from tests.support.app import Web, web_on
from tests.support.proxy import dropping_proxy
from tests.support.stores import sqlite_only

pytestmark = pytest.mark.heavy


@pytest.fixture
async def web(store: Store) -> AsyncGenerator[Web]:
    async with web_on(store, served=True) as running:
        yield running


def url_of(web: Web) -> str:
    return str(web.http.base_url).rstrip("/")


def context(web: Web, url: str) -> CheckContext:
    return CheckContext(settings=load_settings(), store=web.store, clickpost=None, clock=utc_now, url=url)


@sqlite_only
async def test_the_header_arrives_before_host_and_after_it(web: Web) -> None:
    found = await knock(url_of(web) + PATH)
    assert (found.level, found.found) == (OK, "every proxy passes webhook_key")
    for answer in (
        await probe.probe_webhook(url_of(web) + PATH, header="webhook-key"),
        await probe.probe_webhook_before_host(url_of(web) + PATH, header="webhook-key"),
        await probe.probe_webhook_before_host(url_of(web) + PATH, header="X-Api-Key"),
    ):
        assert (answer.status, "wrong webhook_key" in answer.text) == (401, True), "a proxy may rename it"
    assert (await probe.probe_webhook(url_of(web) + PATH)).status == 401
    assert web.endpoint._refusals.counted.keys() == {"no_key"}, "the doctor's keys are not counted"


@sqlite_only
async def test_a_proxy_that_drops_or_rejects_the_header_is_told_from_one_that_does_not_reach_awbridge(web: Web) -> None:
    with dropping_proxy(url_of(web)) as proxy:
        dropped = await knock(proxy + PATH)
        elsewhere = await knock(f"{proxy}/other")
    with dropping_proxy(url_of(web), rejects=True) as proxy:
        rejected = await knock(proxy + PATH)
    assert (dropped.level, dropped.do) == (PROBLEM, CURES)
    assert (rejected.level, rejected.do) == (PROBLEM, REJECTED)
    assert "answers HTTP 400 to requests with the header webhook_key" in rejected.found
    assert (elsewhere.level, "returned HTTP 404, not awbridge's" in elsewhere.found) == (PROBLEM, True)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1" + PATH, "https://127.0.0.1:1" + PATH, "http://localhost:x" + PATH, "http://[" + PATH]
)
async def test_without_an_answer_there_is_an_error_instead(url: str) -> None:
    assert (await probe.probe_webhook_before_host(url, header="webhook_key")).error
    assert (await probe.probe_webhook(url, header="webhook_key")).error


@sqlite_only
async def test_deliveries_without_a_key_are_old_if_the_header_arrives_now(web: Web) -> None:
    async def found(url: str) -> list[tuple[str, str]]:
        return [(d.level, d.found) for d in await check_header(context(web, url))]

    async with web.store.write() as session:
        await webhook_keys.refuse(session, "no_key", 7, last_at=utc_now())
    url = url_of(web) + PATH
    good, old = await found(url)
    assert (good[0], old[0]) == (OK, WARNING)
    assert old[1].startswith("7 deliveries came without a key")
    assert old[1].endswith("that is old, or of another sender, for the header webhook_key arrives now")
    with dropping_proxy(url_of(web)) as proxy:
        bad, count = await found(proxy + PATH)
    assert (bad[0], count[0]) == (PROBLEM, WARNING)
    assert count[1].endswith("a proxy may drop the header webhook_key")
    later = replace(context(web, url), clock=lambda: utc_now() + timedelta(days=1, minutes=1))
    assert [d.level for d in await check_header(later)] == [OK], "a day after the last one, nothing is said"


def test_a_key_in_the_url_needs_no_header() -> None:
    assert key_is_in(f"https://x{PATH}/k")
    assert key_is_in(f"https://x{PATH}?secret=k")
    assert not key_is_in(f"https://x{PATH}")
    assert not key_is_in(f"https://x{PATH}/")
