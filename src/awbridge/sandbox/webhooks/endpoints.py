"""The webhook endpoints: register an address, change it, send a test webhook."""

from awbridge.sandbox.requests import auth_problem
from awbridge.sandbox.simulator import Sandbox
from awbridge.sandbox.webhooks.sender import is_loopback
from awbridge.sandbox.wire.envelope import flat, meta
from awbridge.sandbox.wire.http import Answer, Call, reply
from awbridge.sandbox.wire.json import as_object, as_text


async def register_webhook(sandbox: Sandbox, call: Call) -> Answer:
    """POST registers, PUT changes the address. The answer is flat: message, status_code, success, webhook_key."""
    try:
        given = as_object(call.json()) or {}
    except ValueError:
        return flat(400, "The body is not a JSON object")
    url = as_text(given.get("webhook_url"))
    if as_text(given.get("key")) != sandbox.config.key:
        return flat(301)
    if not sandbox.config.entitled_to_webhooks:
        return flat(306)
    if not as_text(given.get("service_id")).isdecimal() or not url:
        return flat(400, "service_id and webhook_url are required")
    if not is_loopback(url):
        return flat(400, "The sandbox calls loopback addresses only, such as http://127.0.0.1:8000/")
    if call.method == "POST" and sandbox.delivery.url:
        return flat(305, "A webhook is already registered, change it with PUT")
    if call.method == "PUT" and not sandbox.delivery.url:
        return flat(327, "No webhook is registered, register it with POST")
    sandbox.delivery.url = url
    return flat(200, "Webhook registered", webhook_key=sandbox.delivery.key)


async def test_webhook(sandbox: Sandbox, call: Call) -> Answer:
    """POST test_webhook: sends `test_data` to `test_url` now."""
    if problem := auth_problem(sandbox, call, key_alone=True):
        return problem
    try:
        given = as_object(call.json()) or {}
    except ValueError:
        given = {}
    url = as_text(given.get("test_url"))
    if not is_loopback(url) or as_object(given.get("test_data")) is None:
        return reply({"meta": meta(400, "test_url (loopback) and test_data are required")})
    status = await sandbox.delivery.post(url, given["test_data"])
    if status == 200:
        return reply({"meta": meta(200, "SUCCESS"), "result": {"status_code": status}})
    return reply({"meta": meta(400, "The URL did not answer 200"), "result": {"status_code": status}})
