"""The sandbox's own endpoints under `/_sandbox/`: look into the books, ask for faults, move time."""

from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from awbridge.sandbox.config import ENDPOINT_FAULTS, Faults, Frozen, OnceKind, Variant
from awbridge.sandbox.shipments.models import Order
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.bodies import VARIANTS
from awbridge.sandbox.webhooks.sender import Job
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import JsonObject


class OnceRequest(Frozen):
    """A fault for the next fitting calls, of one endpoint where one is named."""

    kind: OnceKind
    times: Annotated[int, Field(ge=1)] = 1
    reference_number: str | None = None
    code: int = 329
    endpoint: str | None = None

    @model_validator(mode="after")
    def _fits_the_endpoint(self) -> Self:
        if self.endpoint not in (None, "create_order"):
            if self.kind not in ENDPOINT_FAULTS:
                raise ValueError(f"{self.kind} strikes by itself; endpoints take {', '.join(sorted(ENDPOINT_FAULTS))}")
            if self.reference_number:
                raise ValueError("reference_number goes with create_order only")
        return self


class AdvanceRequest(Frozen):
    """Seconds to push the courier's clock forward."""

    seconds: Annotated[float, Field(ge=0)]


class Which(Frozen):
    """One shipment, by waybill or reference number."""

    waybill: str | None = None
    reference_number: str | None = None


class CourierRequest(Which):
    """One shipment, and the courier that the books name for it from now on."""

    courier_partner_id: int


class WebhookRequest(Which):
    """One webhook to send now. `scan` counts from 0, and from -1 backwards; `overrides` replace top-level fields."""

    variant: Variant | None = None
    scan: int = -1
    overrides: dict[str, object] = Field(default_factory=dict)
    url: str | None = None

    @model_validator(mode="after")
    def _names_a_shipment(self) -> Self:
        if not self.waybill and not self.reference_number:
            raise ValueError("waybill or reference_number is required")
        return self


async def show_ledger(sandbox: Sandbox, call: Call) -> Answer:
    """GET ledger: what truly happened. `?scans=0` leaves the scans out."""
    return reply(sandbox.ledger(with_scans=call.query.get("scans") != "0"))


async def show_faults(sandbox: Sandbox, call: Call) -> Answer:
    """GET faults: the faults in force."""
    return reply(sandbox.faults.model_dump(mode="json"))


async def put_faults(sandbox: Sandbox, call: Call) -> Answer:
    """PUT faults: replaces all of them; what is not named goes back to its default."""
    sandbox.faults = Faults.model_validate_json(call.body)
    return await show_faults(sandbox, call)


async def fault_once(sandbox: Sandbox, call: Call) -> Answer:
    """POST faults/once: one fault, for the next `times` fitting calls."""
    asked = OnceRequest.model_validate_json(call.body)
    if asked.endpoint is not None and asked.endpoint not in sandbox.endpoint_names:
        return _wrong("endpoint", f"is none of {', '.join(sorted(sandbox.endpoint_names))}")
    sandbox.once(**asked.model_dump())
    return reply({"waiting": [{"kind": once.kind, "times": once.times} for once in sandbox.fault_desk.waiting]})


async def advance(sandbox: Sandbox, call: Call) -> Answer:
    """POST advance: pushes the courier's clock forward, at most to real time."""
    made = await sandbox.advance(AdvanceRequest.model_validate_json(call.body).seconds)
    return reply({"scans": made, **sandbox.state()})


async def finish(sandbox: Sandbox, call: Call) -> Answer:
    """POST finish: every journey runs to its end at once."""
    return reply({"scans": await sandbox.finish(), **sandbox.state()})


async def show_state(sandbox: Sandbox, call: Call) -> Answer:
    """GET state: how much is still going on."""
    return reply(sandbox.state())


async def send_webhook(sandbox: Sandbox, call: Call) -> Answer:
    """POST webhook: sends one now, once, and tells what the receiver answered (null: nothing)."""
    asked = WebhookRequest.model_validate_json(call.body)
    order = _which(sandbox, asked)
    if isinstance(order, Answer):
        return order
    try:
        scan = order.scans[asked.scan]
    except IndexError:
        return _wrong("scan", f"this shipment has {len(order.scans)} scans so far")
    latest = order.latest_of(scan.waybill) or scan
    job = Job(order, scan, latest, round=sandbox.delivery.next_round())
    body = sandbox.delivery.body_of(job, asked.variant) | asked.overrides
    url = asked.url or sandbox.delivery.url
    if not url:
        return _wrong("url", "no webhook is registered and no url is given")
    return reply({"http_status": await sandbox.delivery.post(url, body), "body": body})


async def redeliver(sandbox: Sandbox, call: Call) -> Answer:
    """POST redeliver: queues the webhooks of all scans again, of one shipment or of all (empty body)."""
    asked = Which.model_validate_json(call.body or b"{}")
    if not asked.waybill and not asked.reference_number:
        return reply({"queued": sandbox.delivery.repeat(sandbox.vendor.shipments.values())})
    order = _which(sandbox, asked)
    return order if isinstance(order, Answer) else reply({"queued": sandbox.delivery.repeat([order])})


async def forget(sandbox: Sandbox, call: Call) -> Answer:
    """POST forget: loses a shipment, as if it had never been placed."""
    order = _which(sandbox, Which.model_validate_json(call.body))
    if isinstance(order, Answer):
        return order
    sandbox.vendor.forget(order)
    return reply({"waybill": order.waybill})


async def change_courier(sandbox: Sandbox, call: Call) -> Answer:
    """POST courier: the books name another courier for a shipment."""
    asked = CourierRequest.model_validate_json(call.body)
    order = _which(sandbox, asked)
    if isinstance(order, Answer):
        return order
    chosen = (a for a in sandbox.config.accounts if a.courier_partner_id == asked.courier_partner_id)
    account = next(chosen, None)
    if account is None:
        return _wrong("courier_partner_id", "no account is with this courier")
    order.account = account
    return reply({"waybill": order.waybill, "courier_partner_id": account.courier_partner_id})


async def reset(sandbox: Sandbox, call: Call) -> Answer:
    """POST reset: everything as it was at the start."""
    await sandbox.reset()
    return reply({"ok": True})


async def show_bodies(sandbox: Sandbox, call: Call) -> Answer:
    """GET bodies: the webhook shapes by name."""
    return reply({"variants": [{"name": name, "meaning": meaning} for name, meaning in VARIANTS.items()]})


async def healthz(sandbox: Sandbox, call: Call) -> Answer:
    """GET healthz: alive."""
    return reply({"ok": True})


def _which(sandbox: Sandbox, asked: Which) -> Order | Answer:
    if asked.reference_number:
        order = sandbox.vendor.orders.get(asked.reference_number)
        return order or _wrong("reference_number", "no order has this reference number")
    order = sandbox.vendor.find(asked.waybill or "")
    return order or _wrong("waybill", "no order has this waybill")


def _wrong(field: str, problem: str) -> Answer:
    return reply({"detail": [{"field": field, "problem": problem}]}, 422)


def wrong_body(error: ValidationError) -> Answer:
    """422 that names every wrong field."""
    detail: list[JsonObject] = [
        {"field": ".".join(str(part) for part in entry["loc"]) or "body", "problem": entry["msg"]}
        for entry in error.errors(include_url=False)
    ]
    return reply({"detail": detail}, 422)
