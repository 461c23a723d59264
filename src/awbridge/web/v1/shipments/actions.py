"""The routes of actions: requests to ClickPost other than registration and cancellation."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

from fastapi import Header, Query, Request, Response
from pydantic import BaseModel, Field, StrictBool

from awbridge.domain.cursors import make_cursor
from awbridge.domain.orders.action import Action, ActionKind, ActionState
from awbridge.domain.people.actor import named_actor
from awbridge.steps.orders import actions as action_steps
from awbridge.steps.records.requested_actions import Asked
from awbridge.store.orders import actions
from awbridge.web.dependencies import ApiDep, ClockDep, StoreDep
from awbridge.web.requested import read_cursor
from awbridge.web.v1.request_parsing import Cursor, Limit, json_body
from awbridge.web.v1.shipments.lookup import ReferenceDep, ShipmentDep
from awbridge.web.v1.strict import v1_router
from awbridge.web.v1.views.actions import ActionPage, ActionView, ActionWithBody, RegistrationView

router = v1_router(tags=["actions"])

Key = Annotated[
    str | None, Header(alias="Idempotency-Key", description="A repeated request with the same key is the same action.")
]


class ActionSettleBody(BaseModel):
    """Whether the action was carried out at ClickPost or the courier."""

    held: StrictBool = Field(description="True: it was carried out. False: it was not, and is no longer wanted.")


_REPEATED: dict[int | str, dict[str, Any]] = {200: {"model": ActionView, "description": "Requested before."}}
_REPEATED_REGISTRATION: dict[int | str, dict[str, Any]] = {200: {**_REPEATED[200], "model": RegistrationView}}


def _json_body(*, required: bool) -> dict[str, Any]:
    return {"requestBody": {"required": required, "content": {"application/json": {"schema": {"type": "object"}}}}}


def _route_for(kind: ActionKind) -> Callable[..., Awaitable[ActionView]]:
    async def request_action(
        reference: ReferenceDep, request: Request, response: Response, api: ApiDep, idempotency_key: Key = None
    ) -> ActionView:
        body = await json_body(request) if await request.body() else None
        requested = await action_steps.ask(
            store=api.store,
            clock=api.clock,
            kind=kind,
            reference_number=reference,
            body=body,
            idempotency_key=idempotency_key,
        )
        return _accepted(requested, response)

    return request_action


# The last part of the path, the kind, and the summary.
_ABOUT_SHIPMENTS = (
    ("edit", ActionKind.EDIT, "Change the order at the courier: order_type, cod_value, qc_type, e-waybill."),
    ("label", ActionKind.LABEL, "Fetch the label. `regenerate` requests a new one from the courier."),
    ("security-key", ActionKind.SECURITY_KEY, "Fetch the key of the shipment's tracking page."),
    ("ndr", ActionKind.NDR, "Instruct the courier after a failed delivery: REATTEMPT or INITIATE_RTO."),
    ("whatsapp", ActionKind.WHATSAPP, "Switch WhatsApp messages about the shipment on or off: `enabled`."),
    ("proof", ActionKind.PROOF, "Fetch the URLs of the proof of delivery."),
)

for _ending, _kind, _summary in _ABOUT_SHIPMENTS:
    router.add_api_route(
        f"/shipments/{{reference_number:path}}/{_ending}",
        _route_for(_kind),
        methods=["POST"],
        status_code=202,
        summary=_summary,
        name=f"ask_{_kind.value}",
        responses=_REPEATED,
        openapi_extra=_json_body(required=_kind in (ActionKind.EDIT, ActionKind.NDR, ActionKind.WHATSAPP)),
    )


@router.post("/pickups", status_code=202, responses=_REPEATED, openapi_extra=_json_body(required=True))
async def ask_pickup(request: Request, response: Response, api: ApiDep, idempotency_key: Key = None) -> ActionView:
    """Schedule a pickup. The body is ClickPost's create-pickup body, with optional `region` and `transporter`."""
    body = await json_body(request)
    requested = await action_steps.ask_pickup(
        store=api.store, clock=api.clock, body=body, idempotency_key=idempotency_key
    )
    return _accepted(requested, response)


@router.post("/waybills", status_code=202, responses=_REPEATED_REGISTRATION, openapi_extra=_json_body(required=True))
async def register_waybill(
    request: Request, response: Response, api: ApiDep, idempotency_key: Key = None
) -> RegistrationView:
    """Track a waybill that was booked elsewhere. The body is ClickPost's awb-register v3 body."""
    body = await json_body(request)
    requested = await action_steps.ask_registration(
        store=api.store, clock=api.clock, body=body, idempotency_key=idempotency_key
    )
    return RegistrationView(**dict(_accepted(requested, response)), warnings=list(requested.warnings))


@router.get("/shipments/{reference_number:path}/actions")
async def actions_of_shipment(
    shipment: ShipmentDep, store: StoreDep, limit: Limit = 50, cursor: Cursor = None
) -> ActionPage:
    """The actions of a shipment, oldest first."""
    after = read_cursor(cursor)
    async with store.read() as session:
        found = await actions.page_of_shipment(session, shipment.reference_number, after=after, limit=limit + 1)
    return _page(found, limit)


@router.get("/actions")
async def list_actions(
    store: StoreDep,
    state: Annotated[ActionState | None, Query(description="Only actions in this state.")] = None,
    limit: Limit = 50,
    cursor: Cursor = None,
) -> ActionPage:
    """Actions, newest first."""
    async with store.read() as session:
        found = await actions.newest(session, state=state, before=read_cursor(cursor), limit=limit + 1)
    return _page(found, limit)


def _page(found: Sequence[Action], limit: int) -> ActionPage:
    """The page of so many actions; `found` has one more if there is another page."""
    page = found[:limit]
    after = make_cursor(page[-1].requested_at, page[-1].id) if len(found) > limit else None
    return ActionPage(actions=[ActionView.model_validate(action) for action in page], next=after)


@router.get("/actions/{action_id}", response_model=ActionWithBody)
async def show_action(action_id: str, store: StoreDep) -> Action:
    """One action, with its request body and what ClickPost returned."""
    return await action_steps.show(store=store, action_id=action_id)


@router.post("/actions/{action_id}/retry", response_model=ActionView)
async def retry_action(action_id: str, store: StoreDep, clock: ClockDep) -> Action:
    """Retry the action now, with all its attempts. This also repeats a pickup whose outcome is unclear."""
    return await action_steps.retry(store=store, clock=clock, action_id=action_id)


@router.post("/actions/{action_id}/settle", response_model=ActionView)
async def settle_action(action_id: str, body: ActionSettleBody, store: StoreDep, clock: ClockDep) -> Action:
    """Record whether an action with an unclear outcome was carried out at ClickPost or the courier."""
    return await action_steps.settle(
        store=store, clock=clock, action_id=action_id, held=body.held, by=named_actor("api")
    )


def _accepted(requested: Asked, response: Response) -> ActionView:
    if not requested.created:
        response.status_code = 200
    return ActionView.model_validate(requested.action)
