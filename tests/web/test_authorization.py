"""Authorization of the API and the pages: keys, loopback, host names, and requests from other sites."""

from __future__ import annotations

import pytest

from awbridge.store import Store
from awbridge.store.notify import endpoints
from tests.support.app import Web, problem, web_on
from tests.support.rows import T0, fetch
from tests.support.stores import sqlite_only, store_url_of_web
from tests.web.test_pages import HERE, OUR_FORM, an_endpoint

store_url = store_url_of_web

PAGES = ("/", "/endpoints", "/alarms", "/static/awbridge.css")


@pytest.mark.parametrize("path", PAGES)
async def test_with_a_key_browsers_must_log_in(store: Store, path: str) -> None:
    async with web_on(store, api_keys=["k-1", "clé:2"]) as web:
        refused = await web.http.get(path)
        assert refused.status_code == 401
        assert refused.headers["www-authenticate"].startswith("Basic ")
        for auth in (("anybody", "k-1"), ("", "clé:2")):
            assert (await web.http.get(path, auth=auth)).status_code == 200
        for auth in (("k-1", ""), ("x", "k-2"), ("x", "")):
            assert (await web.http.get(path, auth=auth)).status_code == 401
        for header in ("Basic", "Basic !", "Basic azE=", "Digest k-1", "k-1"):
            assert (await web.http.get(path, headers={"authorization": header})).status_code == 401
        assert (await web.http.get(path, headers={"authorization": "Bearer k-1"})).status_code == 200
        async with web.client("203.0.113.7") as remote:
            assert (await remote.get(path, auth=("x", "k-1"))).status_code == 200


async def test_basic_credentials_of_a_browser_never_open_the_api(store: Store) -> None:
    async with web_on(store, api_keys=["k-1"]) as web:
        for path in ("/v1/endpoints", "/metrics"):
            assert (await web.http.get(path, auth=("x", "k-1"))).status_code == 401
            assert (await web.http.get(path, headers={"authorization": "Bearer k-1"})).status_code == 200


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site", "origin": "http://localhost:8000"},
        {"origin": "https://evil.example"},
        {"origin": "null"},
        {"origin": "http://[::1"},
    ],
)
async def test_without_a_key_another_sites_page_may_not_call_the_api(web: Web, headers: dict[str, str]) -> None:
    body = {"url": "https://erp.example/hook"}
    refused = await web.http.post("/v1/endpoints", json=body, headers={**HERE, **headers})
    assert refused.status_code == 403
    assert refused.json()["title"] == "Another site sent this"
    assert await fetch(web.store, "SELECT id FROM endpoints") == []
    assert (await web.http.get("/v1/endpoints", headers={**HERE, **headers})).status_code == 403


@pytest.mark.parametrize(
    "headers", [{}, {"sec-fetch-site": "same-origin"}, {"sec-fetch-site": "none"}, {"origin": "http://localhost:8000"}]
)
async def test_without_a_key_programs_and_our_own_pages_may_call_the_api(web: Web, headers: dict[str, str]) -> None:
    assert (await web.http.get("/v1/endpoints", headers={**HERE, **headers})).status_code == 200


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8000", "localhost.evil.example", "[::1", ""])
async def test_without_a_key_the_api_refuses_unknown_host_names(web: Web, host: str) -> None:
    refused = await web.http.post("/v1/endpoints", json={"url": "https://erp.example/hook"}, headers={"host": host})
    assert (refused.status_code, refused.json()["title"]) == (403, "Unknown host name")
    assert "AWBRIDGE_API_KEYS" in refused.json()["detail"]
    assert await fetch(web.store, "SELECT id FROM endpoints") == []
    assert (await web.http.get("/metrics", headers={"host": host})).status_code == 403
    for path in ("/healthz", "/readyz"):
        assert (await web.http.get(path, headers={"host": host})).status_code == 200
    hook = await web.http.post("/webhooks/clickpost", content=b"{", headers={"host": host, "webhook_key": "right"})
    assert hook.status_code == 400  # authorized, but not JSON: with the webhook key any name is accepted


@pytest.mark.parametrize("host", ["localhost:8000", "127.0.0.1", "[::1]:8000", "bridge.localhost", "LOCALHOST"])
async def test_without_a_key_local_programs_may_call_the_api_by_a_local_name(web: Web, host: str) -> None:
    assert (await web.http.get("/v1/endpoints", headers={"host": host})).status_code == 200


async def test_the_configured_host_name_is_accepted(store: Store) -> None:
    async with web_on(store, host="bridge.internal") as web:
        for path in ("/", "/v1/endpoints"):
            assert (await web.http.get(path, headers={"host": "Bridge.internal:8000"})).status_code == 200
            assert (await web.http.get(path, headers={"host": "other.internal"})).status_code == 403
            assert (await web.http.get(path, headers=HERE)).status_code == 200


async def test_with_a_key_any_host_name_is_accepted(store: Store) -> None:
    async with web_on(store, api_keys=["k-1"]) as web:
        header = {"host": "bridge.example", "authorization": "Bearer k-1"}
        assert (await web.http.get("/v1/endpoints", headers=header)).status_code == 200


@pytest.mark.parametrize("path", PAGES)
async def test_without_a_key_only_this_machine_may_see_pages_by_a_local_name(web: Web, path: str) -> None:
    for host in ("localhost:8000", "127.0.0.1", "[::1]:8000", "bridge.localhost"):
        assert (await web.http.get(path, headers={"host": host})).status_code == 200
    for host in ("evil.example", "evil.example:8000", "localhost.evil.example", "[::1", ""):
        assert (await web.http.get(path, headers={"host": host})).status_code == 403
    async with web.client("203.0.113.7") as remote:
        assert (await remote.get(path, headers=HERE)).status_code == 403


async def test_pages_have_security_headers(web: Web) -> None:
    for path in ("/", "/endpoints", "/alarms", "/endpoints/7", "/endpoints/7/nosuch"):
        headers = (await web.http.get(path, headers=HERE)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "script-src 'self';" in policy
        assert "unsafe" not in policy
        assert headers["cache-control"] == "no-store"
        assert headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"sec-fetch-site": "none"},
        {"sec-fetch-site": "cross-site", "origin": "http://localhost:8000"},
        {"origin": "https://evil.example"},
        {"origin": "http://localhost:8001"},
        {"origin": "null"},
        {"origin": ""},
        {"origin": "http://[::1"},
    ],
)
async def test_posts_of_other_sites_are_refused(web: Web, headers: dict[str, str]) -> None:
    endpoint = await an_endpoint(web.store)
    async with web.store.write() as session:
        await endpoints.disable(session, endpoint, problem="unreachable", now=T0)
    refused = await web.http.post(f"/endpoints/{endpoint.id}/enable", headers={**HERE, **headers})
    assert refused.status_code == 403
    assert "Another site" in refused.text
    async with web.store.read() as session:
        stored = await endpoints.get(session, endpoint.id)
    assert stored
    assert not stored.enabled


@pytest.mark.parametrize("headers", [{"sec-fetch-site": "same-origin"}, {"origin": "http://localhost:8000"}])
async def test_a_button_works_with_either_header(web: Web, headers: dict[str, str]) -> None:
    endpoint = await an_endpoint(web.store)
    answer = await web.http.post(f"/endpoints/{endpoint.id}/enable", headers={**HERE, **headers})
    assert (answer.status_code, answer.headers["location"]) == (303, f"/endpoints/{endpoint.id}?enabled")


async def test_a_button_needs_the_key_too(store: Store) -> None:
    async with web_on(store, api_keys=["k-1"]) as web:
        endpoint = await an_endpoint(store)
        path = f"/endpoints/{endpoint.id}/enable"
        assert (await web.http.post(path, headers=OUR_FORM)).status_code == 401
        assert (await web.http.post(path, headers=OUR_FORM, auth=("x", "k-1"))).status_code == 303


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ({"Authorization": "Bearer second"}, 200),
        ({"Authorization": "bearer  first "}, 200),
        ({}, 401),
        ({"Authorization": "Bearer wrong"}, 401),
        ({"Authorization": "Bearer "}, 401),
        ({"Authorization": "Basic first"}, 401),
        ({"Authorization": "first"}, 401),
    ],
)
@sqlite_only
async def test_with_keys_configured_every_caller_needs_one(store: Store, header: dict[str, str], status: int) -> None:
    async with web_on(store, api_keys=["first", "second"]) as web:
        for client in (web.http, web.client("10.0.0.1")):
            answer = await client.get("/v1/shipments", headers=header)
            assert answer.status_code == status
            if status == 401:
                problem(answer, 401)
                assert answer.headers["www-authenticate"] == "Bearer"
            assert (await client.get("/metrics", headers=header)).status_code == status


@pytest.mark.parametrize(
    ("address", "status"),
    [("127.0.0.1", 200), ("127.8.0.1", 200), ("::1", 200), ("10.0.0.1", 403), ("", 403), ("x", 403)],
)
@sqlite_only
async def test_without_keys_only_this_machine_may_call(web: Web, address: str, status: int) -> None:
    answer = await web.client(address).get("/v1/shipments")
    assert answer.status_code == status
    if status == 403:
        assert "AWBRIDGE_API_KEYS" in problem(answer, 403)["detail"]
    assert (await web.client(address).get("/healthz")).status_code == 200, "probes come from anywhere"
