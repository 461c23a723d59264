"""Paths below /a/{account}/ reach the app of that account, and of no other."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import unquote

import pytest
from starlette.types import ASGIApp, Message
from structlog.testing import capture_logs

from awbridge.web.accounts import dispatcher
from awbridge.web.webhook.endpoint import PATH
from tests.support.accounts import Accounts
from tests.support.app import problem
from tests.support.pages import HERE
from tests.support.rows import T0, count
from tests.support.world import an_order, webhook

pytestmark = pytest.mark.heavy

HOOK = webhook("AWB1", 5, T0, order_status_id=1)


def key_of(name: str) -> dict[str, str]:
    return {"webhook_key": f"key-of-{name}"}


async def test_each_account_has_its_own_orders_and_the_home_has_its_own(accounts: Accounts) -> None:
    for prefix, reference in (("/a/acme", "A-1"), ("/a/zest", "Z-1"), ("", "H-1")):
        answer = await accounts.http.post(f"{prefix}/v1/shipments", json=an_order(reference))
        assert answer.status_code == 202, answer.text
    for prefix, reference in (("/a/acme", "A-1"), ("/a/zest", "Z-1"), ("", "H-1")):
        listed = (await accounts.http.get(f"{prefix}/v1/shipments")).json()
        assert [one["reference_number"] for one in listed["shipments"]] == [reference]
        assert reference in (await accounts.http.get(f"{prefix}/shipments", headers=HERE)).text


async def test_an_accounts_webhook_is_stored_with_that_account(accounts: Accounts) -> None:
    for path in (f"/a/acme{PATH}", f"/a/acme{PATH}/key-of-acme", f"/a/acme{PATH}?secret=key-of-acme"):
        headers = {} if "key-of" in path else key_of("acme")
        answer = await accounts.http.post(path, json={**HOOK, "order_status_id": len(path)}, headers=headers)
        assert answer.status_code == 200, path
    assert await count(accounts.of("acme").store, "inbox") == 3
    assert await count(accounts.of("zest").store, "inbox") == await count(accounts.home.store, "inbox") == 0
    for name, prefix in (("zest", "/a/acme"), ("", "/a/acme"), ("acme", ""), ("acme", "/a/zest")):
        assert (await accounts.http.post(f"{prefix}{PATH}", json=HOOK, headers=key_of(name))).status_code == 401


WRONG_NAMES = (
    *("nobody", "ACME", "Acme", "%61cme", "acm%65", "acme%2F", "acme.", "-acme", "a cme", "a%20cme", "аcme", "acme%00"),
    *("acme%2Fv1%2Fshipments", "..", "%2e%2e", "acme;x", "a" * 33, "acme" * 1000, "1acme", "", "acme%0d%0aX-Y:1", "%"),
)


RESTS = ("/v1/shipments", "/", "", "/shipments", "/static/awbridge.css", "/track/abc", "/healthz", PATH)
NO_NAMES = ("/a", "/a/", "/%61/acme/v1/shipments", "/a%2Facme/v1/shipments", "/a//v1/shipments")


async def test_a_name_that_is_none_is_answered_404_everywhere(accounts: Accounts) -> None:
    answers = {await sent(accounts.app, f"/a/{name}{rest}") for name in WRONG_NAMES for rest in RESTS}
    answers |= {await sent(accounts.app, path) for path in NO_NAMES}
    ((status, content_type, body),) = answers  # API, pages and webhooks get the same answer
    assert (status, content_type) == (404, b"application/problem+json")
    assert json.loads(body)["status"] == 404
    assert await count(accounts.of("acme").store, "inbox") == 0
    assert set(accounts.sites.opened) == {"nobody"}, "no other name is looked up"


async def sent(app: ASGIApp, target: str) -> tuple[int, bytes, bytes]:
    """Status, content type and body of the answer to a request whose target no client has normalised."""
    messages: list[Message] = []

    async def receive() -> Message:
        return {"type": "http.request", "body": json.dumps(HOOK).encode()}

    async def send(message: Message) -> None:
        messages.append(message)

    headers = [(b"host", b"localhost:8000"), (b"webhook_key", b"key-of-acme")]
    method, raw = "POST" if target.endswith(PATH) else "GET", target.encode()
    scope = {"type": "http", "method": method, "path": unquote(target), "raw_path": raw, "query_string": b""}
    await app({**scope, "headers": headers, "client": ("127.0.0.1", 1), "scheme": "http"}, receive, send)
    start, *parts = messages
    body = b"".join(part.get("body", b"") for part in parts)
    return start["status"], dict(start["headers"])[b"content-type"], body


async def test_nothing_of_the_process_and_no_other_account_is_below_an_account(accounts: Accounts) -> None:
    for rest in ("/healthz", "/readyz", "/metrics", "/a/zest/v1/shipments", "/a/acme/v1/shipments", "/a"):
        problem(await accounts.http.get(f"/a/acme{rest}"), 404)
    assert (await accounts.http.get("/healthz")).status_code == 200


async def test_the_prefix_alone_leads_to_the_overview(accounts: Accounts) -> None:
    answer = await accounts.http.get("/a/acme", headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (307, "/a/acme/")
    assert "Overview" in (await accounts.http.get("/a/acme/", headers=HERE)).text


async def test_webhooks_of_accounts_that_do_not_exist_are_counted_and_logged_once_a_second(accounts: Accounts) -> None:
    with capture_logs() as logged:
        for number in range(50):
            await accounts.http.post(f"/a/{'nobody' if number % 2 else 'NOBODY'}{PATH}/secret", json=HOOK)
    await accounts.http.get("/a/nobody/v1/shipments")
    assert {reason: times for reason, (times, _) in accounts.refusals.take().items()} == {"no_account": 50}
    assert accounts.home.webhook.counts == {404: 50}
    assert [line["event"] for line in logged] == ["webhook.no_account"]
    assert "secret" not in str(logged)


async def test_a_suspended_account_answers_nothing_but_stores_its_webhooks(accounts: Accounts) -> None:
    accounts.sites.suspended.add("acme")
    body = problem(await accounts.http.get("/a/acme/v1/shipments"), 403)
    assert "suspended" in body["title"]
    problem(await accounts.http.post("/a/acme/v1/shipments", json=an_order()), 403)
    shown = await accounts.http.get("/a/acme/shipments", headers={**HERE, "accept-language": "hi"})
    assert shown.status_code == 403
    assert shown.headers["content-type"].startswith("text/html")
    assert "खाता रोका गया है" in shown.text
    assert 'href="/a/acme/static/awbridge.css' in shown.text
    assert (await accounts.http.get("/a/acme/static/awbridge.css")).headers["content-type"].startswith("text/css")
    assert (await accounts.http.get("/a/acme/static/../pages_app.py")).status_code in (403, 404)
    customer = await accounts.http.get("/a/acme/track/abcdefghijklmnop")
    assert customer.status_code == 503
    assert "suspended" not in customer.text
    assert (await accounts.http.post(f"/a/acme{PATH}", json=HOOK, headers=key_of("acme"))).status_code == 200
    assert (await accounts.http.post(f"/a/acme{PATH}", json=HOOK, headers=key_of("zest"))).status_code == 401
    assert await count(accounts.of("acme").store, "inbox") == 1
    assert await count(accounts.of("acme").store, "shipments") == 0
    accounts.sites.suspended.clear()
    assert (await accounts.http.get("/a/acme/v1/shipments")).status_code == 200


async def test_while_its_database_is_away_an_account_answers_503(accounts: Accounts) -> None:
    accounts.sites.away.add("acme")
    answer = await accounts.http.get("/a/acme/v1/shipments")
    problem(answer, 503)
    assert answer.headers["retry-after"] == "1"
    shown = await accounts.http.get("/a/acme/shipments", headers=HERE)
    assert (shown.status_code, shown.headers["retry-after"]) == (503, "1")
    assert shown.headers["content-type"].startswith("text/html")
    hook = await accounts.http.post(f"/a/acme{PATH}", json=HOOK, headers=key_of("acme"))
    assert (hook.status_code, hook.headers["retry-after"]) == (503, "1")
    assert accounts.home.webhook.counts == {503: 1}
    assert (await accounts.http.get("/a/zest/v1/shipments")).status_code == 200, "others are not concerned"


async def test_a_sleeping_account_is_opened_once_for_all_who_ask(
    accounts: Accounts, monkeypatch: pytest.MonkeyPatch
) -> None:
    accounts.sites.asleep.add("acme")
    accounts.sites.opening.clear()
    monkeypatch.setattr(dispatcher, "TIMEOUT", 0.05)
    late = await accounts.http.post(f"/a/acme{PATH}", json=HOOK, headers=key_of("acme"))
    assert late.status_code == 503, "the caller hangs up soon"
    asking = [asyncio.create_task(accounts.http.get("/a/acme/v1/shipments")) for _ in range(3)]
    gone = asyncio.create_task(accounts.http.get("/a/acme/v1/shipments"))
    await asyncio.sleep(0.01)
    gone.cancel()
    accounts.sites.opening.set()
    assert [answer.status_code for answer in await asyncio.gather(*asking)] == [200, 200, 200]
    assert accounts.sites.opened == ["acme"]
    assert (await accounts.http.post(f"/a/acme{PATH}", json=HOOK, headers=key_of("acme"))).status_code == 200


async def test_the_api_describes_itself_with_the_accounts_address(accounts: Accounts) -> None:
    described = (await accounts.http.get("/a/acme/openapi.json")).json()
    assert described["servers"] == [{"url": "/a/acme"}]
    of_home = (await accounts.http.get("/openapi.json")).json()["paths"]
    assert set(of_home) - set(described["paths"]) == {
        "/healthz",
        "/readyz",
        "/metrics",
        *(path for path in of_home if path.startswith("/v1/clickpost-accounts")),
    }, "an account does not answer these"
    shown = (await accounts.http.get("/a/acme/docs")).text
    assert "/a/acme/openapi.json" in shown
    assert 'src="/a/acme/static-offline-docs/swagger-ui-bundle.js"' in shown
    script = await accounts.http.get("/a/acme/static-offline-docs/swagger-ui-bundle.js")
    assert script.status_code == 200
    assert (await accounts.http.get("/a/acme/docs")).headers["content-security-policy"]
