"""The address of a shipment's page."""

from __future__ import annotations

from urllib.parse import quote


def shipment_url(reference: str) -> str:
    """The page of a shipment. A reference number may contain any character."""
    return f"/shipments/{quote(reference, safe='')}"
