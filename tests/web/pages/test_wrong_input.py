"""Wrong input in every field of every form: the same page says what is wrong and keeps what was typed; nothing changes.

The forms are found by opening every page and pressing every button that leads to another form, so that a new form is
tried without being named here.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import httpx2
import pytest
from starlette.routing import Route

from awbridge.app.accounts.changes import AccountAdmin
from awbridge.app.accounts.sealed import new_key
from awbridge.app.accounts.tools import RegistryTools
from awbridge.app.settings import Settings
from awbridge.domain.call import Call
from awbridge.sinks.objects import Objects
from awbridge.steps.orders.saved_views import save_view
from awbridge.steps.people import people
from awbridge.store import Store
from awbridge.store.audit import attempts
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext, AuditContext
from awbridge.web.pages.pages_app import build_pages
from tests.support.app import Web, web_of, web_on
from tests.support.every_page import filled_in, page_paths
from tests.support.forms import CHOICES, Control, Form, Pairs, forms_of, held
from tests.support.labels import FakeFiles, a_fetcher, placed_with_label
from tests.support.one_of_each import one_of_each
from tests.support.pages import HERE, OUR_FORM
from tests.support.people import a_person, cheap_passwords, sign_in
from tests.support.rows import attempt, decided, fetch
from tests.support.stores import TABLES, store_url

__all__ = ["cheap_passwords", "store_url"]

pytestmark = pytest.mark.heavy

# What differs from one request to the next although nothing was changed.
_OF_EVERY_REQUEST = {"sessions", "clock_marks"}
_COUNTS = " UNION ALL ".join(f"SELECT '{t}' AS t, count(*) AS n FROM {t}" for t in TABLES if t not in _OF_EVERY_REQUEST)


async def no_activity(names: Any) -> dict[str, Any]:
    return {}


@pytest.fixture
async def shop(store: Store, tmp_path: Path) -> AsyncIterator[Web]:
    """A home with one of each thing, in which an admin is signed in."""
    async with AsyncExitStack() as stack:
        files = FakeFiles()
        files.put("AWB1", "AWB2")
        running = await stack.enter_async_context(web_on(store))
        api = ApiContext(
            store=store,
            clock=running.clock,
            audit=AuditContext(reports_in=Objects.in_folder(tmp_path)),
            labels=a_fetcher(store, running.clock, files),
            accounts=RegistryTools(AccountAdmin(Settings(accounts_key=new_key()), store), no_activity),
        )
        app = build_app(api, webhook=running.endpoint, loops=(), api_keys=["admin"])
        web = await stack.enter_async_context(web_of(app, store, running.clock, running.endpoint, running.ingest))
        web.http.headers["authorization"] = "Bearer admin"
        yield web


async def paths_of(web: Web) -> list[str]:
    """Every page of a shop that has one of each thing, and the pages that only a query opens."""
    known = await one_of_each(web, 1)
    await placed_with_label(web.store, web.clock, 1, 2)  # they wait for their courier
    await save_view(store=web.store, clock=web.clock, name="Prepaid", query="cod=false")
    made = await web.http.post("/accounts/add", headers=OUR_FORM, content=urlencode({"name": "gulf"}))
    assert made.status_code == 303, made.text
    await a_person(web.store, web.clock, "asha")
    await a_person(web.store, web.clock, "ravi")
    link = await people.make_link(store=web.store, clock=web.clock, login="ravi")
    del web.http.headers["authorization"]
    assert (await sign_in(web, "asha")).status_code == 303
    await decided(web.store, placed=0, refused=1, clock=web.clock)
    call = Call(api="create-order", method="POST", url="u", http_status=200, business_status=400)
    async with web.store.write() as session:
        await attempts.add(session, [attempt(call, "REFUSED-0", "rejected", web.clock.now)])
    return [
        *(filled_in(p, known).replace("nosuch", "gulf") for p in page_paths() if p != "/password/{token}"),
        *(link.path, "/people/person?login=ravi", "/shipments/replace?reference=REFUSED-0"),
        *("/shipments?cod=false", "/shipments?cod=true", "/labels/parcels?account=4:a&show=all"),
    ]


@pytest.fixture
def post_routes() -> list[Route]:
    routes = build_pages(ApiContext(store=None, clock=None)).routes  # pyright: ignore[reportArgumentType]
    return [route for route in routes if isinstance(route, Route) and "POST" in (route.methods or ())]


LONG = "x" * 10_001
CONTROLS = "a\x01\x1b\x00\x85b\u202e\ufeff"
SECRET = {"secrets"}  # written and never shown
PRESSED = re.compile(r"/preview$|/replay$")  # buttons that change nothing and lead to another form
# Buttons without a field, which are shown only while something has failed.
WITHOUT_FIELDS = {
    "/dead-letters/{number}/retry",
    "/endpoints/{endpoint_id}/redeliver",
    "/endpoints/{endpoint_id}/deliveries/{event_id}/redeliver",
    "/endpoints/{endpoint_id}/enable",
    "/accounts/{name}/resume",
    "/people/me/end-others",
}
# Buttons with one hidden field, which are shown only in some state of what they are about.
HIDDEN = {
    "/people/enable": "login",
    "/people/end-sessions": "login",
    "/shipments/revoke-link": "reference",
    "/downtimes/reset": "account",
    "/dead-letters/retry": "reason",
}
WRONG = {
    "number": ("soon", "-1", "1e999", "9" * 40),
    "date": ("soon", "2026-02-30", "99999-01-01"),
    "datetime-local": ("soon", "2026-02-30T10:00", "2026-11-02T25:61"),
    "time": ("soon", "25:61"),
    "select": ("nonsense",),
    "radio": ("nonsense",),
}


def wrong_texts(form: Form, control: Control) -> Iterator[tuple[str | None, bool]]:
    """What is tried in a field (None: nothing is sent), and whether it must be refused.

    A filter may name what does not exist, such as the account of a courier that was removed: the list is empty then.
    """
    yield from ((text, form.method == "post" or control.kind != "select") for text in WRONG.get(control.kind, ()))
    yield "x" * (control.longest + 1) if control.longest else LONG, control.longest is not None
    yield from ((text, False) for text in (CONTROLS, "9" * 40, "-1", "0001-01-01", "9999-12-31", "", None))


async def send(client: httpx2.AsyncClient, form: Form, action: str, pairs: Pairs) -> httpx2.Response:
    if form.method == "get":
        return await client.get(f"{urlsplit(action).path}?{urlencode(pairs)}", headers=HERE)
    if not form.is_upload:
        return await client.post(action, headers=OUR_FORM, content=urlencode(pairs))
    headers = {**HERE, "sec-fetch-site": "same-origin"}
    return await client.post(action, headers=headers, data=dict(pairs), files={"file": ("a.csv", b"AWB\n1\n")})


async def find_forms(client: httpx2.AsyncClient, paths: list[str]) -> dict[tuple[Any, ...], tuple[str, Form]]:
    """Every form of these pages and of the previews that they lead to, each kind once: its page and the form."""
    found = dict[tuple[Any, ...], tuple[str, Form]]()
    waiting = [(path, await client.get(path, headers=HERE)) for path in paths]
    while waiting:
        path, answer = waiting.pop()
        if not answer.headers.get("content-type", "").startswith("text/html"):
            continue
        for form in forms_of(answer.text, path):
            if (key := (re.sub(r"\d+", "#", form.action), form.names())) in found:
                continue
            found[key] = (path, form)
            for action, button in form.actions():
                if form.method == "post" and PRESSED.search(action):
                    waiting.append((action, await send(client, form, action, form.pairs(button))))
    return found


def _plain(text: str) -> str:
    return text.replace("\x00", "").replace("\ufffd", "").strip()


def complaint(form: Form, action: str, control: Control, text: str | None, answer: httpx2.Response) -> str:
    """What is wrong with this answer to a wrong text; "" if nothing is."""
    status = answer.status_code
    if status >= 500 or (status != 303 and not answer.headers["content-type"].startswith("text/html")):
        return f"{status} {answer.headers.get('content-type')}"
    if status < 400:
        return ""
    if control.kind == "hidden" or (form.method == "get" and control.kind in CHOICES):
        return ""  # only a changed page or address sends this
    if status not in (401, 409, 422, 429):
        return f"{status}"
    if 'role="alert"' not in answer.text and "aria-invalid" not in answer.text:
        return f"{status}: no message"
    same = [f for f in forms_of(answer.text, action) if any(action == a for a, _ in f.actions())]
    if not same:
        return f"{status}: another page"
    for name, typed in form.pairs(but=control, text=text):
        kinds = {c.kind for c in form.controls if c.name == name}
        if (
            kinds & {"hidden", "password", "file"}
            or name in SECRET
            or (name == control.name and control.kind in CHOICES)
        ):
            continue
        if _plain(typed) not in map(_plain, held(same, name)):
            return f"{status}: {name} lost {typed[:20]!r}"
    return ""


def tried(form: Form) -> Iterator[Control]:
    """The controls of a form that hold something, one box of each name, first those that a person sees."""
    boxes = set[str]()
    for control in sorted(form.controls, key=lambda one: one.kind == "hidden"):
        if not control.name or control.kind in ("button", "file") or control.name in boxes:
            continue
        if control.kind in ("checkbox", "radio"):
            boxes.add(control.name)
        yield control


def _order(form: Form) -> int:
    """First what changes nothing; last what cancels shipments that other forms choose from."""
    action, _ = next(form.actions())
    return 0 if PRESSED.search(action) else 2 if action == "/shipments/act" else 1


async def complaints_of(web: Web, client: httpx2.AsyncClient, form: Form) -> AsyncIterator[str]:
    """What is wrong with the answers to wrong input in this form."""
    for control in tried(form):
        for text, must in wrong_texts(form, control):
            found = dict[str, str]()
            for action, button in form.actions():
                before = await fetch(web.store, _COUNTS)
                answer = await send(client, form, action, form.pairs(button, but=control, text=text))
                found[f"{action} {button.value if button else ''}"] = complaint(form, action, control, text, answer)
                if answer.status_code >= 400 and await fetch(web.store, _COUNTS) != before:
                    found[action] = f"{answer.status_code}: something was stored"
                if must and answer.status_code >= 400:
                    must = False  # a field belongs to one of several buttons
            if must:
                found[form.action] = "accepted"
            for where, what in found.items():
                if what:
                    yield f"{form.method} {where} {control.name} ({control.kind}): {what} -- {text and text[:20]!r}"


async def test_no_wrong_input_changes_anything_or_loses_what_was_typed(shop: Web, post_routes: list[Route]) -> None:
    paths = await paths_of(shop)
    complaints, reached = list[str](), set[str]()
    async with shop.client("127.0.0.1") as nobody:
        for client in (shop.http, nobody):
            found = [*(await find_forms(client, paths)).values()]
            found += [("/", Form(path, "post", False, [Control(name, "hidden")])) for path, name in HIDDEN.items()]
            for path, form in sorted(found, key=lambda one: _order(one[1])):
                if client is nobody and not path.startswith(("/sign-in", "/password")):
                    continue
                targets = [urlsplit(action).path for action, _ in form.actions()]
                reached |= {r.path for r in post_routes if any(map(r.path_regex.match, targets))}
                complaints += [what async for what in complaints_of(shop, client, form)]
    assert not complaints, "\n".join(complaints)
    assert {route.path for route in post_routes} - reached == WITHOUT_FIELDS
