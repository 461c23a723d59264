"""Host, path, method and parameters of every client call, compared with the vendor's OpenAPI files."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import parse_qsl

import httpx2
import pytest

from awbridge import AsyncClickPost
from awbridge.sandbox import running
from awbridge.sandbox.app import ENDPOINTS
from awbridge.sandbox.reports.dashboard import FILE_PATH
from tests.sandbox.helpers import order
from tests.sandbox.test_client import CALLS, CONFIG, World
from tests.support import vendor_files
from tests.support.vendor_files import Operation

HOSTS = {"clickpost": "www", "tracking": "api", "serviceability": "serviceability", "edd": "ds"}

IN_NO_FILE = {
    "POST www /api/v1/tracking/register-webhook/": "the integration guide",
    "PUT www /api/v1/tracking/register-webhook/": "the integration guide",
    "POST www /api/v1/test_webhook": "the integration guide",
    "POST www /api/v1/register-service/": "the page of register-service",
    "POST www /api/v2/tracking/awb-unregister/": "the page of awb-unregister",
    "POST www /api/v1/create-order/": "the page of create-order v1: the flat form",
    "POST www /api/v1/create-b2b-order/": "the page of create-b2b-order",
    "GET api /api/v1/updated-order": "its page names api.clickpost.in; the file has it under www.clickpost.in",
}
"""Calls of the client that the files do not describe, and where they are documented."""

NOT_DOCUMENTED = {("GET www /api/v3/create-order/", "reference_number")}
"""Parameters that no file describes: an undocumented lookup, on which no code relies."""

LEFT_OUT = {("GET www /api/v3/create-order/", "awb"), ("GET www /api/v3/create-order/", "cp_id")}
"""Required parameters that this lookup omits."""


@dataclass(frozen=True)
class Seen:
    """A request that the client sent."""

    where: str  # "GET www /api/v1/updated-order"
    parameters: frozenset[str]


class Recording(httpx2.AsyncBaseTransport):
    """Sends every request to the sandbox, for any host, and records it."""

    def __init__(self, url: str) -> None:
        self._url = httpx2.URL(url)
        self._inner = httpx2.AsyncHTTPTransport(verify=False)
        self.seen: list[Seen] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        names = frozenset(name for name, _ in parse_qsl(request.url.query.decode(), keep_blank_values=True))
        if (
            request.url.host in HOSTS.values() and request.url.path != FILE_PATH
        ):  # in production, the file is in an object store
            self.seen.append(Seen(f"{request.method} {request.url.host} {request.url.path}", names))
        request.url = request.url.copy_with(scheme="http", host=self._url.host, port=self._url.port)
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


async def calls_of(name: str) -> list[Seen]:
    async with running(CONFIG) as sandbox:
        recording = Recording(sandbox.url)
        urls = {"url": "http://www", "tracking_url": "http://api"}
        urls |= {"serviceability_url": "http://serviceability", "edd_url": "http://ds"}
        async with AsyncClickPost(username="sandbox", key="sandbox-key", transport=recording, **urls) as client:
            await client.create_order(order("A-1", drop_pincode="560001"))
            await CALLS[name](World(sandbox, client, sandbox.registry.orders["A-1"]))
        return recording.seen


def operation_of(seen: Seen) -> Operation | None:
    named = {f"{o.method} {HOSTS[o.file]} {o.path}": o for o in vendor_files.operations()}
    return named.get(seen.where)


@vendor_files.needed
@pytest.mark.parametrize("name", CALLS)
async def test_every_call_uses_the_documented_path_and_parameters(name: str) -> None:
    seen = await calls_of(name)
    assert seen
    for call in seen:
        operation = operation_of(call)
        if operation is None:
            assert call.where in IN_NO_FILE, f"{call.where} is documented nowhere"
            continue
        assert call.where not in IN_NO_FILE, f"{call.where} is in the files now"
        parameters = {p["name"]: p.get("required", False) for p in operation.raw.get("parameters", [])}
        unknown = {(call.where, p) for p in call.parameters if p not in parameters}
        missing = {(call.where, p) for p, required in parameters.items() if required and p not in call.parameters}
        assert unknown <= NOT_DOCUMENTED, unknown
        assert missing <= (LEFT_OUT if unknown else set()), missing


@vendor_files.needed
def test_the_sandbox_has_every_documented_operation() -> None:
    for operation in vendor_files.operations():
        assert operation.method in ENDPOINTS[operation.path.rstrip("/")], operation


def test_the_sandbox_has_every_undocumented_path() -> None:
    for where in IN_NO_FILE:
        method, _, path = where.split(" ")
        assert method in ENDPOINTS[path.rstrip("/")], where
