"""The routes of actions: what is wanted at ClickPost beside registering and cancelling."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Annotated, Any

from fastapi import APIRouter, Header, Query, Request, Response

from awbridge.domain.errors import NotFound
from awbridge.domain.orders.action import ActionKind, ActionState
from awbridge.steps.orders import actions as asking
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.store.orders import actions, shipments
from awbridge.web.v1 import views
from awbridge.web.v1.reading import json_body, make_cursor, no_nul, read_cursor

Key = Annotated[
    str | None, Header(alias="Idempotency-Key", description="Asked again under the same key, it is the same action.")
]

_KNOWN: dict[int | str, dict[str, Any]] = {
    200: {"model": views.ActionView, "description": "The same was asked for already."}
}

# The word in the path, the kind, and what it does.
_ABOUT_SHIPMENTS = (
    ("edit", ActionKind.EDIT, "Change the order at the courier: order_type, cod_value, qc_type, e-waybill."),
    ("label", ActionKind.LABEL, "Fetch the label; `regenerate` has the courier make a new one."),
    ("security-key", ActionKind.SECURITY_KEY, "Fetch the key that opens the shipment's tracking page."),
    ("ndr", ActionKind.NDR, "Tell the courier what to do after a failed delivery: REATTEMPT or INITIATE_RTO."),
    ("whatsapp", ActionKind.WHATSAPP, "Switch WhatsApp messages about the shipment on or off: `enabled`."),
    ("proof", ActionKind.PROOF, "Fetch where the proof of delivery lies."),
)


def add(api: APIRouter, store: Store, clock: Clock) -> None:
    """Add the routes. They come before routes whose path may hold a slash."""
    for word, kind, does in _ABOUT_SHIPMENTS:
        api.add_api_route(
            f"/shipments/{{reference_number:path}}/{word}",
            _asking(store, clock, kind),
            methods=["POST"],
            status_code=202,
            tags=["actions"],
            summary=does,
            name=f"ask_{kind.value}",
            responses=_KNOWN,
            openapi_extra=_a_body(required=kind in (ActionKind.EDIT, ActionKind.NDR, ActionKind.WHATSAPP)),
        )
    _add_others(api, store, clock)
    _add_reading(api, store, clock)


def _asking(store: Store, clock: Clock, kind: ActionKind) -> Callable[..., Awaitable[views.ActionView]]:
    async def ask(
        reference_number: str, request: Request, response: Response, idempotency_key: Key = None
    ) -> views.ActionView:
        asked = await asking.ask(
            store=store,
            clock=clock,
            kind=kind,
            reference_number=no_nul(reference_number),
            body=await json_body(request) if await request.body() else None,
            idempotency_key=idempotency_key,
        )
        return _answer(asked, response)

    return ask


def _add_others(api: APIRouter, store: Store, clock: Clock) -> None:
    @api.post("/pickups", status_code=202, tags=["actions"], responses=_KNOWN, openapi_extra=_a_body(required=True))
    async def ask_pickup(request: Request, response: Response, idempotency_key: Key = None) -> views.ActionView:
        """Have a courier come: ClickPost's create-pickup body, with `region` and `transporter` if wished."""
        body = await json_body(request)
        asked = await asking.ask_pickup(store=store, clock=clock, body=body, idempotency_key=idempotency_key)
        return _answer(asked, response)

    known: dict[int | str, dict[str, Any]] = {200: {**_KNOWN[200], "model": views.RegistrationView}}

    @api.post("/waybills", status_code=202, tags=["actions"], responses=known, openapi_extra=_a_body(required=True))
    async def register_waybill(
        request: Request, response: Response, idempotency_key: Key = None
    ) -> views.RegistrationView:
        """Have a waybill tracked that was booked elsewhere: ClickPost's awb-register v3 body."""
        body = await json_body(request)
        asked = await asking.ask_registration(store=store, clock=clock, body=body, idempotency_key=idempotency_key)
        return views.RegistrationView(**dict(_answer(asked, response)), warnings=list(asked.warnings))

    _ = (ask_pickup, register_waybill)


def _add_reading(api: APIRouter, store: Store, clock: Clock) -> None:
    @api.get("/shipments/{reference_number:path}/actions", tags=["actions"])
    async def actions_of_shipment(reference_number: str) -> list[views.ActionView]:
        """Every action about a shipment, first asked first."""
        async with store.read() as session:
            if await shipments.get(session, no_nul(reference_number)) is None:
                raise NotFound(f"there is no shipment {reference_number}")
            return [views.action_view(a) for a in await actions.of_shipment(session, reference_number)]

    @api.get("/actions", tags=["actions"])
    async def list_actions(
        state: Annotated[ActionState | None, Query(description="Only actions in this state.")] = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
        cursor: Annotated[str | None, Query(description="`next` of the page before.")] = None,
    ) -> views.ActionPage:
        """Actions, last asked first."""
        async with store.read() as session:
            found = await actions.newest(session, state=state, before=read_cursor(cursor), limit=limit + 1)
        page = found[:limit]
        after = make_cursor(page[-1].requested_at, page[-1].id) if len(found) > limit else None
        return views.ActionPage(actions=[views.action_view(a) for a in page], next=after)

    @api.get("/actions/{action_id}", tags=["actions"])
    async def show_action(action_id: str) -> views.ActionWithBody:
        """One action, with what was asked for and what ClickPost gave."""
        return views.action_with_body(await asking.show(store=store, action_id=action_id))

    @api.post("/actions/{action_id}/retry", tags=["actions"])
    async def retry_action(action_id: str) -> views.ActionView:
        """Make it again at once, with all its tries; an unclear pickup on purpose."""
        return views.action_view(await asking.retry(store=store, clock=clock, action_id=action_id))

    @api.post("/actions/{action_id}/settle", tags=["actions"])
    async def settle_action(action_id: str, body: views.ActionSettleBody) -> views.ActionView:
        """Say of an action that needs a person whether it stands at ClickPost or the courier."""
        settled = await asking.settle(store=store, clock=clock, action_id=action_id, held=body.held, by="api")
        return views.action_view(settled)

    _ = (actions_of_shipment, list_actions, show_action, retry_action, settle_action)


def _answer(asked: asking.Asked, response: Response) -> views.ActionView:
    if not asked.created:
        response.status_code = 200
    return views.action_view(asked.action)


def _a_body(*, required: bool) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": {"type": "object"}}}}}
