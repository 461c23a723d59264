"""A viewer reads every page and every route of the API, and sees no customer's name, phone, address or mail address."""

from __future__ import annotations

import contextlib
import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import pytest
from fastapi import FastAPI

from awbridge.domain.people.role import Role
from awbridge.store import Store
from awbridge.store.engine import packing
from awbridge.store.engine.queries import columns
from awbridge.store.privacy.masked_reads import BODIES, HIDDEN, TEXTS
from awbridge.web.access.roles import least_role
from awbridge.web.monitoring import health_routes
from awbridge.web.v1.router import ROUTES as API_ROUTES
from tests.support.app import Web, web_on
from tests.support.every_page import filled_in, page_paths
from tests.support.evidence_rows import more_about
from tests.support.one_of_each import one_of_each
from tests.support.pages import HERE
from tests.support.people import a_key, people_of_each_role, sign_in
from tests.support.rows import T0, fetch, sql
from tests.support.world import an_order, get

pytestmark = pytest.mark.heavy

NAME, PHONE, MAIL, ADDRESS = "Yashodhara Quillfeather", "9012345601", "yash@quill.example", "77 Peppercorn Mews Lane"
LABEL = "https://labels.example/of-the-address.pdf"
SEEDS = re.compile(r"Yashodhara|Quillfeather|12345601|yash@|Peppercorn|of-the-address", re.IGNORECASE)
WORDS = f"Handed to {NAME}, {PHONE}, +91-{PHONE}, {MAIL}, {ADDRESS}"
PERSON = {
    "name": NAME,
    "phone": PHONE,
    "email": MAIL,
    "address": ADDRESS,
    "remark": WORDS,
    "drop_name": NAME,
    "drop_address": ADDRESS,
}
# Rows of other tables than the shipment's: nothing ties them to a payload, so only what looks like a phone number or a
# mail address is recognised in a sentence.
ALONE = f"Call {PHONE} or +91 {PHONE[:5]} {PHONE[5:]}, or write to {MAIL}"
OF_A_SHIPMENT = {
    *("shipments", "payload_versions", "attempts", "actions", "scans", "notices", "inbox", "events"),
    *("event_deliveries", "waybills", "reused_waybills", "promises"),
}
NO_CUSTOMERS = {"people", "sessions", "api_keys", "audit_log", "inbox", "reconciliation_files"}


def payload_of(reference: str) -> dict[str, Any]:
    """An order that names the customer in every field that allows it."""
    order = an_order(reference)
    for side in ("pickup", "drop"):
        order[f"{side}_info"] |= {
            f"{side}_name": NAME,
            f"{side}_phone": PHONE,
            f"{side}_email": MAIL,
            f"{side}_address": ADDRESS,
        }
    order["additional"] = {"return_info": PERSON, "note": WORDS}
    return order


def value_for(table: str, column: str, reference: str) -> Any:
    """What is written into a column that may hold personal data."""
    if column in packing.TEXTS:
        return packing.packed_texts(*(value_for(table, text, reference) for text in packing.TEXTS[column]))
    if column == "content":
        return LABEL.encode()
    if column in HIDDEN:
        return LABEL
    if column == "payload":
        return json.dumps(payload_of(reference))
    if column in TEXTS:
        return WORDS if table in OF_A_SHIPMENT else ALONE
    return json.dumps({**PERSON, "label": LABEL, "reference_number": reference})


UNTOUCHED = {
    ("endpoints", "url"),  # it is split into its parts
    ("erasures", "subject"),
    ("scans", "return_event"),
    ("shipments", "edd"),
    ("promises", "edd"),
    ("reconciliations", "columns_read"),
    ("reconciliations", "not_understood"),
    ("reconciliations", "found"),
}


async def fill(web: Web) -> dict[str, str]:
    """One of each thing, with the customer in every column of text; the parameters of paths."""
    known = await one_of_each(web, 1)
    reference = known["reference_number"]
    await more_about(web.store, reference)
    await web.http.post("/v1/erasures", json={"phone": PHONE})
    async with web.store.write() as session:
        statement = (
            "INSERT INTO alarms (cause, text, times, raised_at, last_at, tries) VALUES ('clock', $1, 1, $2, $2, 0)"
        )
        await session.execute(sql(statement), ALONE, T0)
        statement = (
            "INSERT INTO inbox (shard, id, identity, source, body, received_at, tries, problem) "
            "VALUES (1, 1, 'dead', 'webhook', $1, $2, 1, $3)"
        )
        body = packing.packed(json.dumps({"waybill": "W", **PERSON}).encode())
        await session.execute(sql(statement), body, T0, f"not read: {WORDS}")
        for table, names in columns().items():
            for column in names:
                if (table, column) in UNTOUCHED or table in NO_CUSTOMERS:
                    continue
                if column in TEXTS or column in BODIES or column in HIDDEN or column in packing.TEXTS:
                    value = value_for(table, column, reference)
                    await session.execute(sql(f"UPDATE {table} SET {column} = $1"), value)
        statement = "UPDATE shipments SET state = 'rejected', success = FALSE WHERE reference_number <> $1"
        await session.execute(sql(statement), reference)
    return known


def api_paths() -> list[str]:
    api = FastAPI(openapi_url=None, routes=[*API_ROUTES, *health_routes.router.routes])
    found = (path for path, methods in api.openapi()["paths"].items() if "get" in methods)
    return sorted(set(found) - {"/healthz", "/readyz"})


@dataclass
class Readers:
    """The web, the parameters of its paths, and the headers of a viewer's and of an operator's key."""

    web: Web
    known: dict[str, str]
    viewer: dict[str, str]
    operator: dict[str, str]


@asynccontextmanager
async def readers(store: Store) -> AsyncIterator[Readers]:
    async with web_on(store, api_keys=["setting"]) as web:
        web.http.headers["authorization"] = "Bearer setting"
        known = await fill(web)
        del web.http.headers["authorization"]
        viewer, operator = [await a_key(store, web.clock, role) for role in (Role.VIEWER, Role.OPERATOR)]
        yield Readers(web, known, {"authorization": f"Bearer {viewer}"}, {"authorization": f"Bearer {operator}"})


def text_of(content: bytes) -> str:
    if not content.startswith(b"PK"):
        return content.decode()
    with zipfile.ZipFile(io.BytesIO(content)) as zipped:
        return "\n".join(zipped.read(name).decode(errors="replace") for name in zipped.namelist())


POST_FORM = re.compile(r'<form method="post" action="([^"]+)"[^>]*>(.*?)</form>', re.DOTALL)
LISTS = ("?state=rejected", "?q=R/1", "?ndr=true", "?piece_exception=true", "?silent=true", "?not_cancelled=true")


async def test_a_viewers_key_reads_every_route_and_sees_nobody(store: Store) -> None:
    async with readers(store) as given:
        seen_by_operators: dict[str, bool] = {}
        paths = [filled_in(path, given.known) for path in api_paths()] + [f"/v1/shipments{query}" for query in LISTS]
        for path in paths:
            if not Role.VIEWER.covers(least_role("GET", path.partition("?")[0])):
                assert (await given.web.http.get(path, headers=given.viewer)).status_code == 403, path
                continue
            answer = await given.web.http.get(path, headers=given.viewer)
            assert answer.status_code in (200, 404), (path, answer.text)
            shown = text_of(answer.content)
            assert not (found := SEEDS.findall(shown)), (path, found, shown[:3000])
            answer = await given.web.http.get(path, headers=given.operator)
            seen_by_operators[path] = bool(SEEDS.search(text_of(answer.content)))
        reference = given.known["reference_number"]
        for path in ("", "/attempts", "/payloads", "/scans"):
            assert seen_by_operators[f"/v1/shipments/{reference}{path}"], f"{path}: the test must be able to fail"
        assert sum(seen_by_operators.values()) > 10


async def test_a_viewer_who_signed_in_reads_every_page_and_sees_nobody(store: Store) -> None:
    async with readers(store) as given:
        web = given.web
        await people_of_each_role(store, web.clock)
        shown: dict[str, dict[str, str]] = {}
        for login in ("operator", "viewer"):
            web.http.cookies.clear()
            await sign_in(web, login)
            for path in [filled_in(path, given.known) for path in page_paths()] + ["/search?q=R/1"]:
                least = least_role("GET", path.partition("?")[0])
                answer = await web.http.get(path, headers=HERE)
                if not Role(login).covers(least):
                    assert answer.status_code == 403, path
                    assert "Not allowed for your role" in answer.text
                elif answer.status_code == 200:
                    shown.setdefault(login, {})[path] = answer.text
                else:
                    assert answer.status_code in (303, 404, 409), (path, answer.text)
        for path, text in shown["viewer"].items():
            assert not (found := SEEDS.findall(text)), (path, found)
        assert sum(bool(SEEDS.search(text)) for text in shown["operator"].values()) >= 4, (
            "the test must be able to fail"
        )
        only_operators = set(shown["operator"]) - set(shown["viewer"])
        assert f"/payload/{quote(given.known['reference_number'], safe='')}" in only_operators
        assert all(least_role("GET", path) is Role.OPERATOR for path in only_operators)


async def test_a_viewer_finds_no_button_that_the_server_refuses(store: Store) -> None:
    async with readers(store) as given:
        web = given.web
        await people_of_each_role(store, web.clock)
        counts: dict[str, int] = {}
        for login in ("operator", "viewer"):
            web.http.cookies.clear()
            await sign_in(web, login)
            role = Role(login)
            for path in [filled_in(path, given.known) for path in page_paths()]:
                answer = await web.http.get(path, headers=HERE)
                if answer.status_code != 200:
                    continue
                for action, fields in POST_FORM.findall(answer.text):
                    if "<button" in fields:
                        assert role.covers(least_role("POST", action)), (login, path, action)
                        counts[login] = counts.get(login, 0) + 1
                for link in re.findall(r'href="(/[^"?#]*)', answer.text):
                    if not link.startswith(("/docs", "/static")):
                        assert role.covers(least_role("GET", link)), (login, path, link)
        assert counts["operator"] > counts["viewer"]


async def test_what_is_stored_stays_whole(store: Store) -> None:
    async with readers(store) as given:
        before = await fetch(store, "SELECT payload, packed_payload FROM shipments")
        for path in (filled_in(path, given.known) for path in api_paths()):
            with contextlib.suppress(Exception):
                await given.web.http.get(path, headers=given.viewer)
        assert await fetch(store, "SELECT payload, packed_payload FROM shipments") == before
        assert (await get(store, given.known["reference_number"])).payload["drop_info"]["drop_name"] == NAME


@pytest.mark.parametrize("path", ["/v1/shipments", "/v1/actions"])
async def test_identifiers_stay_readable(store: Store, path: str) -> None:
    async with readers(store) as given:
        shown = (await given.web.http.get(path, headers=given.viewer)).text
        assert given.known["reference_number"] in shown
