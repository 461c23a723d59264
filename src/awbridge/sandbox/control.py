"""The sandbox's control endpoints under `/_sandbox/`: read the ledger, inject faults, advance time."""

from typing import Annotated, Self

from pydantic import Field, ValidationError, model_validator

from awbridge.sandbox.config import Faults, FrozenModel, Variant
from awbridge.sandbox.faults.injector import RequestedFault
from awbridge.sandbox.shipments.models import SimulatedOrder
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.bodies import VARIANTS
from awbridge.sandbox.webhooks.sender import WebhookDelivery
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected, json_response
from awbridge.sandbox.wire.json import JsonObject


class AdvanceRequest(FrozenModel):
    """Seconds by which to advance courier time."""

    seconds: Annotated[float, Field(ge=0)]


class ShipmentSelector(FrozenModel):
    """Selects one shipment by waybill or reference number."""

    waybill: str | None = None
    reference_number: str | None = None


class CourierRequest(ShipmentSelector):
    courier_partner_id: int


class WebhookRequest(ShipmentSelector):
    """A webhook to send now. `scan` is an index; -1 is the latest. `overrides` replace top-level fields."""

    variant: Variant | None = None
    scan: int = -1
    overrides: dict[str, object] = Field(default_factory=dict)
    url: str | None = None

    @model_validator(mode="after")
    def _names_a_shipment(self) -> Self:
        if not self.waybill and not self.reference_number:
            raise ValueError("waybill or reference_number is required")
        return self


async def show_ledger(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET ledger: what actually happened. `?scans=0` omits the scans."""
    return json_response(sandbox.ledger(with_scans=call.query.get("scans") != "0"))


async def show_faults(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET faults: the current faults."""
    return json_response(sandbox.faults.model_dump(mode="json"))


async def put_faults(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """PUT faults: replace all faults. Omitted ones return to their defaults."""
    sandbox.faults = Faults.model_validate_json(call.body)
    return await show_faults(sandbox, call)


async def fault_once(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST faults/once: inject one fault into the next `times` matching calls."""
    request = RequestedFault.model_validate_json(call.body)
    if request.endpoint is not None and request.endpoint not in sandbox.endpoint_names:
        raise _unprocessable("endpoint", f"must be one of {', '.join(sorted(sandbox.endpoint_names))}")
    sandbox.fault_injector.request(request)
    pending = sandbox.fault_injector.pending
    return json_response({"waiting": [{"kind": fault.kind, "times": fault.times} for fault in pending]})


async def advance(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST advance: advance courier time, at most to real time."""
    scans = await sandbox.advance(AdvanceRequest.model_validate_json(call.body).seconds)
    return json_response({"scans": scans, **sandbox.state()})


async def finish(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST finish: complete every journey now."""
    return json_response({"scans": await sandbox.finish(), **sandbox.state()})


async def record_next(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST next: the next scan of one shipment now, or of all if the body is empty."""
    request = ShipmentSelector.model_validate_json(call.body or b"{}")
    if not request.waybill and not request.reference_number:
        return json_response({"scans": await sandbox.next_scans(), **sandbox.state()})
    return json_response({"scans": sandbox.next_scan(_find_order(sandbox, request)), **sandbox.state()})


async def show_state(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET state: how much work is outstanding."""
    return json_response(sandbox.state())


async def send_webhook(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST webhook: send one webhook now, without retries. `http_status` is null if there was no response."""
    request = WebhookRequest.model_validate_json(call.body)
    order = _find_order(sandbox, request)
    try:
        scan = order.scans[request.scan]
    except IndexError:
        raise _unprocessable("scan", f"this shipment has {len(order.scans)} scans so far") from None
    latest = order.latest_of(scan.waybill) or scan
    delivery = WebhookDelivery(order, scan, latest, round=sandbox.webhooks.next_round())
    body = sandbox.webhooks.build_body(delivery, request.variant) | request.overrides
    url = request.url or sandbox.webhooks.url
    if not url:
        raise _unprocessable("url", "no webhook is registered; give a url")
    return json_response({"http_status": await sandbox.webhooks.post(url, body), "body": body})


async def redeliver(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST redeliver: queue the webhooks of one shipment again, or of all shipments if the body is empty."""
    request = ShipmentSelector.model_validate_json(call.body or b"{}")
    if not request.waybill and not request.reference_number:
        return json_response({"queued": sandbox.webhooks.redeliver(sandbox.registry.shipments.values())})
    return json_response({"queued": sandbox.webhooks.redeliver([_find_order(sandbox, request)])})


async def forget(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST forget: delete a shipment, as if it had never been placed."""
    order = _find_order(sandbox, ShipmentSelector.model_validate_json(call.body))
    sandbox.registry.forget(order)
    return json_response({"waybill": order.waybill})


async def change_courier(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST courier: change the courier of a shipment."""
    request = CourierRequest.model_validate_json(call.body)
    order = _find_order(sandbox, request)
    matching = (a for a in sandbox.config.accounts if a.courier_partner_id == request.courier_partner_id)
    account = next(matching, None)
    if account is None:
        raise _unprocessable("courier_partner_id", "no account has this courier")
    order.account = account
    return json_response({"waybill": order.waybill, "courier_partner_id": account.courier_partner_id})


async def reset(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST reset: return to the initial state."""
    await sandbox.reset()
    return json_response({"ok": True})


async def show_bodies(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET bodies: the webhook body variants by name."""
    return json_response({"variants": [{"name": name, "meaning": meaning} for name, (_, meaning) in VARIANTS.items()]})


async def healthz(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """GET healthz: the sandbox is running."""
    return json_response({"ok": True})


def _find_order(sandbox: Sandbox, selector: ShipmentSelector) -> SimulatedOrder:
    if selector.reference_number:
        order, field = sandbox.registry.orders.get(selector.reference_number), "reference_number"
    else:
        order, field = sandbox.registry.find(selector.waybill or ""), "waybill"
    if order is None:
        raise _unprocessable(field, f"no order has this {field}")
    return order


def _unprocessable(field: str, problem: str) -> CallRejected:
    return CallRejected(json_response({"detail": [{"field": field, "problem": problem}]}, 422))


def validation_error(error: ValidationError) -> ApiResponse:
    """HTTP 422 that names every invalid field."""
    detail: list[JsonObject] = [
        {"field": ".".join(str(part) for part in entry["loc"]) or "body", "problem": entry["msg"]}
        for entry in error.errors(include_url=False)
    ]
    return json_response({"detail": detail}, 422)
