"""The routes that export lists of shipments as files."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Query
from starlette.responses import Response

from awbridge.steps.orders.export import XLSX_TYPE, Export
from awbridge.steps.orders.shipment_columns import read_columns
from awbridge.web.contexts import ApiContext
from awbridge.web.dependencies import ApiDep
from awbridge.web.shipment_export import export_response
from awbridge.web.v1.shipments.lists import ExportQuery
from awbridge.web.v1.strict import v1_router

router = v1_router(tags=["shipments"])

ExportParameters = Annotated[ExportQuery, Query()]
_CSV: dict[int | str, dict[str, Any]] = {200: {"content": {"text/csv": {"schema": {"type": "string"}}}}}
_XLSX: dict[int | str, dict[str, Any]] = {
    200: {"content": {XLSX_TYPE: {"schema": {"type": "string", "format": "binary"}}}}
}


@router.get("/shipments.csv", response_class=Response, responses=_CSV)
async def export_csv(api: ApiDep, wanted: ExportParameters) -> Response:
    """The whole list as CSV, streamed. Lists and filters are those of `GET /v1/shipments`. Times are local to the
    account's zone, with its offset.
    """
    return await _export(api, wanted, "csv")


@router.get("/shipments.xlsx", response_class=Response, responses=_XLSX)
async def export_xlsx(api: ApiDep, wanted: ExportParameters) -> Response:
    """The whole list as a spreadsheet, in which AWBs and pincodes are text. Needs the extra `xlsx`."""
    return await _export(api, wanted, "xlsx")


async def _export(api: ApiContext, wanted: ExportQuery, kind: str) -> Response:
    export = Export(
        listing=wanted.listing(api.zone, api.clock()),
        zone=api.zone,
        columns=read_columns(wanted.columns),
        stuck_after=api.stuck_after,
        links=api.links,
    )
    return await export_response(api.store, api.clock, export, kind, {"cache-control": "no-store"})
