"""Every route of the API and of the pages has a rule, and the rules are documented."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from fastapi import FastAPI
from starlette.routing import BaseRoute, Mount, Route

from awbridge.domain.people.role import Role
from awbridge.store import Store
from awbridge.web.access.roles import RULES, least_role, rule_for
from awbridge.web.contexts import ApiContext
from awbridge.web.monitoring import health_routes
from awbridge.web.pages.pages_app import build_pages, is_page
from awbridge.web.v1.router import ROUTES as API_ROUTES
from tests.support.world import SetClock

OPEN = {"/healthz", "/readyz", "/docs", "/redoc", "/openapi.json"}
ROLE_WORDS = "|".join(role.value for role in Role)
DOCUMENT = Path(__file__).parents[3] / "docs" / "how-to" / "operate" / "people.md"


def routes_of(found: list[BaseRoute]) -> Iterator[tuple[str, str]]:
    for route in found:
        if isinstance(route, Mount):
            yield "GET", route.path + "/file"
        elif isinstance(route, Route):
            for method in sorted((route.methods or set()) - {"HEAD"}):
                # A reference number may contain anything, also slashes.
                yield method, re.sub(r"\{\w+:path\}", "a/b", re.sub(r"\{\w+\}", "7", route.path))


def every_route() -> list[tuple[str, str]]:
    api = FastAPI(openapi_url=None, routes=[*API_ROUTES, *health_routes.router.routes])
    described = [
        (method.upper(), re.sub(r"\{\w+\}", "7", path))
        for path, methods in api.openapi()["paths"].items()
        for method in methods
    ]
    pages = build_pages(ApiContext(store=cast("Store", None), clock=SetClock()))
    return sorted({*described, *routes_of(list(pages.routes))})


ROUTES = every_route()


def test_the_routes_are_found() -> None:
    assert len(ROUTES) > 80
    for known in (("POST", "/shipments/act"), ("GET", "/people"), ("DELETE", "/v1/keys/7"), ("GET", "/metrics")):
        assert known in ROUTES


@pytest.mark.parametrize(("method", "path"), [r for r in ROUTES if r[1] not in OPEN], ids=str)
def test_every_route_has_a_rule(method: str, path: str) -> None:
    assert rule_for(path), f"state the least roles of {path} in web/access/roles.py and docs/how-to/operate/people.md"


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.path)
def test_every_rule_is_about_a_route(rule: object) -> None:
    assert any(rule_for(path) is rule for _, path in ROUTES), "no route needs this rule, or an earlier one hides it"


def test_the_document_shows_the_rules() -> None:
    rows = re.findall(rf"^\| `(/\S*)` \| ({ROLE_WORDS}) \| ({ROLE_WORDS}) \|$", DOCUMENT.read_text(), re.MULTILINE)
    assert rows[:-1] == [(rule.path, rule.reads.value, rule.changes.value) for rule in RULES]
    assert rows[-1][0] == "/"


@pytest.mark.parametrize(
    ("method", "path", "least"),
    [
        ("GET", "/v1/shipments/a/b/payload", Role.VIEWER),
        ("HEAD", "/v1/shipments", Role.VIEWER),
        ("PUT", "/v1/shipments/R/payload", Role.OPERATOR),
        ("GET", "/v1/reports/2026-11-02/download", Role.OPERATOR),
        ("PUT", "/v1/couriers/north", Role.ADMIN),
        ("POST", "/v1/couriers/north/east/move", Role.OPERATOR),
        ("POST", "/v1/endpoints", Role.ADMIN),
        ("POST", "/v1/endpoints/7/rotate", Role.ADMIN),
        ("POST", "/v1/endpoints/7/redeliver", Role.OPERATOR),
        ("POST", "/v1/erasures", Role.ADMIN),
        ("GET", "/v1/keys", Role.ADMIN),
        ("GET", "/v1/audit", Role.ADMIN),
        ("GET", "/people", Role.ADMIN),
        ("GET", "/people/me", Role.VIEWER),
        ("POST", "/people/me/password", Role.VIEWER),
        ("POST", "/shipments/act", Role.OPERATOR),
        ("GET", "/payload/R", Role.OPERATOR),
        ("GET", "/", Role.VIEWER),
        ("POST", "/", Role.ADMIN),
        ("GET", "/of-a-later-version", Role.ADMIN),
        ("GET", "/v1/of-a-later-version", Role.ADMIN),
        ("GET", "/peoples", Role.ADMIN),
    ],
)
def test_the_least_role(method: str, path: str, least: Role) -> None:
    assert least_role(method, path) is least


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("least", Role)
def test_a_role_covers_itself_and_those_below(role: Role, least: Role) -> None:
    order = [Role.VIEWER, Role.OPERATOR, Role.ADMIN]
    assert role.covers(least) is (order.index(role) >= order.index(least))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.path)
def test_changing_never_needs_less_than_reading_but_where_only_a_change_exists(rule: object) -> None:
    assert rule.changes.covers(rule.reads) or rule.path in ("/v1/couriers/*/move", "/v1/accounts/reset")  # pyright: ignore


def test_pages_are_known_by_their_first_segment() -> None:
    assert all(is_page(path) for path in ("/sign-in", "/people/me", "/keys", "/audit", "/password/x", "/sign-out"))
