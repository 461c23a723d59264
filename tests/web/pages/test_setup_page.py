"""The set-up page: what is set without secrets, checks that try it, and what can be done from the page."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import date

import pytest

from awbridge.clickpost.lookups.accounts import VendorAccount, VendorAccounts
from awbridge.clickpost.tracking.webhook_registration import Registration, webhook_identity
from awbridge.domain.call import Call
from awbridge.domain.errors import VendorError
from awbridge.domain.guide.demands import DEMANDS
from awbridge.domain.guide.rows import Evidence, GuideRow, broken, met, not_yet
from awbridge.domain.json import JsonObject
from awbridge.domain.tracking.scan import Source
from awbridge.steps.tracking.ingest import Ingest
from awbridge.store import Store
from awbridge.store.couriers import couriers
from awbridge.store.couriers.couriers import CourierAccount
from awbridge.store.orders.shipments import payload_text
from awbridge.store.polling import webhook_keys
from awbridge.store.tracking import inbox
from awbridge.web.app import build_app
from awbridge.web.contexts import ApiContext
from awbridge.web.pages.setup.first_order_form import FIELDS, order_of
from awbridge.web.pages.setup.tools import SetupFinding, SetupStep, ShownSetting
from awbridge.web.webhook.endpoint import KeyRing, WebhookEndpoint
from tests.support.app import Web, web_of
from tests.support.pages import open_page, send_form
from tests.support.rows import T0, delivery, fetch
from tests.support.world import SetClock, get

URL = "https://ship.example.com/webhooks/clickpost"
CALL = Call(api="register-webhook", method="POST", url="u")
ORDER = {
    "reference_number": "TEST-1",
    "transporter": "fast",
    "weight": "500",
    "value": "100",
    **{
        f"{side}_{name}": value
        for side in ("pickup", "drop")
        for name, value in {
            "name": "Asha Rao",
            "phone": "9000000000",
            "address": "12 MG Road",
            "city": "Pune",
            "state": "Maharashtra",
            "pincode": "411001",
        }.items()
    },
}


@dataclass
class Vendor:
    """ClickPost with one account. The test delivery arrives in `inbox_of`."""

    inbox_of: Store
    registered: list[str] = field(default_factory=list[str])
    refusing: bool = False

    async def fetch_accounts(self, active: bool | None = True) -> VendorAccounts:
        account = VendorAccount(courier_partner_id=4, courier_name="Delhivery", account_code="main", active=True)
        return VendorAccounts([account] if active else [])

    async def register_webhook(self, url: str) -> Registration:
        if self.refusing:
            raise VendorError("invalid key", call=CALL, kind="configuration")
        return Registration(code=305)

    async def change_webhook(self, url: str) -> Registration:
        self.registered.append(url)
        return Registration(code=200, webhook_key="issued")

    async def test_webhook(self, test_url: str, test_data: JsonObject) -> None:
        raw = payload_text(test_data).encode()
        async with self.inbox_of.write() as session:
            await inbox.add(session, [delivery(webhook_identity(raw), body=raw, source=Source.WEBHOOK)])


@dataclass(eq=False)
class Tools:
    """An installation whose checks find what a test says."""

    clickpost: Vendor | None = None
    vendor_problem: str = ""
    has_webhook_keys: bool = False
    found: Sequence[SetupFinding] = ()
    evidence: Sequence[Evidence] = ()
    checked: list[SetupStep] = field(default_factory=list[SetupStep])

    def settings(self, step: SetupStep) -> list[ShownSetting]:
        if step is SetupStep.KEY:
            return [ShownSetting(variable="AWBRIDGE_CLICKPOST_USERNAME", value="", example="your-username")]
        return []

    async def check(self, step: SetupStep) -> Sequence[SetupFinding]:
        self.checked.append(step)
        return self.found

    async def send_test_message(self) -> list[SetupFinding]:
        return [SetupFinding(level="ok", found="ops@acme.example: a test message was sent")]

    async def guide(self) -> list[GuideRow]:
        return [
            GuideRow(demand=demand, evidence=evidence) for demand, evidence in zip(DEMANDS, self.evidence, strict=False)
        ]


@pytest.fixture
def tools(store: Store) -> Tools:
    return Tools(clickpost=Vendor(store))


@pytest.fixture
async def web(store: Store, tools: Tools) -> AsyncIterator[Web]:
    clock = SetClock()
    ingest = Ingest(store)
    endpoint = WebhookEndpoint(ingest, KeyRing(store, ()), clock)
    api = ApiContext(store=store, clock=clock, setup=tools)
    async with web_of(build_app(api, webhook=endpoint, loops=(), api_keys=()), store, clock, endpoint, ingest) as web:
        yield web


async def test_the_overview_leads_to_the_set_up_until_the_essentials_are_there(web: Web) -> None:
    assert 'href="/setup">Finish the set-up' in await open_page(web, "/")
    async with web.store.write() as session:
        await couriers.put(session, [CourierAccount(transporter="fast", courier_partner_id=4)], now=T0)
        await webhook_keys.add(session, "k", webhook_url=URL, now=T0)
    assert "Finish the set-up" not in await open_page(web, "/")


async def test_what_is_not_set_is_shown_with_the_line_to_set_it(web: Web) -> None:
    shown = await open_page(web, "/setup")
    assert 'AWBRIDGE_CLICKPOST_USERNAME="your-username"' in shown


async def test_a_check_tries_one_step_and_shows_what_to_do(web: Web, tools: Tools) -> None:
    tools.found = [SetupFinding(level="problem", found="<b>no bucket", do="create it")]
    shown = await send_form(web, "/setup/check", {"step": "archive"})
    assert tools.checked == [SetupStep.ARCHIVE]
    assert "&lt;b&gt;no bucket" in shown
    assert "create it" in shown
    await send_form(web, "/setup/check", {"step": "x"}, status=422)
    assert "a test message was sent" in await send_form(web, "/setup/test-message", {})


async def test_couriers_are_compared_and_taken_over(web: Web) -> None:
    shown = await send_form(web, "/setup/couriers", {})
    assert "1 difference to ClickPost." in shown
    assert "Take over these accounts" in shown
    assert await fetch(web.store, "SELECT transporter FROM courier_accounts") == []
    assert "1 change was written." in await send_form(web, "/setup/couriers", {"apply": "yes"})
    assert await fetch(web.store, "SELECT transporter FROM courier_accounts") == [{"transporter": "main"}]


async def test_the_webhook_is_registered_and_its_test_awaited(web: Web, tools: Tools) -> None:
    assert tools.clickpost
    shown = await send_form(web, "/setup/webhook", {"url": URL, "action": "register"})
    assert tools.clickpost.registered == [URL]
    assert f"Registered: {URL}" in shown
    assert "the test arrived" in shown
    assert "issued" not in shown
    async with web.store.read() as session:
        assert [key.sha256 for key in await webhook_keys.listed(session)] == [webhook_keys.digest("issued")]


async def test_a_failure_of_the_vendor_is_a_finding(web: Web, tools: Tools) -> None:
    assert tools.clickpost
    tools.clickpost.refusing = True
    assert "invalid key" in await send_form(web, "/setup/webhook", {"url": URL, "action": "register"})
    assert "is not a URL" in await send_form(
        web, "/setup/webhook", {"url": "ftp://x", "action": "register"}, status=422
    )
    tools.clickpost, tools.vendor_problem = None, "AWBRIDGE_CLICKPOST_KEY is not set."
    for path in ("/setup/webhook", "/setup/couriers"):
        shown = await send_form(web, path, {"url": URL, "action": "test"})
        assert shown.count("AWBRIDGE_CLICKPOST_KEY is not set.") == 2, path


async def test_the_first_order_is_checked_before_it_is_placed(web: Web) -> None:
    async with web.store.write() as session:
        account = CourierAccount(transporter="fast", courier_partner_id=4, account_code="main")
        await couriers.put(session, [account], now=T0)
    shown = await send_form(web, "/setup/order", {**ORDER, "drop_pincode": "x", "action": "place"}, status=422)
    assert re.search('name="drop_pincode" value="x"[^>]* aria-invalid="true"', shown)
    assert "Place it at ClickPost" not in shown
    shown = await send_form(web, "/setup/order", {**ORDER, "action": "check"})
    assert "Place it at ClickPost" in shown
    assert await fetch(web.store, "SELECT reference_number FROM shipments") == []
    await send_form(web, "/setup/order", {**ORDER, "action": "place"}, status=303)
    assert (await get(web.store, "TEST-1")).payload["drop_info"]["drop_city"] == "Pune"


def test_a_number_that_cannot_be_read_is_refused_by_its_field() -> None:
    order = order_of(dict.fromkeys(FIELDS, "x"), date(2026, 11, 29))
    assert order["shipment_details"]["weight"] == 0


async def test_the_guidelines_are_shown_with_their_evidence(web: Web, tools: Tools) -> None:
    tools.evidence = [met("2 of 2"), broken("<b>none</b> of 3", "set <it>"), not_yet("nothing yet", "the next order")]
    page = await open_page(web, "/setup/guide")
    assert "1 demand is not met" in page
    for text in ("2 of 2", "&lt;b&gt;none&lt;/b&gt; of 3", "set &lt;it&gt;", "the next order", DEMANDS[2].text):
        assert text in page
    assert [page.count(f">{label}<") for label in ("met", "not met", "not shown yet")] == [1, 1, 1]
    tools.evidence = tools.evidence[::2]
    assert "1 demand is not shown yet" in await open_page(web, "/setup/guide")
    tools.evidence = tools.evidence[:1]
    assert "Every demand is met" in await open_page(web, "/setup/guide")


async def test_the_menu_marks_the_page_of_the_guidelines_alone(web: Web) -> None:
    page = await open_page(web, "/setup/guide")
    assert re.findall(r'<a href="(/setup[^"]*)" aria-current="page"', page) == ["/setup/guide"]
    page = await open_page(web, "/setup")
    assert re.findall(r'<a href="(/setup[^"]*)" aria-current="page"', page) == ["/setup"]
