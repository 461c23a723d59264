"""Read the forms of pages. URL-encoded only: no form uploads a file."""

from __future__ import annotations

from urllib.parse import parse_qsl

from starlette.exceptions import HTTPException
from starlette.requests import Request

from awbridge.domain.errors import NotValid

LARGEST_FORM = 512 * 1024  # bytes: a large payload, or a page of long reference numbers


class WrongField(NotValid):
    """What is wrong with a field of a form, as a sentence. `field`: its name."""

    def __init__(self, field: str, problem: str) -> None:
        super().__init__(problem)
        self.field = field


async def read_form(request: Request) -> list[tuple[str, str]]:
    """The fields of a form in their order; a name may occur several times. Raises HTTPException 413 or 422."""
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > LARGEST_FORM:
            raise HTTPException(413, "The form is too large. Choose fewer shipments.")
    try:
        fields = parse_qsl(body.decode(), keep_blank_values=True, errors="strict")
    except ValueError:
        raise HTTPException(422, "The form is not valid UTF-8.") from None
    # Browsers send each line break of a text as CR LF.
    return [(name, value.replace("\r\n", "\n").replace("\x00", "")) for name, value in fields]
