"""The sandbox as an ASGI application: the endpoint table, dispatch, and closing connections without a response."""

import asyncio
from functools import partial
from typing import Final, TypeAlias
from urllib.parse import parse_qsl

from pydantic import ValidationError
from starlette.types import Receive, Scope, Send

from awbridge.sandbox import control, control_page
from awbridge.sandbox.faults.http_failures import Route, handle_call
from awbridge.sandbox.labels import download
from awbridge.sandbox.lookups import accounts, predictions, recommendations, serviceability
from awbridge.sandbox.orders import create, manage, pickups
from awbridge.sandbox.orders.create import OrderForm
from awbridge.sandbox.reports import audit_log, dashboard
from awbridge.sandbox.shipments.models import Region
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.tracking import ndr, polling, registrations, returns
from awbridge.sandbox.webhooks import endpoints as webhook_endpoints
from awbridge.sandbox.wire.http import ApiCall, ApiResponse, CallRejected, ConnectionCut, json_response

Methods: TypeAlias = dict[str, Route]


def _create_and_fetch(region: Region, form: OrderForm = "sections") -> Methods:
    create_order = partial(create.create_order, region=region, form=form)
    return {"POST": Route("create_order", create_order), "GET": Route("fetch_order", manage.fetch_order, "own")}


ENDPOINTS: Final[dict[str, Methods]] = {
    "/api/v1/create-order": _create_and_fetch("india", "flat"),
    "/api/v1/create-b2b-order": _create_and_fetch("india", "b2b"),
    "/api/v3/create-order": _create_and_fetch("india"),
    "/api/v4/create-order": _create_and_fetch("world"),
    "/api/v1/cancel-order": {"GET": Route("cancel_order", manage.cancel_order)},
    "/api/v2/track-order": {"GET": Route("track_order", polling.track_order)},
    "/api/v1/updated-order": {"GET": Route("updated_order", polling.updated_order)},
    "/api/v1/tracking/register-webhook": {
        "POST": Route("register_webhook", webhook_endpoints.register_webhook, "own"),
        "PUT": Route("register_webhook", webhook_endpoints.register_webhook, "own"),
    },
    "/api/v1/test_webhook": {"POST": Route("test_webhook", webhook_endpoints.test_webhook, "key")},
    "/api/v1/fetch-accounts": {"GET": Route("fetch_accounts", accounts.fetch_accounts, "key")},
    "/api/v1/edit-order": {"POST": Route("edit_order", manage.edit_order)},
    "/api/v1/fetch/shippinglabel": {"GET": Route("fetch_label", manage.fetch_label)},
    "/api/v1/shipment-security-key": {"GET": Route("security_key", manage.security_key, "key")},
    "/api/v1/enable_shipment_notification": {"POST": Route("switch_whatsapp", manage.switch_whatsapp, "key")},
    "/v1/pod/pod_from_shipment_details": {"GET": Route("proof_of_delivery", manage.proof_of_delivery, "key")},
    "/api/v1/create-pickup": {"POST": Route("create_pickup", pickups.create_pickup)},
    "/api/v2/create-pickup": {"POST": Route("create_pickup", pickups.create_pickup_world)},
    "/api/v2/tracking/awb-register": {"POST": Route("register_waybill", registrations.register_v2, "own")},
    "/api/v3/tracking/awb-register": {"POST": Route("register_waybill", registrations.register_v3, "key")},
    "/api/v1/tracking/awb-unregister": {"POST": Route("unregister_waybill", registrations.unregister, "own")},
    "/api/v2/tracking/awb-unregister": {"POST": Route("unregister_waybill", registrations.unregister, "own")},
    "/api/v2/ndr-update-api": {"POST": Route("update_ndr", ndr.update_ndr)},
    "/api/v1/ndr_user_feedback": {"GET": Route("ndr_feedback", ndr.ndr_feedback)},
    "/api/v1/fetch-shipment-count": {"GET": Route("shipment_count", dashboard.shipment_count, "key")},
    "/api/v1/reports/enterprise_dashboard_report": {
        "POST": Route("request_report", dashboard.request_report, "key"),
        "GET": Route("report_status", dashboard.report_status, "key"),
    },
    dashboard.FILE_PATH: {"GET": Route("download_report", dashboard.download, "own")},
    "/api/v1/audit-log-data": {"GET": Route("audit_log", audit_log.audit_log, "key")},
    "/api/v1/return_order_poll": {"GET": Route("returns_delta", returns.returns_delta, "own")},
    "/api/v1/recommendation_api": {"POST": Route("recommend", recommendations.recommend, "key")},
    "/api/v2/recommendation": {"POST": Route("recommend", recommendations.recommend_world, "key")},
    "/api/v2/pincode_details": {"GET": Route("pincode_details", serviceability.pincode_details, "key")},
    "/api/v1/serviceability_api": {"POST": Route("serviceability", serviceability.serviceability)},
    "/api/v3/serviceability_api": {"POST": Route("drop_serviceability", serviceability.drop_serviceability)},
    "/api/v1/bulk_serviceability_api": {"GET": Route("bulk_serviceability", serviceability.bulk_serviceability)},
    "/api/v1/serviceable_drop_pincode": {"GET": Route("drop_pincodes", serviceability.drop_pincodes)},
    "/api/v1/pincode_search_overall": {"GET": Route("search_pincode", serviceability.search_pincode)},
    "/api/v2/predicted_sla_api": {"POST": Route("predict_delivery", predictions.predict)},
    "/api/v1/global_edd": {"POST": Route("predict_delivery_world", predictions.predict_world)},
    "/api/v1/user/token": {"POST": Route("login", accounts.login, "own")},
    "/api/v1/register-service": {"POST": Route("register_service", accounts.register_service, "own")},
    download.PATH.rstrip("/"): {"GET": Route("download_label", download.download_label, "own")},
    "/_sandbox/ledger": {"GET": Route("", control.show_ledger)},
    "/_sandbox/faults": {"GET": Route("", control.show_faults), "PUT": Route("", control.put_faults)},
    "/_sandbox/faults/once": {"POST": Route("", control.fault_once)},
    "/_sandbox/advance": {"POST": Route("", control.advance)},
    "/_sandbox/finish": {"POST": Route("", control.finish)},
    "/_sandbox/next": {"POST": Route("", control.record_next)},
    "/_sandbox/state": {"GET": Route("", control.show_state)},
    "/_sandbox/webhook": {"POST": Route("", control.send_webhook)},
    "/_sandbox/redeliver": {"POST": Route("", control.redeliver)},
    "/_sandbox/forget": {"POST": Route("", control.forget)},
    "/_sandbox/courier": {"POST": Route("", control.change_courier)},
    "/_sandbox/reset": {"POST": Route("", control.reset)},
    "/_sandbox/bodies": {"GET": Route("", control.show_bodies)},
    "": {"GET": Route("", control_page.show), "POST": Route("", control_page.act)},
    "/healthz": {"GET": Route("", control.healthz)},
}
"""Path without trailing slash -> method -> endpoint."""


class App:
    """The ASGI callable. It requires this package's server, which puts the connection into the scope."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox
        sandbox.endpoint_names = frozenset(
            endpoint.name for methods in ENDPOINTS.values() for endpoint in methods.values() if endpoint.name
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            raise RuntimeError(f"the sandbox serves HTTP only, not {scope['type']}")
        transport: asyncio.Transport = scope["state"]["connection"].transport
        try:
            response = await self._dispatch(await _read_call(scope, receive))
        except ConnectionCut:
            await _abort(transport, receive)
        except asyncio.CancelledError:
            if not transport.is_closing():
                raise
        else:
            await _send(response, send)

    async def _dispatch(self, call: ApiCall) -> ApiResponse:
        path = download.PATH if call.path.startswith(download.PATH) else call.path
        methods = ENDPOINTS.get(path.rstrip("/"))
        if methods is None:
            return ApiResponse(404, b"<h1>Not Found</h1>", "text/html")
        if call.method not in methods:
            return json_response({"detail": f'Method "{call.method}" not allowed.'}, 405)
        endpoint = methods[call.method]
        try:
            if endpoint.name:
                return await handle_call(self._sandbox, endpoint, call)
            return await endpoint.handler(self._sandbox, call)
        except ValidationError as error:
            return control.validation_error(error)
        except CallRejected as rejected:
            return rejected.response


async def _read_call(scope: Scope, receive: Receive) -> ApiCall:
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            break
    host = next((value for name, value in scope["headers"] if name == b"host"), b"127.0.0.1")
    return ApiCall(
        method=scope["method"],
        path=scope["path"],
        query=dict(parse_qsl(scope["query_string"].decode("latin-1"), keep_blank_values=True)),
        body=body,
        base_url=f"{scope['scheme']}://{host.decode('latin-1')}",
    )


async def _send(response: ApiResponse, send: Send) -> None:
    headers = [
        (b"content-type", response.content_type.encode()),
        (b"content-length", str(len(response.body)).encode()),
        *response.headers,
    ]
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": response.body})


async def _abort(transport: asyncio.Transport, receive: Receive) -> None:
    """Close the connection without a response. Return only after the server noticed it, so that it logs no error."""
    transport.abort()
    while (await receive())["type"] != "http.disconnect":
        pass
