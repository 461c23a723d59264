"""The envelope of a ClickPost response: `meta` and `result`, and the flat form of the older endpoints."""

from awbridge.sandbox.wire.codes import message_of
from awbridge.sandbox.wire.http import Answer, reply
from awbridge.sandbox.wire.json import JsonObject


def meta(code: int, message: str = "", *, success: bool | None = None) -> JsonObject:
    """The envelope's head."""
    good = code in (200, 323, 600) if success is None else success
    return {"status": code, "success": good, "message": message or message_of(code)}


def done(result: object = None, message: str = "SUCCESS") -> Answer:
    """A good answer; without a result there is no such field."""
    head: JsonObject = {"meta": meta(200, message)}
    return reply(head if result is None else head | {"result": result})


def refused(code: int, message: object = "", *, http: int = 200) -> Answer:
    """A refusal. ClickPost's messages are text, at times objects."""
    head = meta(code, success=False)
    return reply({"meta": head | {"message": message} if message else head}, http)


def flat(code: int, message: str = "", **more: str) -> Answer:
    """An answer without an envelope, as the registrations of webhooks and services give it."""
    return reply({"message": message or message_of(code), "status_code": code, "success": code == 200, **more})
