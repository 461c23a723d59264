"""Every operation of /openapi.json, with schemathesis: with valid and invalid data.

No response is a 500, and each has a described status, type and shape.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import httpx2
import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, settings
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import GenerationConfig, ProjectConfig, ProjectsConfig, SchemathesisConfig
from schemathesis.specs.openapi.checks import (
    allow_header_conformance,
    content_type_conformance,
    positive_data_acceptance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import web_on
from tests.support.one_of_each import one_of_each
from tests.support.world import SetClock

pytestmark = pytest.mark.slow

AS_DESCRIBED = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]


# Making orders that keep all rules takes minutes. tests/web/v1/test_order_schema.py compares schema and checks.
ORDERS = (("/v1/shipments", "post"), ("/v1/shipments/{reference_number}/payload", "put"))
ANY_ORDER = {"oneOf": [{"type": "object"}, {"type": "array", "items": {"type": "object"}}]}


def described() -> dict[str, Any]:
    """The served description, in which orders may hold anything."""
    served = fetched()
    for path, method in ORDERS:
        served["paths"][path][method]["requestBody"]["content"]["application/json"]["schema"] = ANY_ORDER
    return served


def fetched() -> dict[str, Any]:
    """The served description."""

    async def fetch() -> dict[str, Any]:
        store, clock = cast(Store, SimpleNamespace(replica=None)), SetClock()
        endpoint = WebhookEndpoint(Ingest(store), KeyRing(store, ()), clock)
        app = build_app(ApiContext(store=store, clock=clock), webhook=endpoint, loops=(), api_keys=())
        transport = httpx2.ASGITransport(app=app, client=("127.0.0.1", 1))  # pyright: ignore
        async with httpx2.AsyncClient(transport=transport, base_url="http://localhost") as http:
            return (await http.get("/openapi.json")).json()

    return asyncio.run(fetch())


def configured() -> SchemathesisConfig:
    generation = GenerationConfig(modes=[GenerationMode.POSITIVE, GenerationMode.NEGATIVE])
    return SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(generation=generation)))


@schemathesis.serializer(
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "application/vnd.ms-excel",
    "application/vnd.oasis.opendocument.spreadsheet",
)
def no_workbook(_context: object, value: object) -> bytes:
    """Any bytes where a workbook is expected."""
    return value if isinstance(value, bytes) else str(value).encode("utf-8", "replace")


schema = schemathesis.openapi.from_dict(described(), config=configured())
few_examples = settings(
    max_examples=5,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=list(HealthCheck),  # one app for all; each operation uses its own rows
)


class Caller:
    """Sends cases to the app on a SQLite file. `known`: path parameters of existing things."""

    def __init__(self, folder: Path) -> None:
        self.known: dict[str, str] = {}
        self._numbers = count()
        self._runner = asyncio.Runner()
        self._runner.run(self._open(f"sqlite:///{folder}/awbridge.db"))

    async def _open(self, url: str) -> None:
        self._store = await Store.open(url)
        await self._store.migrate()
        self._app = web_on(self._store, api_keys=["described"])
        self._web = await self._app.__aenter__()
        # One operation makes keys: without a key of its own, every later request would be refused.
        self._web.http.headers["authorization"] = "Bearer described"

    def renew(self) -> None:
        """Create one of each thing that a path may name."""
        self.known = self._runner.run(one_of_each(self._web, next(self._numbers)))

    def send(self, case: Case) -> httpx2.Response:
        """The response of the app."""
        made = requests.Request(**case.as_transport_kwargs(base_url="http://localhost")).prepare()
        body = made.body.encode() if isinstance(made.body, str) else made.body
        assert made.method
        assert made.url
        return self._runner.run(self._web.http.request(made.method, made.url, content=body, headers=dict(made.headers)))

    def close(self) -> None:
        self._runner.run(self._close())
        self._runner.close()

    async def _close(self) -> None:
        await self._app.__aexit__(None, None, None)
        await self._store.close()


def no_names(*_args: object, **_more: object) -> None:
    raise OSError("no name lookups in tests")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Caller]:
    caller = Caller(tmp_path_factory.mktemp("described"))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(socket, "getaddrinfo", no_names)
        caller.renew()
        yield caller
    caller.close()


@pytest.fixture
def renewed(running: Caller) -> Caller:
    running.renew()
    return running


def _stricter_than_described(case: Case) -> list[Any]:
    """Checks to skip where rules exceed the schema: ClickPost's rules for bodies, cursors, exclusive lists.

    A transporter may be named `sync` and a shipment `R/label`, so other methods match these paths too.
    """
    parameters = {p["name"] for p in case.operation.definition.raw.get("parameters", ())}
    path = case.operation.path
    rules = "requestBody" in case.operation.definition.raw or parameters & {"cursor", "before", "since"}
    rules = rules or path.startswith("/v1/shipments.")
    return [
        *([positive_data_acceptance] if rules else ()),
        *([unsupported_method] if path.startswith("/v1/couriers/") else ()),
        *([allow_header_conformance] if path.startswith(("/v1/couriers/", "/v1/shipments/")) else ()),
    ]


@schema.parametrize()
@few_examples
def test_every_operation_answers_as_described(case: Case, running: Caller) -> None:
    case.validate_response(running.send(case), excluded_checks=_stricter_than_described(case))


@schema.include(path_regex=r"\{").parametrize()  # the others name nothing: theirs would be the same cases again
@few_examples
def test_every_operation_answers_as_described_for_existing_things(case: Case, renewed: Caller) -> None:
    named = set(case.path_parameters or {}) & set(renewed.known)
    if named:
        case.path_parameters |= {name: renewed.known[name] for name in named}
    case.validate_response(renewed.send(case), checks=AS_DESCRIBED)
