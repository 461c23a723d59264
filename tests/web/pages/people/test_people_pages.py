"""The pages for admins: people, API keys and the audit log; and what other roles see of them."""

from __future__ import annotations

import html
import re

import pytest

from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.audited import AuditAction
from awbridge.domain.people.role import Role
from awbridge.store.people import audit_log
from tests.support.app import Web
from tests.support.pages import HERE, OUR_FORM, next_page, open_page, send_form
from tests.support.people import PASSWORD, a_key, a_person, people_of_each_role, sign_in
from tests.support.rows import add, fetch, sql

HOSTILE = "x&\"'</td><script>alert(1)</script>"


async def post(web: Web, path: str, **fields: str) -> str:
    """Send a form and follow where it leads."""
    answer = await web.http.post(path, headers=OUR_FORM, data=fields)
    assert answer.status_code == 303, answer.text
    return await open_page(web, answer.headers["location"])


async def test_an_admin_changes_disables_and_invites(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    await sign_in(web, "operator")
    await sign_in(web, "admin")
    shown = await open_page(web, "/people/person?login=operator")
    assert "End all sessions" in shown
    assert "Every session has ended" in await post(web, "/people/end-sessions", login="operator")
    assert "The role is changed" in await post(web, "/people/role", login="operator", role="viewer")
    assert "Disabled." in await post(web, "/people/disable", login="operator")
    assert (await web.http.post("/people/link", headers=OUR_FORM, data={"login": "operator"})).status_code == 409
    assert "Enabled." in await post(web, "/people/enable", login="operator")
    shown = await send_form(web, "/people/link", {"login": "operator"})
    (path,) = re.findall(r"http://localhost:8000(/password/[\w-]+)", shown)
    assert path not in await open_page(web, "/people/person?login=operator"), "shown once"
    await send_form(web, path, {"password": "another good one", "again": "another good one"}, status=303)
    web.http.cookies.clear()
    assert (await sign_in(web, "operator", "another good one")).status_code == 303
    assert "viewer" in await open_page(web, "/people/me")


async def test_the_last_admin_is_kept_on_the_page(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    await sign_in(web, "admin")
    for path, fields in (("/people/disable", {}), ("/people/role", {"role": "viewer"})):
        shown = await send_form(web, path, {"login": "admin", **fields}, status=409)
        assert "admin is the only admin" in shown
    assert (await web.http.get("/people", headers=HERE)).status_code == 200


async def test_a_changed_role_counts_from_the_next_request_on(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    await a_person(web.store, web.clock, "other")
    await sign_in(web, "other")
    await post(web, "/people/role", login="admin", role="operator")
    await post(web, "/people/role", login="admin", role="admin")
    async with web.store.write() as session:
        await session.execute(sql("UPDATE people SET role = 'viewer' WHERE login = 'other'"))
    refused = await web.http.get("/people", headers=HERE)
    assert refused.status_code == 403
    assert "Your role is viewer; this needs the role admin." in refused.text


@pytest.mark.parametrize(
    ("path", "fields", "status"),
    [
        ("/people/role", {"login": "admin", "role": "boss"}, 422),
        ("/people/add", {"login": "x", "role": ""}, 422),
        ("/people/add", {"login": "two words", "role": "viewer"}, 422),
        ("/people/add", {"login": "admin", "role": "viewer"}, 422),
        ("/people/disable", {"login": "nobody"}, 404),
        ("/people/link", {}, 404),
        ("/keys/add", {"name": "x", "role": "boss"}, 422),
        ("/keys/add", {"name": " ", "role": "viewer"}, 422),
        ("/keys/7/revoke", {}, 404),
        ("/keys/x/revoke", {}, 404),
    ],
)
async def test_forms_that_are_not_right_change_nothing(
    web: Web, path: str, fields: dict[str, str], status: int
) -> None:
    await people_of_each_role(web.store, web.clock)
    await sign_in(web, "admin")
    before = [await fetch(web.store, f"SELECT * FROM {table}") for table in ("people", "api_keys")]
    await send_form(web, path, fields, status=status)
    assert [await fetch(web.store, f"SELECT * FROM {table}") for table in ("people", "api_keys")] == before


@pytest.mark.parametrize("login", ["operator", "viewer"])
async def test_others_neither_see_nor_change_people_and_keys(web: Web, login: str) -> None:
    await people_of_each_role(web.store, web.clock)
    await sign_in(web, login)
    shown = await open_page(web, "/")
    for path in ("/people", "/keys", "/audit", "/people/person?login=admin"):
        assert f'href="{path}"' not in shown
        assert (await web.http.get(path, headers=HERE)).status_code == 403
    fields = {"login": login, "role": "admin", "name": "x"}
    for path in ("/people/role", "/people/add", "/people/link", "/keys/add"):
        assert (await web.http.post(path, headers=OUR_FORM, data=fields)).status_code == 403
    assert await fetch(web.store, "SELECT role FROM people WHERE role = 'admin'") == [{"role": "admin"}]


async def test_a_viewer_cannot_do_the_daily_work(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    await add(web.store, "R")
    fields = {"action": "cancel", "reference": "R"}
    await sign_in(web, "viewer")
    assert (await web.http.post("/shipments/act", headers=OUR_FORM, data=fields)).status_code == 403
    assert "Cancel" not in await open_page(web, "/shipments/R")
    await sign_in(web, "operator")
    assert (await web.http.post("/shipments/act", headers=OUR_FORM, data=fields)).status_code == 200
    assert await fetch(web.store, "SELECT state FROM shipments") == [{"state": "cancelled"}]
    async with web.store.read() as session:
        (entry,) = await audit_log.page(session, subject="R", limit=9)
    assert (entry.actor, entry.action) == ("operator", "shipment.cancelled")


async def test_a_key_is_shown_once_and_works_until_it_is_revoked(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    await sign_in(web, "admin")
    shown = await send_form(web, "/keys/add", {"name": f"order {HOSTILE}", "role": "viewer"})
    (secret,) = re.findall(r"awbridge_[\w-]{43}", shown)
    assert "<script>" not in shown
    listed = await open_page(web, "/keys")
    assert secret not in listed
    assert "person admin" in listed
    headers = {"authorization": f"Bearer {secret}"}
    assert (await web.http.get("/v1/shipments", headers=headers)).status_code == 200
    (action,) = re.findall(r'action="(/keys/\d+/revoke)"', listed)
    assert "revoked" in await post(web, action)
    assert (await web.http.get("/v1/shipments", headers=headers)).status_code == 401
    assert "Revoke<" not in await open_page(web, "/keys")


async def test_the_log_is_filtered_and_read_page_by_page(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    for n in range(60):
        with acting(Actor(kind=ActorKind.KEY, name="order system", role=Role.OPERATOR)):
            async with web.store.write() as session:
                before, after = {"state": HOSTILE}, {"state": "ready", "fields": ["a", "b"]}
                action = AuditAction.SHIPMENT_RETRIED
                await audit_log.record(session, action, f"R-{n:02d}", before=before, after=after, now=web.clock())
    await sign_in(web, "admin")
    seen: list[str] = []
    path = "/audit?actor=order+system&action=&subject="
    while path:
        shown = await open_page(web, path)
        assert "<script>alert" not in shown
        seen += re.findall(r">(R-\d\d)<", shown)
        path = next_page(shown)
    assert seen == [f"R-{n:02d}" for n in reversed(range(60))]
    shown = await open_page(web, "/audit?subject=R-07")
    assert re.findall(r">(R-\d\d)<", shown) == ["R-07"]
    assert f"state: {HOSTILE} → ready" in html.unescape(shown)
    assert "fields: a, b" in shown
    assert ">Shipment pushed again<" in shown
    assert "Signed in" in await open_page(web, "/audit?action=person.signed_in")
    assert "No entries" in await open_page(web, "/audit?actor=nobody")
    assert (await web.http.get("/audit?action=none", headers=HERE)).status_code == 422
    assert (await web.http.get("/audit?cursor=x", headers=HERE)).status_code == 404


async def test_the_api_shows_the_log_too(web: Web) -> None:
    await people_of_each_role(web.store, web.clock)
    with acting(Actor(kind=ActorKind.COMMAND, name="root", role=Role.ADMIN)):
        headers = {"authorization": f"Bearer {await a_key(web.store, web.clock, Role.ADMIN)}"}
    page = (await web.http.get("/v1/audit?limit=1", headers=headers)).json()
    (entry,) = page["entries"]
    assert (entry["actor_kind"], entry["actor"], entry["action"]) == ("command", "root", "api_key.added")
    assert entry["after"]["role"] == "admin"
    assert page["next"] is None
    answer = await web.http.post("/v1/opt-outs", headers=headers, json={"address": "+919812345678"})
    assert answer.status_code == 204
    page = (await web.http.get("/v1/audit?limit=1", headers=headers)).json()
    assert page["entries"][0]["actor"] == "key of a admin"
    assert "98123" not in str(page)
    following = (await web.http.get(f"/v1/audit?cursor={page['next']}", headers=headers)).json()
    assert [e["action"] for e in following["entries"]] == ["api_key.added"]


async def test_hostile_names_are_shown_as_text(web: Web) -> None:
    await a_person(web.store, web.clock, "admin")
    await sign_in(web, "admin")
    shown = await send_form(web, "/people/add", {"login": HOSTILE, "role": "viewer"}, status=422)
    assert "<script>alert" not in shown
    shown = await send_form(web, "/sign-in", {"login": HOSTILE, "password": PASSWORD, "next": HOSTILE}, status=401)
    assert "<script>alert" not in shown
