"""The query parameters of GET /v1/shipments and of its exports."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field
from starlette.exceptions import HTTPException

from awbridge.domain.orders.listing import Listing
from awbridge.steps.orders.list_query import LISTS, ListQuery
from awbridge.steps.orders.shipment_columns import COLUMNS, SHOWN, read_columns


class CheckedQuery(ListQuery):
    """The requested list and its filters. At most one of the lists may be requested."""

    def check(self) -> None:
        """Raises HTTPException 400 where more than one list is requested."""
        chosen = [name for name in LISTS if getattr(self, name) not in (None, False)]
        if len(chosen) > 1:
            raise HTTPException(400, f"{' and '.join(chosen)} exclude each other; use one at a time")

    def listing(self, zone: ZoneInfo, now: datetime) -> Listing:
        """The list and its filters. Days are those of the zone. Raises HTTPException 400 as `check`."""
        self.check()
        return super().listing(zone, now)


class ShipmentQuery(CheckedQuery):
    """The requested list, its filters, and the page of it."""

    limit: int = Field(50, ge=1, le=500)
    cursor: str | None = Field(None, description="`next` of the previous page.")


def _known(text: str) -> str:
    read_columns(text)  # raises ValueError for an unknown one
    return text


class ExportQuery(CheckedQuery):
    """The requested list, its filters, and the columns of its file."""

    columns: Annotated[str, AfterValidator(_known)] = Field(
        "", description=f"The columns, separated by commas: {', '.join(COLUMNS)}. By default: {', '.join(SHOWN)}."
    )
