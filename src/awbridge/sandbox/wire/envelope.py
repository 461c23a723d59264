"""The envelope of a ClickPost response (`meta` and `result`), and the flat form that registrations return."""

from awbridge.sandbox.wire.codes import message_of
from awbridge.sandbox.wire.http import ApiResponse, json_response
from awbridge.sandbox.wire.json import JsonObject


def meta(code: int, message: object = "", *, success: bool | None = None) -> JsonObject:
    """The envelope's `meta` object. ClickPost's messages are text, sometimes objects."""
    succeeded = code in (200, 323, 600) if success is None else success
    return {"status": code, "success": succeeded, "message": message or message_of(code)}


def ok_response(result: object = None, message: str = "SUCCESS") -> ApiResponse:
    """A success response. Omits `result` when there is none."""
    envelope: JsonObject = {"meta": meta(200, message)}
    return json_response(envelope if result is None else envelope | {"result": result})


def error_response(code: int, message: object = "", *, http: int = 200, **fields: object) -> ApiResponse:
    """An error response; `fields` are added beside `meta`."""
    return json_response({"meta": meta(code, message, success=False), **fields}, http)


def flat_response(code: int, message: str = "", **more: str) -> ApiResponse:
    """A response without an envelope, as webhook and service registrations return it."""
    return json_response({"message": message or message_of(code), "status_code": code, "success": code == 200, **more})
