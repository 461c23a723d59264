"""A zip as a response."""

from __future__ import annotations

from starlette.responses import Response


class ZipResponse(Response):
    """A zip."""

    media_type = "application/zip"


def zip_response(content: bytes, name: str) -> ZipResponse:
    """A zip to download as `name`.zip, which no proxy may store."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    headers = {"content-disposition": f'attachment; filename="{safe}.zip"', "cache-control": "no-store"}
    return ZipResponse(content, headers=headers)
