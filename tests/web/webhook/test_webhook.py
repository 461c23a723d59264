"""POST /webhooks/clickpost: 200 means stored, a wrong key stores nothing, internal errors are 503, never 500."""

from __future__ import annotations

import asyncio
import fcntl
import json
import time
from base64 import b64encode
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import hypothesis.strategies as st
import pytest
from hypothesis import HealthCheck, example, given, settings

from awbridge.clickpost.client import probe
from awbridge.domain.errors import StoreBusy
from awbridge.steps.polling.watch import WebhookRefusals
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.engine.database import Session
from awbridge.store.polling import webhook_keys
from awbridge.store.tracking import inbox
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.webhook.endpoint import LARGEST_BODY, LOOKUP_INTERVAL, PATH, KeyRing, WebhookEndpoint
from tests.support.app import Web, web_on
from tests.support.rows import T0, count, fetch
from tests.support.stopwatch import IN_TIME, Stopwatch
from tests.support.stores import postgres_only, sqlite_only
from tests.support.world import SetClock, as_body, webhook

HOOK = as_body(webhook("AWB1", 5, T0, order_status_id=1))
RIGHT = {"webhook_key": "right"}


@pytest.fixture(params=["server", "app"])
async def web(store: Store, request: pytest.FixtureRequest) -> AsyncGenerator[Web]:
    """The app behind the server of `awbridge serve`, and the app alone."""
    async with web_on(store, served=request.param == "server") as running:
        yield running


async def stored(store: Store) -> list[dict[str, Any]]:
    return await fetch(store, "SELECT identity, source, body, received_at, due_at, problem FROM inbox ORDER BY id")


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (PATH, {"webhook_key": "right"}),
        (PATH, {"Webhook_Key": "right"}),
        (PATH, {"Webhook-Key": "right"}),
        (PATH, {"X-Api-Key": "right"}),
        (f"{PATH}/right", {}),
        (f"{PATH}/right/", {}),
        (PATH, {"webhook_key": "wrong", "x-api-key": "right"}),
        (PATH, {"Authorization": "right"}),
        (PATH, {"Authorization": "Bearer right"}),
        (PATH, {"authorization": "bearer  right"}),
        (PATH, {"Authorization": "Basic right"}),
        (PATH, {"Authorization": f"Basic {b64encode(b'clickpost:right').decode()}"}),
        (PATH, {"Authorization": f"Basic {b64encode(b'right:').decode()}"}),
        (PATH, {"Authorization": "Basic of-a-proxy", "webhook_key": "right"}),
        (f"{PATH}?secret=right", {}),
        (f"{PATH}?a=b&secret=r%69ght", {}),
        (f"{PATH}/?secret=right", {}),
    ],
)
@sqlite_only
async def test_the_right_key_is_accepted_wherever_clickpost_sends_it(
    web: Web, path: str, headers: dict[str, str]
) -> None:
    answer = await web.http.post(path, content=HOOK, headers=headers)
    assert (answer.status_code, answer.json()) == (200, {"status": "stored"})
    [row] = await stored(web.store)
    assert (bytes(row["body"]), row["source"], row["received_at"]) == (HOOK, "w", T0)
    assert await count(web.store, "inbox_batches") == 1, "it is due"


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (PATH, {}),
        (PATH, {"webhook_key": "wrong"}),
        (PATH, {"webhook_key": ""}),
        (PATH, {"webhook_key": "right "[:4]}),
        (PATH, {"Authorization": "Bearer wrong"}),
        (PATH, {"Authorization": "Bearer"}),
        (PATH, {"Authorization": "Digest right"}),
        (PATH, {"Authorization": "Basic ===="}),
        (PATH, {"Authorization": f"Basic {b64encode(b'wrong:also').decode()}"}),
        (f"{PATH}?secret=wrong", {}),
        (f"{PATH}?secret=", {}),
        (f"{PATH}?SECRET=right", {}),
        (f"{PATH}?{'&'.join(['a=b'] * 50)}&secret=right", {}),
        (f"{PATH}/wrong", {}),
        (f"{PATH}?key=right", {}),
        (PATH, {"webhook_key": "right".upper()}),
    ],
)
@sqlite_only
async def test_a_wrong_or_missing_key_is_refused_and_nothing_is_stored(
    web: Web, path: str, headers: dict[str, str]
) -> None:
    answer = await web.http.post(path, content=HOOK, headers=headers)
    assert answer.status_code == 401
    assert await count(web.store, "inbox") == 0


@pytest.mark.parametrize(
    ("path", "headers", "message"),
    [
        (PATH, {}, "no webhook_key was sent: does a proxy drop headers with an underscore?"),
        (PATH, {"webhook_key": "wrong", "Authorization": "Basic x"}, "wrong webhook_key"),
        (PATH, {"webhook-key": "wrong"}, "wrong webhook_key"),
        (PATH, {"X-Api-Key": f"{probe.PROBE_PREFIX}1"}, "wrong webhook_key"),
        (PATH, {"Authorization": "Basic of-a-proxy"}, "no webhook_key was sent, and the key in"),
        (f"{PATH}?secret=guess", {}, "no webhook_key was sent, and the key in"),
    ],
)
@sqlite_only
async def test_a_refusal_says_whether_the_usual_header_was_sent(
    web: Web, path: str, headers: dict[str, str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    answer = await web.http.post(path, content=HOOK, headers=headers)
    assert answer.json()["message"].startswith(message)
    output = capsys.readouterr()
    assert "guess" not in output.out + output.err + answer.text


@sqlite_only
async def test_without_configured_keys_every_webhook_is_refused(store: Store) -> None:
    async with web_on(store, keys=()) as web:
        assert (await web.http.post(PATH, content=HOOK, headers={"webhook_key": ""})).status_code == 401
        assert (await web.http.post(PATH, content=HOOK)).status_code == 401


async def test_old_and_new_keys_are_both_accepted_during_a_rotation(store: Store) -> None:
    async with web_on(store, keys=("old", "new")) as web:
        for n, key in enumerate(("old", "new")):
            body = as_body(webhook("AWB1", 5, T0, order_status_id=n + 1))
            assert (await web.http.post(PATH, content=body, headers={"webhook_key": key})).status_code == 200
        assert (await web.http.post(PATH, content=HOOK, headers={"webhook_key": "older"})).status_code == 401
    assert await count(store, "inbox") == 2


async def register(store: Store, key: str) -> None:
    async with store.write() as session:
        await webhook_keys.add(session, key, webhook_url="https://x", now=T0)


async def test_a_key_just_stored_is_accepted_at_once_during_a_flood_of_wrong_keys(store: Store) -> None:
    async def send_wrong_keys() -> None:
        while not finished:
            answer = await one.http.post(PATH, content=b"{}", headers={"webhook_key": "wrong"})
            assert answer.status_code == 401

    async with web_on(store, keys=()) as one, web_on(store, keys=()) as two:
        finished = False
        sending = [asyncio.create_task(send_wrong_keys()) for _ in range(5)]
        for number in range(10):
            fresh = {"webhook_key": f"fresh-{number}"}
            body = as_body(webhook("AWB1", 5, T0, order_status_id=number))
            for web in (one, two):
                assert (await web.http.post(PATH, content=body, headers=fresh)).status_code == 401
            await register(store, fresh["webhook_key"])
            for web in (one, two):
                assert (await web.http.post(PATH, content=body, headers=fresh)).status_code == 200
        finished = True
        await asyncio.gather(*sending)


async def test_a_flood_of_wrong_keys_costs_few_lookups(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    lookups = 0
    every = webhook_keys.every

    async def counted(session: Session) -> list[str]:
        nonlocal lookups
        lookups += 1
        return await every(session)

    monkeypatch.setattr(webhook_keys, "every", counted)
    ring = KeyRing(store, ["right"])
    started = time.monotonic()
    answers = await asyncio.gather(*(ring.accepts([f"wrong-{number}"]) for number in range(500)))
    answers += [await ring.accepts(["wrong"]) for _ in range(4)]
    assert not any(answers)
    assert lookups <= 2 + (time.monotonic() - started) / LOOKUP_INTERVAL
    assert lookups <= 7


@sqlite_only
async def test_waiting_for_a_failed_lookup_does_not_start_another(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    lookups: list[str] = []
    nobody_waits = asyncio.Event()

    async def slow(_: Session) -> list[str]:
        lookups.append("")
        await nobody_waits.wait()
        return []

    monkeypatch.setattr(webhook_keys, "every", slow)
    ring = KeyRing(store, ["right"])
    first = asyncio.create_task(ring.accepts(["unknown"]))
    while not lookups:
        await asyncio.sleep(0.01)
    answers = await asyncio.gather(first, *(ring.accepts(["unknown"]) for _ in range(9)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [StoreBusy] * 10
    assert len(lookups) == 1


async def test_the_first_deliveries_after_a_start_are_all_accepted_by_a_registered_key(store: Store) -> None:
    await register(store, "kept")
    async with web_on(store, keys=()) as web:
        bodies = [as_body(webhook("AWB1", 5, T0, order_status_id=n + 1)) for n in range(20)]
        answers = await asyncio.gather(
            *(web.http.post(PATH, content=body, headers={"webhook_key": "kept"}) for body in bodies)
        )
    assert {a.status_code for a in answers} == {200}
    assert await count(store, "inbox") == 20


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"{", b'"text"', b"17", b"null", b"[]", b"[1]", b"\xff\xfe\x00", b"[" * 5000]
)
async def test_a_body_that_is_no_delivery_is_400_and_stored(web: Web, body: bytes) -> None:
    answer = await web.http.post(PATH, content=body, headers=RIGHT)
    assert answer.status_code == 400
    assert (await web.http.post(PATH, content=body, headers=RIGHT)).status_code == 400
    [row] = await stored(web.store)
    assert bytes(row["body"]) == body
    assert row["due_at"] is None
    assert row["problem"].startswith("not_json: ")
    async with web.store.write() as session:
        assert await inbox.replay(session, now=T0) == 0, "no fix can make it a delivery"


async def test_a_delivery_of_the_largest_size_is_accepted_and_a_larger_one_refused(web: Web) -> None:
    body = webhook("AWB1", 5, T0)
    body["padding"] = "x" * (LARGEST_BODY - len(as_body({**body, "padding": ""})))
    assert len(as_body(body)) == LARGEST_BODY
    assert (await web.http.post(PATH, content=as_body(body), headers=RIGHT)).status_code == 200
    assert (await web.http.post(PATH, content=as_body(body) + b" ", headers=RIGHT)).status_code == 413
    assert await count(web.store, "inbox") == 1


async def test_a_repeated_delivery_is_acknowledged_and_stored_once(web: Web) -> None:
    answers = [await web.http.post(PATH, content=HOOK, headers=RIGHT) for _ in range(2)]
    answers += await asyncio.gather(*(web.http.post(PATH, content=HOOK, headers=RIGHT) for _ in range(10)))
    assert {a.status_code for a in answers} == {200}
    assert await count(web.store, "inbox") == 1


@pytest.mark.heavy
async def test_every_acknowledged_delivery_is_in_the_database(web: Web) -> None:
    bodies = [as_body(webhook(f"AWB{n}", 5, T0)) for n in range(200)]

    async def deliver(body: bytes) -> int:
        # Retry 503 as ClickPost does: a slow disk may cause one.
        for _ in range(10):
            answer = await web.http.post(PATH, content=body, headers=RIGHT)
            if answer.status_code != 503:
                break
        return answer.status_code

    statuses = await asyncio.gather(*(deliver(body) for body in bodies))
    assert statuses == [200] * 200
    assert await count(web.store, "inbox") == 200
    assert web.endpoint.counts[200] == 200


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS"])
@sqlite_only
async def test_other_methods_are_refused(web: Web, method: str) -> None:
    answer = await web.http.request(method, PATH, headers=RIGHT)
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")


@asynccontextmanager
async def dead(store: Store, url: str) -> AsyncGenerator[None]:
    """Another process locks the database, so that nothing can be written to the inbox."""
    if store.dialect == "sqlite":
        with Path(url.removeprefix("sqlite:///") + "-lock").open("rb+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield
        return
    other = await asyncpg.connect(url)
    try:
        async with other.transaction():
            await other.execute("LOCK TABLE inbox, webhook_keys IN ACCESS EXCLUSIVE MODE")
            yield
    finally:
        await other.close()


async def test_a_dead_database_is_503_before_clickpost_hangs_up(web: Web, store_url: str) -> None:
    async with dead(web.store, store_url):
        watch = Stopwatch()
        answers = await asyncio.gather(
            web.http.post(PATH, content=HOOK, headers=RIGHT), web.http.post(PATH, content=b"<", headers=RIGHT)
        )
        assert watch.seconds < IN_TIME
    assert [(a.status_code, a.headers["retry-after"]) for a in answers] == [(503, "1")] * 2
    assert (await web.http.post(PATH, content=HOOK, headers=RIGHT)).status_code == 200
    assert (await web.http.post(PATH, content=b"<", headers=RIGHT)).status_code == 400
    assert sorted(bytes(r["body"]) for r in await stored(web.store)) == [b"<", HOOK]


@postgres_only  # readers of SQLite do not wait for writers
async def test_a_key_lookup_that_times_out_is_503(web: Web, store_url: str) -> None:
    async with dead(web.store, store_url):
        watch = Stopwatch()
        answer = await web.http.post(PATH, content=HOOK, headers={"webhook_key": "maybe registered"})
        assert watch.seconds < IN_TIME
    assert answer.status_code == 503


@sqlite_only
async def test_a_path_with_the_same_prefix_is_404(web: Web) -> None:
    assert (await web.http.post(f"{PATH}extra", content=HOOK, headers=RIGHT)).status_code == 404


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=10,
)
_names = st.sampled_from(["waybill", "cp_id", "order_status_id", "notification_event_id", "additional", "timestamp"])
_like_hooks = st.dictionaries(_names, _json, max_size=5)
_bodies = st.binary(max_size=200) | (_json | _like_hooks | st.lists(_like_hooks, max_size=3)).map(
    lambda value: json.dumps(value).encode()
)


@pytest.mark.heavy
@settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(body=_bodies)
@example(body=b'{"order_status_id": "\\ud800"}')
@example(body=b'{"order_status_id": "a\\u0000b"}')
@example(body=b'{"order_status_id": 1e999}')
async def test_no_body_causes_a_server_error_and_every_body_is_stored(web: Web, body: bytes) -> None:
    answer = await web.http.post(PATH, content=body, headers=RIGHT)
    assert answer.status_code in (200, 400)
    assert await count(web.store, "inbox") >= 1


async def test_a_refusal_says_whether_a_key_was_sent_and_is_counted(store: Store) -> None:
    refusals = WebhookRefusals()
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ["right"]), SetClock(), refusals)
    app = build_app(ApiContext(store=store, clock=SetClock()), webhook=endpoint, loops=[], api_keys=[])
    transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
    async with httpx2.AsyncClient(transport=transport, base_url="http://awbridge") as http:
        without = await http.post("/webhooks/clickpost", json={})
        wrong = await http.post("/webhooks/clickpost", json={}, headers={"webhook_key": "wrong"})
        result = await probe.probe_webhook(
            "http://awbridge/webhooks/clickpost", header="webhook_key", transport=transport
        )
    assert (result.status, result.text) == (401, wrong.text), "the doctor's check is answered, but not counted"
    assert "proxy" in without.json()["message"]
    assert wrong.json()["message"] == "wrong webhook_key"
    assert {reason: count for reason, (count, _) in refusals.take().items()} == {"no_key": 1, "wrong_key": 1}


async def test_a_revoked_key_is_soon_refused(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    await register(web.store, "new")
    assert (await web.http.post("/webhooks/clickpost", json={}, headers={"webhook_key": "new"})).status_code == 200
    async with web.store.write() as session:
        assert await webhook_keys.remove(session, webhook_keys.digest("new"))
    monkeypatch.setattr("awbridge.web.webhook.endpoint.KEYS_STALE_AFTER", 0.0)
    statuses = []
    for _ in range(50):
        statuses.append(
            (await web.http.post("/webhooks/clickpost", json={}, headers={"webhook_key": "new"})).status_code
        )
        await asyncio.sleep(0.02)
    assert statuses[-1] == 401
