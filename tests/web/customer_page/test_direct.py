"""Pages that are answered in the server's protocol, without ASGI: the same as by ASGI, in order, whoever hangs up."""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest

from awbridge.domain.errors import StoreBusy
from awbridge.steps.customer_page import open_orders
from awbridge.steps.customer_page.open_orders import BATCH, OpenOrders
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.customer_page.page_process import PagesBeside
from awbridge.web.customer_page.responses import MOST_PLAIN, Framed, PageResponse, Part, compressed
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import serving
from tests.support.customer_page import KEYS, At, CustomersView, add_parcel
from tests.web.http.test_protocol import connected, request

pytestmark = pytest.mark.heavy

GZIP = "accept-encoding: gzip"


@asynccontextmanager
async def served(page: CustomersView) -> AsyncGenerator[tuple[str, list[str]]]:
    """The page on loopback: its URL, and the paths that ASGI was asked for."""
    asked: list[str] = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        asked.append(scope["path"])
        await page.app(scope, receive, send)

    endpoint = WebhookEndpoint(Ingest(page.store), KeyRing(page.store, ()), page.clock)
    async with serving(app, endpoint, customer_page=PagesBeside(page.app, page.clock, None)) as url:
        yield url, asked


def asking(token: str, *headers: str, path: str = "/track/", method: str = "GET", version: str = "1.1") -> bytes:
    return request(b"", *headers, path=f"{path}{token}", method=method, version=version, length=False)


async def test_an_ordinary_page_is_answered_without_asgi_and_as_asgi_would(store: Store) -> None:
    page = CustomersView(store)
    token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"), edds=[("2026-11-04", 1)])
    etag = (await page.get(token, headers={"accept-encoding": "gzip"})).headers["etag"]
    async with served(page) as (url, asked), httpx2.AsyncClient(base_url=url) as http:
        for path in (f"/track/{token}", f"/t/{token.upper()}"):
            for headers in (
                {},
                {"accept-encoding": "identity"},
                {"accept-language": "ar-AE,ar;q=0.9"},
                {"accept-encoding": "gzip", "if-none-match": etag},
            ):
                direct, by_asgi = await http.get(path, headers=headers), await page.http.get(path, headers=headers)
                assert direct.headers.pop("date")
                assert (direct.status_code, direct.content) == (by_asgi.status_code, by_asgi.content)
                assert dict(direct.headers) == dict(by_asgi.headers)
                assert "Hello Asha" in direct.text or "ar" in str(headers) or direct.status_code == 304
        assert asked == []


async def test_whatever_else_is_answered_by_asgi(store: Store) -> None:
    page = CustomersView(store)
    token = await add_parcel(store, "REF-1", At(5))
    unknown = KEYS.token("NOBODY")
    async with served(page) as (url, asked), httpx2.AsyncClient(base_url=url) as http:
        found = [await http.get(path) for path in (f"/track/{token}?lang=hi", f"/track/{token}.json", f"/t/{unknown}")]
        found += [await http.get("/track/static/health"), await http.get(f"/t/{'a' * 16}"), await http.get("/track/")]
        found += [await http.head(f"/t/{token}"), await http.request("GET", f"/t/{token}", content=b"x")]
        found += [await http.get(f"/t/{token}/more"), await http.post(f"/t/{token}/answer")]
    assert [answer.status_code for answer in found] == [200, 200, 404, 200, 404, 404, 200, 200, 404, 415]
    assert len(asked) == len(found)
    assert '<html lang="hi"' in found[0].text


async def test_guesses_are_limited_here_too(store: Store) -> None:
    page = CustomersView(store)
    async with served(page) as (url, _), httpx2.AsyncClient(base_url=url) as http:
        found = [(await http.get(f"/t/{KEYS.token(f'NOBODY-{n}')}")).status_code for n in range(32)]
    assert found == [404] * 30 + [429] * 2


async def test_requests_on_one_connection_are_answered_in_their_order(store: Store) -> None:
    page = CustomersView(store)
    token = await add_parcel(store, "REF-1", At(5))
    async with served(page) as (url, asked), connected(url) as line:
        line.send(asking(token, GZIP), asking("?lang=hi"), asking(token), asking(token, "connection: close"))
        answers = [await line.answer() for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 404, 200, 200]
    assert gzip.decompress(answers[0][2]) == answers[2][2] == answers[3][2]
    assert [headers.get("connection") for _, headers, _ in answers] == [None, None, None, "close"]
    assert asked == ["/track/"]


async def test_a_client_of_http_1_0_gets_its_page(store: Store) -> None:
    page = CustomersView(store)
    token = await add_parcel(store, "REF-1", At(5))
    async with served(page) as (url, _), connected(url) as line:
        line.send(asking(token, version="1.0"))
        status, headers, body = await line.answer()
    assert (status, headers["connection"]) == (200, "close")
    assert b"On its way" in body


async def test_for_a_client_that_hung_up_no_page_is_made(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    page = CustomersView(store)
    token = await add_parcel(store, "REF-1", At(5))
    made: list[object] = []
    monkeypatch.setattr(page.app, "hand", lambda *given: made.append(given))
    hung_up = asyncio.Event()
    monkeypatch.setattr(page.orders, "_read", lambda _taken, _before: hung_up.wait())
    async with served(page) as (url, asked), connected(url) as line:
        line.send(asking(token))
        while not page.orders._taken:  # pyright: ignore[reportPrivateUsage]
            await asyncio.sleep(0.01)
        (waiting,) = page.orders._taken  # pyright: ignore[reportPrivateUsage]
        assert not waiting.callers[0].done()
        line.writer.transport.abort()
        async with asyncio.timeout(30):
            while not waiting.callers[0].done():
                await asyncio.sleep(0.01)
        hung_up.set()
        waiting.fail(StoreBusy("away"))
    assert (made, asked) == ([], [])


async def test_a_busy_database_is_said(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    page = CustomersView(store)

    def busy() -> None:
        raise StoreBusy("locked by postgresql://user:password@host")

    monkeypatch.setattr(page.store, "read", busy)
    async with served(page) as (url, asked), httpx2.AsyncClient(base_url=url) as http:
        answer = await http.get(f"/t/{KEYS.token('REF-1')}")
        monkeypatch.setattr(open_orders, "CAPACITY", 0)
        crowded = await http.get(f"/t/{KEYS.token('REF-1')}")
    for one in (answer, crowded):
        assert (one.status_code, one.headers["retry-after"], one.headers["cache-control"]) == (503, "5", "no-store")
        assert "password" not in one.text
    assert len(asked) == 1


async def test_a_page_that_cannot_be_made_fails_alone(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    page = CustomersView(store)
    tokens = [await add_parcel(store, f"REF-{n}", At(5), order_id=f"O-{n}") for n in range(2)]
    html = page.app._html  # pyright: ignore[reportPrivateUsage]
    shown = html.page

    def failing(view: Any, scope: Any, *, token: str, **rest: Any) -> PageResponse:
        if token == tokens[0]:
            raise RuntimeError("a defect")
        return shown(view, scope, token=token, **rest)

    monkeypatch.setattr(html, "page", failing)
    async with served(page) as (url, _), httpx2.AsyncClient(base_url=url) as http:
        failed, other = await asyncio.gather(*(http.get(f"/t/{token}") for token in tokens))
    assert (failed.status_code, other.status_code) == (500, 200)


def test_a_framed_page_unpacks_to_its_parts_and_only_the_middle_one_is_packed_again() -> None:
    head, foot = Part("<title>" + "a" * 500), Part("b" * 500 + "</html>", is_last=True)
    for main in (b"", b"x" * 20_000, bytes(range(256)) * 100):
        framed = Framed(head, main, foot)
        packed = compressed(PageResponse(status=200, body=framed.plain, framed=framed))
        assert gzip.decompress(packed) == head.plain + main + foot.plain
        assert head.block in packed
        assert foot.block in packed
        assert packed == compressed(PageResponse(status=200, body=framed.plain, framed=framed))


def test_in_a_hurry_a_pages_own_part_goes_as_it_is_unless_it_is_long() -> None:
    head, foot = Part("<title>" + "a" * 500), Part("b" * 500 + "</html>", is_last=True)
    for length in (0, 1, 255, 256, MOST_PLAIN, MOST_PLAIN + 1):
        framed = Framed(head, b"x" * length, foot)
        packed = compressed(PageResponse(status=200, body=framed.plain, framed=framed), quickly=True)
        assert gzip.decompress(packed) == framed.plain
        assert (framed.main in packed) is (length <= MOST_PLAIN)
    loose = PageResponse(status=200, body=b"y" * 5_000)
    assert compressed(loose, quickly=True) == compressed(loose)


async def test_while_many_wait_a_page_is_the_same_less_compressed_under_a_tag_of_its_own(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    page = CustomersView(store)
    token = await add_parcel(store, "REF-1", At(4, 2), At(5, 5, "BHIWANDI_HUB"))
    path, packing = f"/t/{token}", {"accept-encoding": "gzip"}
    async with served(page) as (url, asked), httpx2.AsyncClient(base_url=url) as http:
        usual, plain = await http.get(path, headers=packing), await http.get(path, headers={"accept-encoding": "br"})
        monkeypatch.setattr(OpenOrders, "is_crowded", True)
        quick, plain_too = (
            await http.get(path, headers=packing),
            await http.get(path, headers={"accept-encoding": "br"}),
        )
        assert usual.text == quick.text == plain.text == plain_too.text
        lengths = [int(answer.headers["content-length"]) for answer in (usual, quick, plain)]
        assert lengths == sorted(set(lengths))
        tags = [answer.headers["etag"] for answer in (usual, quick, plain)]
        assert len(set(tags)) == 3
        assert plain_too.headers["etag"] == tags[2]
        for crowded in (True, False):
            monkeypatch.setattr(OpenOrders, "is_crowded", crowded)
            for tag in tags[:2]:
                same = await http.get(path, headers={**packing, "if-none-match": f'"other", W/{tag}'})
                assert (same.status_code, same.headers["etag"], same.content) == (304, tag, b"")
            assert (await http.get(path, headers={**packing, "if-none-match": tags[2]})).status_code == 200
    assert asked == []


class Statements:
    """A store that counts the statements of its reads, by name."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.run: list[str] = []

    @asynccontextmanager
    async def read(self) -> AsyncGenerator[Any]:
        async with self._store.read() as session:
            self._session = session
            yield self

    async def fetch_rows(self, statement: Any, rows: Any) -> Any:
        self.run.append(statement.name)
        return await self._session.fetch_rows(statement, rows)


async def test_as_many_pages_as_are_read_together_take_two_statements(store: Store) -> None:
    counting: Any = Statements(store)
    page = CustomersView(counting)
    tokens = [await add_parcel(store, f"REF-{n}", At(5), order_id=f"O-{n}") for n in range(BATCH)]
    async with served(page) as (url, asked):
        async with asyncio.TaskGroup() as group:
            answers = [group.create_task(_got(url, token)) for token in tokens]
        assert {answer.result()[0] for answer in answers} == {200}
        assert asked == []
        assert len(counting.run) <= 6, "two for the first that came, two for a few more, two for the rest"
    assert set(counting.run) == {"find", "parcels"}


async def _got(url: str, token: str) -> tuple[int, dict[str, str], bytes]:
    async with connected(url) as line:
        line.send(asking(token, GZIP))
        return await line.answer()
