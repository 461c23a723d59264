"""The page that imports a file of orders: checked alone, or stored, with a line for each row that is refused."""

from __future__ import annotations

import asyncio
import tempfile
from itertools import islice
from pathlib import Path

from starlette.requests import Request
from starlette.responses import Response

from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.errors import NotPossible, TableUnreadable
from awbridge.steps.orders.importing.import_file import ENDINGS, BadRow, Imported, OrderFile, import_orders, read_orders
from awbridge.steps.orders.importing.order_rows import ReadOrder
from awbridge.steps.runtime.clock import Clock
from awbridge.store import Store
from awbridge.web.pages.language import gettext
from awbridge.web.pages.page_route import PageRoute
from awbridge.web.pages.page_templates import PageTemplates
from awbridge.web.pages.upload import Upload, read_upload

LARGEST_FILE = 10 * 2**20  # bytes
MOST_ORDERS = 5000  # of a file: some seconds. `awbridge shipments import` takes any number
MOST_SHOWN = 500  # refused rows, and warnings


class ImportPages:
    """The form and its result, on one store."""

    def __init__(self, store: Store, clock: Clock, templates: PageTemplates, allocation: Allocation) -> None:
        self._store = store
        self._clock = clock
        self._templates = templates
        self._allocation = allocation

    def routes(self) -> list[PageRoute]:
        """The routes of the page."""
        return [
            PageRoute("/shipments/import", self.show),
            PageRoute("/shipments/import", self.take, method="POST"),
        ]

    async def show(self, _request: Request) -> Response:
        """The form."""
        return self._page()

    async def take(self, request: Request) -> Response:
        """Check a file, or import its valid orders; what became of its rows."""
        async with read_upload(request, largest=LARGEST_FILE) as upload:
            only_check = upload.fields.get("do") != "import"
            try:
                if not upload.file:
                    raise NotPossible(gettext("Choose a file."))
                file, orders = await _read(upload)
            except (NotPossible, TableUnreadable) as error:
                return self._page(problem=str(error), status=422)
        done = await import_orders(
            store=self._store, clock=self._clock, orders=orders, allocation=self._allocation, only_check=only_check
        )
        return self._page(name=upload.name, file=file, done=done, only_check=only_check)

    def _page(
        self,
        *,
        status: int = 200,
        problem: str = "",
        name: str = "",
        file: OrderFile | None = None,
        done: Imported | None = None,
        only_check: bool = False,
    ) -> Response:
        return self._templates.page(
            "orders/import",
            status=status,
            problem=problem,
            name=name,
            file=file,
            done=done,
            bad_lines=len({(row.sheet, row.line) for row in done.bad}) if done else 0,
            only_check=only_check,
            endings=",".join(ENDINGS),
            largest=LARGEST_FILE // 2**20,
            most_orders=MOST_ORDERS,
            most=MOST_SHOWN,
        )


async def _read(upload: Upload) -> tuple[OrderFile, list[ReadOrder | BadRow]]:
    """The orders of an upload. Raises TableUnreadable, also for a file with more than MOST_ORDERS."""
    with tempfile.TemporaryDirectory(prefix="awbridge-import-") as folder:
        path = Path(folder) / "orders"
        with path.open("xb") as copy:
            async for part in upload.parts():
                copy.write(part)
        return await asyncio.to_thread(_orders, path, upload.name)


def _orders(path: Path, name: str) -> tuple[OrderFile, list[ReadOrder | BadRow]]:
    file = read_orders(path, name)
    orders = list(islice(file, MOST_ORDERS + 1))
    if max(file.total, len(orders)) > MOST_ORDERS:
        text = gettext("%(name)s holds more than %(most)s orders. Split it, or use `awbridge shipments import`.")
        raise TableUnreadable(text % {"name": name, "most": MOST_ORDERS})
    return file, orders
