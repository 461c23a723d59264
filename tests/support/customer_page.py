"""Parcels for the customer's page, the page on a store, and what a test reads of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import httpx2
from msgspec.structs import replace

from awbridge.clickpost.orders.order_facts import phone_tail
from awbridge.clickpost.wire.tracking_codes import status_info
from awbridge.domain.customer_page.answer_rules import read_rules
from awbridge.domain.customer_page.brand import Brand
from awbridge.domain.customer_page.links import LinkKeys
from awbridge.domain.customer_page.origins import read_origins
from awbridge.domain.orders.shipment import shard_of
from awbridge.domain.tracking.promise import Promise
from awbridge.domain.tracking.returns import ReturnEvent
from awbridge.sinks.brand_files import Logo
from awbridge.sinks.page_languages import load_languages
from awbridge.steps.customer_page.answers import AnswerPolicy
from awbridge.steps.customer_page.open_orders import OpenOrders
from awbridge.steps.customer_page.read_orders import PagePolicy
from awbridge.store import Store
from awbridge.store.tracking import promises, scans
from awbridge.web.customer_page.answer_requests import AnswerRequests
from awbridge.web.customer_page.answering import Answering
from awbridge.web.customer_page.app import CustomerPage
from awbridge.web.customer_page.as_json import JsonPages
from awbridge.web.customer_page.files import page_files
from awbridge.web.customer_page.forms import JsonForm
from awbridge.web.customer_page.page_process import GivenTime
from awbridge.web.customer_page.pages import PageMaker
from tests.support import rows
from tests.support.rows import T0, new_scan, sql
from tests.support.world import SetClock

KEY = "a key of the tests' own"
KEYS = LinkKeys([KEY])
ADDRESS = "https://track.shop.example"
ZONE = ZoneInfo("Asia/Kolkata")
HOUR = timedelta(hours=1)
BRAND = Brand(name="Acme", support_url="https://acme.example/help", support_phone="+91 80 1234 5678")


def payload(**changes: Any) -> dict[str, Any]:
    """An order as callers give it. `changes` are of the drop, for a return of the pickup; `language` is the order's."""
    language = changes.pop("language", None)
    customer = {
        **{"name": "Asha Rao", "phone": "9876501234", "pincode": "560001", "city": "Bengaluru"},
        **{"address": "12 Secret Street", "email": "asha@secret.example"},
        **changes,
    }
    shop = {"name": "Acme Warehouse", "phone": "8000000000", "pincode": "110001", "city": "Delhi", "address": "Gate 4"}
    return {
        "pickup_info": {f"pickup_{n}": v for n, v in shop.items()},
        "drop_info": {f"drop_{n}": v for n, v in customer.items()},
        "shipment_details": {"order_type": "COD", "cod_value": 1234.5, "items": [{"description": "Secret Item"}]},
        "additional": {"language_code": language} if language else {},
    }


def return_payload(**changes: Any) -> dict[str, Any]:
    """The same for a return: collected from the customer."""
    forward = payload(**changes)
    pickup = {n.replace("drop_", "pickup_"): v for n, v in forward["drop_info"].items()}
    drop = {n.replace("pickup_", "drop_"): v for n, v in forward["pickup_info"].items()}
    details = {**forward["shipment_details"], "delivery_type": "RVP"}
    return {**forward, "pickup_info": pickup, "drop_info": drop, "shipment_details": details}


@dataclass(frozen=True)
class At:
    """A scan of a test: its code, hours after T0, where, the NDR code, whose waybill, which return event."""

    code: int
    hours: float = 1
    location: str = "Bhiwandi"
    ndr: int | None = None
    waybill: str = ""
    event: ReturnEvent | None = None
    remark: str = "Call 9876501234, Mr Secret"


async def add_parcel(
    store: Store,
    reference: str = "REF-1",
    *seen: At,
    order_id: str | None = "ORDER-1",
    placed: bool = True,
    created_at: datetime = T0,
    children: Iterable[str] = (),
    edds: Iterable[tuple[str, float]] = (),
    columns: dict[str, object] | None = None,
    **changes: Any,
) -> str:
    """A stored shipment with these scans and the status that they give it. Returns the token of its link.

    `edds`: expected days, each with the hours after T0 at which it was stated. `columns`: further columns to set.
    """
    given: dict[str, Any] = {"payload": payload(), **changes}
    given = {"phone_tail": phone_tail(given["payload"]), **given}
    await rows.add(store, reference, now=created_at, order_id=order_id, **given)
    if placed:
        await rows.place(store, reference, f"AWB-{reference}", now=created_at + HOUR / 2)
    stated = [_promise(edd, hours) for edd, hours in edds]
    async with store.write() as session:
        entries = [_entry(reference, n, one) for n, one in enumerate(seen)]
        await scans.add(session, entries)
        await promises.add(session, [(reference, one) for one in stated])
        own = [e for _, e in entries if not e.return_event]
        values: dict[str, object] = {}
        if own:
            last = max(own, key=lambda e: (e.seen_at, status_info(e.code).final, status_info(e.code).step))
            info = status_info(last.code)
            values |= {"status_code": last.code, "status_at": last.seen_at, "status_bucket": int(info.bucket)}
            values |= {"final": info.final, "last_tracked_at": last.seen_at, "ndr_code": last.ndr_code}
        if stated:
            values["edd"] = stated[-1].edd
        if children:
            values["children"] = "[" + ", ".join(f'"{child}"' for child in children) + "]"
        for name, value in (values | (columns or {})).items():
            text = f"UPDATE shipments SET {name} = $3 WHERE shard = $1 AND reference_number = $2"
            await session.execute(sql(text), shard_of(reference), reference, value)
    return KEYS.token(reference)


def _promise(edd: str, hours: float) -> Promise:
    at = T0 + hours * HOUR
    return Promise(edd=edd, stated_at=at, received_at=at, source="webhook")


def _entry(reference: str, number: int, one: At) -> tuple[str, Any]:
    at = T0 + one.hours * HOUR
    first = rows.scan(
        one.code,
        at,
        waybill=one.waybill or f"AWB-{reference}",
        location=one.location,
        remark=one.remark,
        scan_id=f"{reference}-{number}",
        ndr_code=one.ndr,
        return_event=one.event,
    )
    key, entry = new_scan(reference, first, received_at=at)
    return key, replace(entry)


@dataclass
class CustomersView:
    """The customer's page on a store, called without a network."""

    store: Store
    clock: SetClock | GivenTime = field(default_factory=lambda: SetClock(T0 + 8 * HOUR))
    brand: Brand = BRAND
    own_css: bytes = b""
    logo: Logo | None = None
    default: str = "en"
    origins: str = "https://shop.example"
    rules: str = ""

    def __post_init__(self) -> None:
        files = page_files(colour=self.brand.colour, own_css=self.own_css, logo=self.logo)
        self.languages = load_languages()
        pages = PageMaker(self.languages, self.brand, files, default=self.default)
        rules = read_rules(self.rules)
        self.orders = OpenOrders(self.store, self.clock, PagePolicy(zone=ZONE, answers=rules))
        as_json = JsonPages(base_url=ADDRESS, brand=self.brand, logo=files.logo)
        json = JsonForm(pages, as_json, read_origins(self.origins))
        answers = AnswerRequests(Answering(self.store, self.clock, AnswerPolicy(zone=ZONE, rules=rules)))
        self.app = CustomerPage(self.orders, KEYS, pages, files, json, self.clock, answers=answers)
        self.http = httpx2.AsyncClient(
            transport=httpx2.ASGITransport(app=self.app),  # pyright: ignore
            base_url=ADDRESS,
        )

    async def get(self, token: str, **options: Any) -> httpx2.Response:
        """The page of a token."""
        return await self.http.get(f"/track/{token}", **options)
