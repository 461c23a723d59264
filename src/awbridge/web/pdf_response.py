"""A PDF as a response."""

from __future__ import annotations

from starlette.responses import Response


class PdfResponse(Response):
    """A PDF."""

    media_type = "application/pdf"


def pdf_response(content: bytes, name: str) -> PdfResponse:
    """A PDF to download as `name`.pdf, which no proxy may store and no browser may take for something else."""
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "_" for c in name)
    headers = {
        "content-disposition": f'attachment; filename="{safe}.pdf"',
        "cache-control": "no-store",
        "x-content-type-options": "nosniff",
        "content-security-policy": "default-src 'none'; sandbox",
    }
    return PdfResponse(content, headers=headers)
