"""A list of shipments as a download: CSV or a spreadsheet, streamed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path

import anyio.to_thread
from starlette.background import BackgroundTask
from starlette.responses import FileResponse, Response, StreamingResponse

from awbridge.steps.orders.export import CSV_TYPE, XLSX_TYPE, Export, csv_lines, xlsx_file
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store

FORMATS = ("csv", "xlsx")


async def export_response(
    store: Store, clock: Clock, wanted: Export, kind: str, headers: Mapping[str, str] | None = None
) -> Response:
    """The shipments as a file of a `kind` of FORMATS. Raises NotPossible for a spreadsheet that cannot be made."""
    name = file_name(clock().astimezone(wanted.zone), kind)
    if kind == "csv":
        given = {**(headers or {}), "content-disposition": f'attachment; filename="{name}"'}
        return StreamingResponse(csv_lines(store, clock, wanted), media_type=CSV_TYPE, headers=given)
    path = await xlsx_file(store, clock, wanted)
    return FileResponse(
        path, media_type=XLSX_TYPE, filename=name, headers=dict(headers or {}), background=BackgroundTask(_remove, path)
    )


def file_name(at: datetime, kind: str) -> str:
    """The name of a file that is made at a local time."""
    return f"shipments-{at:%Y-%m-%d-%H%M}.{kind}"


async def _remove(path: Path) -> None:
    await anyio.to_thread.run_sync(lambda: path.unlink(missing_ok=True))
