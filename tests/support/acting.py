"""A ClickPost for the tests of actions: the real client with a list of responses, which keeps the calls."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable
from typing import Any

import httpx2

from awbridge.clickpost.client.async_client import AsyncClickPost
from awbridge.clickpost.client.call_recorder import record_call
from awbridge.domain.orders.action import Action, ActionKind
from awbridge.steps.orders import actions as asking
from awbridge.steps.orders.act import ActPolicy, act_due
from awbridge.store import Store
from awbridge.store.orders import actions
from tests.support.world import SetClock

KEY = "secret-key-of-the-account"
POLICY = ActPolicy(retry_delays=(60.0, 300.0, 900.0))

Answer = dict[str, Any] | int | Exception | tuple[dict[str, Any], dict[str, str]]


def ok(**result: Any) -> dict[str, Any]:
    return {"meta": {"status": 200, "success": True, "message": "SUCCESS"}, "result": result}


def says(code: int, message: str = "no") -> dict[str, Any]:
    return {"meta": {"status": code, "success": False, "message": message}}


NOT_SENT = httpx2.ConnectError("no route")
LOST = httpx2.ReadTimeout("too slow")
PICKUP_BOOKED = ok(confirmation_number="6", location="DELKL")


class FakeClickPost:
    """Answers with `answers` in their order, then always with `usual`."""

    def __init__(self, *answers: Answer, usual: Answer | None = None) -> None:
        self.answers: deque[Answer] = deque(answers)
        self.usual: Answer = usual if usual is not None else ok()
        self.requests: list[httpx2.Request] = []
        self.on_request: Callable[[], Any] | None = None
        self.client = AsyncClickPost(
            username="shop", key=KEY, transport=httpx2.MockTransport(self._answer), on_call=record_call
        )

    async def _answer(self, request: httpx2.Request) -> httpx2.Response:
        self.requests.append(request)
        if self.on_request:
            await self.on_request()
        answer = self.answers.popleft() if self.answers else self.usual
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, int):
            return httpx2.Response(answer)
        body, headers = answer if isinstance(answer, tuple) else (answer, {})
        return httpx2.Response(429 if headers else 200, json=body, headers=headers)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(r.content) for r in self.requests]


async def act(store: Store, vendor: FakeClickPost, clock: SetClock, policy: ActPolicy = POLICY) -> int:
    return await act_due(store=store, clickpost=vendor.client, clock=clock, policy=policy)


async def ask(store: Store, clock: SetClock, kind: ActionKind, body: Any = None, **more: Any) -> Action:
    asked = await asking.ask(store=store, clock=clock, kind=kind, body=body, **{"reference_number": "R", **more})
    return asked.action


async def now_of(store: Store, action: Action) -> Action:
    """The action as stored now."""
    async with store.read() as session:
        found = await actions.get(session, action.id)
    assert found is not None
    return found


def a_pickup(**changes: Any) -> dict[str, Any]:
    return {
        "courier_partner": 4,
        "account_code": "main",
        "pickup_date": "2026-11-03T14:00:00",
        "pickup_name": "Asha Rao",
        "pickup_phone": "9000000000",
        "pickup_email": "a@example.com",
        "pickup_address": "12 MG Road",
        "pickup_city": "Pune",
        "pickup_state": "Maharashtra",
        "pickup_pincode": "411001",
        "pickup_country": "IN",
        "items": "2 packages, 900 grams",
        **changes,
    }


def a_world_pickup(**details: Any) -> dict[str, Any]:
    where = {"date": "2026-11-03", "name": "Asha", "address": "1 Road", "city": "Dubai", "postal_code": "00000"}
    contact = {"phone": "500000000", "email": "a@example.com", "country_code": "AE", "state": "Dubai"}
    return {"region": "world", "shipment_details": details, "pickup_info": {**where, **contact}}


def a_registration(**changes: Any) -> dict[str, Any]:
    return {
        "waybill": "ELSEWHERE1",
        "courier_partner": 4,
        "account_code": "main",
        "shipment_info": {"reference_number": "FOREIGN-1", "order_id": "O-1", "order_type": "PREPAID"},
        **changes,
    }
