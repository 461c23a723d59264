"""Sign-in: sessions, cookies, wrong passwords, one-time links, and what a visitor without a session sees."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from argon2 import PasswordHasher

from awbridge.domain.people.credentials import SESSION_LASTS, SESSION_RESTS, digest
from awbridge.domain.people.role import Role
from awbridge.steps.people import passwords, people
from awbridge.steps.people.tokens import new_token
from awbridge.store import Store
from awbridge.store.people import people as table
from awbridge.web.access.sign_in_limits import SignInLimits
from tests.support.app import Web, web_on
from tests.support.pages import HERE, OUR_FORM, open_page, send_form
from tests.support.people import PASSWORD, a_person, sign_in
from tests.support.rows import fetch
from tests.support.stores import sqlite_only


async def test_while_nobody_was_added_pages_ask_for_no_sign_in(web: Web) -> None:
    shown = await open_page(web, "/")
    assert "Sign out" not in shown
    answer = await web.http.get("/sign-in", headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")


async def test_the_first_person_is_added_on_the_page_and_signs_in(web: Web) -> None:
    refused = await send_form(web, "/people/add", {"login": "asha", "role": "viewer"}, status=422)
    assert "The first person must be an admin" in refused
    shown = await send_form(web, "/people/add", {"login": " Asha@Shop.example ", "role": "admin"})
    (link,) = re.findall(r"http://localhost:8000(/password/[\w-]+)", shown)
    answer = await web.http.get("/people", headers=HERE)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?next=%2Fpeople")
    assert "asha@shop.example" in await open_page(web, link)
    for fields, problem in (
        ({"password": PASSWORD, "again": "other"}, "differ"),
        ({"password": "short", "again": "short"}, "at least 12"),
        ({"password": "aaaaaaaaaaaaaaa", "again": "aaaaaaaaaaaaaaa"}, "easy to guess"),
    ):
        assert problem in await send_form(web, link, fields, status=422)
    await send_form(web, link, {"password": PASSWORD, "again": PASSWORD}, status=303)
    assert "was used, was replaced, or has expired" in (await web.http.get(link, headers=HERE)).text
    answer = await sign_in(web, "ASHA@shop.example ", next_page="/people")
    assert (answer.status_code, answer.headers["location"]) == (303, "/people")
    shown = await open_page(web, "/people")
    assert "asha@shop.example" in shown
    assert "Sign out" in shown


async def test_a_visitor_without_a_session_sees_only_the_sign_in(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    for path in ("/shipments?state=rejected", "/people/me", "/audit"):
        answer = await web.http.get(path, headers=HERE)
        assert (answer.status_code, answer.headers["location"]) == (303, f"/sign-in?next={quote(path, safe='')}")
    answer = await web.http.post("/shipments/act", headers=OUR_FORM, data={"action": "retry"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in")
    shown = await open_page(web, "/sign-in?next=%2Fshipments")
    assert 'name="next" value="/shipments"' in shown
    assert "/shipments/" not in shown
    assert '<nav class="menu"' not in shown
    assert (await web.http.get("/static/awbridge.css")).status_code == 200
    async with web.client("203.0.113.7") as remote:
        assert (await remote.get("/sign-in", headers={"host": "bridge.example"})).status_code == 200


@pytest.mark.parametrize("path", ["//evil.example", "https://evil.example", "/\\evil.example", "evil", "", "/\t/evil"])
async def test_a_sign_in_leads_to_no_other_host(web: Web, path: str) -> None:
    await a_person(web.store, web.clock, "asha")
    assert (await sign_in(web, "asha", next_page=path)).headers["location"] == "/"


async def test_wrong_unknown_and_disabled_are_answered_alike(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    await a_person(web.store, web.clock, "off", Role.VIEWER)
    await people.disable(store=web.store, clock=web.clock, login="off")
    await people.add_person(store=web.store, clock=web.clock, login="new", role=Role.VIEWER)
    texts: set[str] = set()
    for login, password in (("asha", "wrong"), ("nobody", PASSWORD), ("off", PASSWORD), ("new", ""), ("\x00", "x")):
        answer = await sign_in(web, login, password)
        assert answer.status_code == 401
        assert "set-cookie" not in answer.headers
        texts.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(texts) == 1
    assert await fetch(web.store, "SELECT person_id FROM sessions") == []


async def test_a_password_is_verified_whether_or_not_the_name_exists(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    await a_person(web.store, web.clock, "asha")
    verified: list[str] = []
    hasher = passwords._hasher  # pyright: ignore[reportPrivateUsage]

    class Counting:
        def verify(self, password_hash: str, password: str) -> bool:
            verified.append(password_hash)
            return hasher.verify(password_hash, password)

        def hash(self, password: str) -> str:
            return hasher.hash(password)

        def check_needs_rehash(self, password_hash: str) -> bool:
            return hasher.check_needs_rehash(password_hash)

    monkeypatch.setattr(passwords, "_hasher", Counting())
    await sign_in(web, "asha", "wrong")
    await sign_in(web, "nobody", "wrong")
    assert len(verified) == 2
    parameters = [one.rpartition("$")[0].rpartition("$")[0] for one in verified]
    assert parameters[0] == parameters[1], "the same work"


async def test_the_cookie_is_for_this_host_and_no_script(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    cookie = (await sign_in(web, "asha")).headers["set-cookie"]
    assert cookie.startswith("awbridge_session=")
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    token = cookie.partition("=")[2].partition(";")[0]
    stored = str(await fetch(web.store, "SELECT * FROM sessions"))
    assert token not in stored
    assert digest(token) in stored


async def test_over_https_the_cookie_is_secure_and_bound_to_the_host(store: Store) -> None:
    async with web_on(store) as web:
        await a_person(store, web.clock, "asha")
        web.http.base_url = "https://localhost:8000"
        fields = {"login": "asha", "password": PASSWORD, "next": "/"}
        answer = await web.http.post("/sign-in", headers=OUR_FORM, data=fields)
        cookie = answer.headers["set-cookie"]
        assert cookie.startswith("__Host-awbridge_session=")
        assert {"Secure", "HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
        assert "Domain" not in cookie
        assert (await web.http.get("/", headers=HERE)).status_code == 200
        plain = {"cookie": cookie.partition(";")[0].removeprefix("__Host-")}
        web.http.cookies.clear()
        assert (await web.http.get("/", headers={**HERE, **plain})).status_code == 303, "another site may set that one"


async def test_a_session_ends_with_the_sign_out(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    await sign_in(web, "asha")
    kept = dict(web.http.cookies)
    answer = await web.http.post("/sign-out", headers=OUR_FORM)
    assert (answer.status_code, answer.headers["location"]) == (303, "/sign-in?done=out")
    assert await fetch(web.store, "SELECT person_id FROM sessions") == []
    web.http.cookies.clear()
    web.http.cookies.update(kept)
    assert (await web.http.get("/", headers=HERE)).status_code == 303


async def test_a_session_ends_unused_and_at_the_latest_after_days(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    await sign_in(web, "asha")
    web.clock.now += SESSION_RESTS
    assert (await web.http.get("/", headers=HERE)).status_code == 303
    await sign_in(web, "asha")
    began = web.clock()
    while web.clock() - began < SESSION_LASTS - SESSION_RESTS:
        web.clock.now += SESSION_RESTS * 0.9
        assert (await web.http.get("/", headers=HERE)).status_code == 200
    web.clock.now = began + SESSION_LASTS
    assert (await web.http.get("/", headers=HERE)).status_code == 303


@pytest.mark.parametrize("cookie", ["", "x", "awbridge_session=", "awbridge_session=no", 'awbridge_session="', ";="])
async def test_a_cookie_that_is_no_session_leads_to_the_sign_in(web: Web, cookie: str) -> None:
    await a_person(web.store, web.clock, "asha")
    assert (await web.http.get("/", headers={**HERE, "cookie": cookie})).status_code == 303


async def test_another_sites_form_neither_signs_in_nor_out(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    foreign = {**HERE, "sec-fetch-site": "cross-site"}
    fields = {"login": "asha", "password": PASSWORD, "next": "/"}
    assert (await web.http.post("/sign-in", headers=foreign, data=fields)).status_code == 403
    await sign_in(web, "asha")
    assert (await web.http.post("/sign-out", headers=foreign)).status_code == 403
    assert (await web.http.get("/", headers=HERE)).status_code == 200


async def test_guesses_are_limited_by_address_and_by_name(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    for n in range(10):
        assert (await sign_in(web, f"nobody-{n}", "wrong", address="203.0.113.9")).status_code == 401
    limited = await sign_in(web, "asha", PASSWORD, address="203.0.113.9")
    assert limited.status_code == 429
    assert int(limited.headers["retry-after"]) > 0
    assert "set-cookie" not in limited.headers
    assert (await sign_in(web, "asha", PASSWORD, address="203.0.113.10")).status_code == 303


@sqlite_only
async def test_a_name_is_limited_whatever_address_guesses(store: Store) -> None:
    limits = SignInLimits()
    for n in range(10):
        assert limits.count(f"203.0.113.{n}", "asha", right=False) == 0
    assert limits.wait("203.0.113.99", "asha") > 6
    assert limits.wait("203.0.113.99", "vikram") == 0


@sqlite_only
async def test_a_name_that_signed_in_within_the_hour_is_not_locked_out(store: Store) -> None:
    limits = SignInLimits()
    assert limits.count("10.0.0.1", "asha", right=True) == 0
    for n in range(20):
        limits.count(f"203.0.113.{n}", "asha", right=False)
    assert limits.wait("10.0.0.1", "asha") == 0
    assert limits.count("10.0.0.1", "asha", right=True) == 0


@pytest.mark.parametrize("change", ["used", "replaced", "expired", "disabled", "unknown"])
async def test_a_link_that_no_longer_counts_sets_no_password(web: Web, change: str) -> None:
    await a_person(web.store, web.clock, "asha")
    world = {"store": web.store, "clock": web.clock}
    invited = await people.add_person(**world, login="new", role=Role.VIEWER)  # pyright: ignore
    path = invited.path
    if change == "used":
        await people.set_password_by_link(**world, token=invited.token, password=PASSWORD)  # pyright: ignore
    elif change == "replaced":
        await people.make_link(**world, login="new")  # pyright: ignore
    elif change == "expired":
        web.clock.forward(hours=24)
    elif change == "disabled":
        await people.disable(**world, login="new")  # pyright: ignore
    else:
        path = f"/password/{new_token()}"
    fields = {"password": "another good one", "again": "another good one"}
    assert (await web.http.get(path, headers=HERE)).status_code == 404
    await send_form(web, path, fields, status=404)
    assert (await sign_in(web, "new", "another good one")).status_code == 401


async def test_a_new_password_ends_all_sessions_but_the_present_one(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    await sign_in(web, "asha")
    here = dict(web.http.cookies)
    web.http.cookies.clear()
    await sign_in(web, "asha")
    elsewhere = dict(web.http.cookies)
    shown = await open_page(web, "/people/me")
    assert shown.count("this one") == 1
    wrong = {"old": "wrong", "password": "another good one", "again": "another good one"}
    assert "present password is wrong" in await send_form(web, "/people/me/password", wrong, status=422)
    await send_form(web, "/people/me/password", {**wrong, "old": PASSWORD}, status=303)
    assert (await web.http.get("/", headers=HERE)).status_code == 200
    assert dict(web.http.cookies) == elsewhere
    web.http.cookies.clear()
    web.http.cookies.update(here)
    assert (await web.http.get("/", headers=HERE)).status_code == 303
    assert (await sign_in(web, "asha")).status_code == 401
    assert (await sign_in(web, "asha", "another good one")).status_code == 303


async def test_other_sessions_can_be_ended_on_ones_own_page(web: Web) -> None:
    await a_person(web.store, web.clock, "asha")
    await a_person(web.store, web.clock, "vikram", Role.VIEWER)
    for login in ("vikram", "asha", "asha"):
        web.http.cookies.clear()
        await sign_in(web, login)
    await send_form(web, "/people/me/end-others", {}, status=303)
    assert len(await fetch(web.store, "SELECT person_id FROM sessions")) == 2, "the present one, and another person's"
    assert "End all other sessions" not in await open_page(web, "/people/me")


async def test_without_a_person_there_is_no_page_of_ones_own(web: Web) -> None:
    assert (await web.http.get("/people/me", headers=HERE)).status_code == 404


@sqlite_only
async def test_an_outdated_hash_is_renewed_at_the_next_sign_in(store: Store) -> None:
    async with web_on(store) as web:
        await a_person(store, web.clock, "asha")
        old = PasswordHasher(time_cost=2, memory_cost=8, parallelism=1).hash(PASSWORD)
        async with store.write() as session:
            person = await table.by_login(session, "asha")
            assert person
            await table.set_password(session, person.id, old, now=web.clock())
        assert (await sign_in(web, "asha")).status_code == 303
        (row,) = await fetch(store, "SELECT password_hash FROM people")
        assert row["password_hash"] != old
        assert (await sign_in(web, "asha")).status_code == 303
