"""The webhook endpoints: register or change the address, send a test webhook."""

from awbridge.sandbox.requests import keyed_body, read_object
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.sender import is_loopback
from awbridge.sandbox.wire.envelope import error_response, flat_response, ok_response
from awbridge.sandbox.wire.http import ApiCall, ApiResponse
from awbridge.sandbox.wire.json import as_object, as_text


async def register_webhook(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST registers the address, PUT changes it. The response is flat: message, status_code, success, webhook_key."""
    body = keyed_body(sandbox, call, flat_response)
    url = as_text(body.get("webhook_url"))
    if not sandbox.config.entitled_to_webhooks:
        return flat_response(306)
    if not as_text(body.get("service_id")).isdecimal() or not url:
        return flat_response(400, "service_id and webhook_url are required")
    if not is_loopback(url):
        return flat_response(400, "The sandbox calls loopback addresses only, such as http://127.0.0.1:8000/")
    if call.method == "POST" and sandbox.webhooks.url:
        return flat_response(305, "A webhook is already registered, change it with PUT")
    if call.method == "PUT" and not sandbox.webhooks.url:
        return flat_response(327, "No webhook is registered, register it with POST")
    sandbox.webhooks.url = url
    return flat_response(200, "Webhook registered", webhook_key=sandbox.webhooks.key)


async def test_webhook(sandbox: Sandbox, call: ApiCall) -> ApiResponse:
    """POST test_webhook: send `test_data` to `test_url` now."""
    body = read_object(call) or {}
    url = as_text(body.get("test_url"))
    if not is_loopback(url) or as_object(body.get("test_data")) is None:
        return error_response(400, "test_url (loopback) and test_data are required")
    status = await sandbox.webhooks.post(url, body["test_data"])
    if status == 200:
        return ok_response({"status_code": status})
    return error_response(400, "The URL did not return HTTP 200", result={"status_code": status})
