"""One parcel in each state that a customer may find it in, as of today: what the browser's tests and pictures show."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from awbridge.store import Store
from tests.support.customer_page import HOUR, KEYS, At, add_parcel, payload, return_payload
from tests.support.rows import T0

KEY = "a key of the tests' own"
HUBS = ("Mumbai_Kurla_PC", "Pune_Chakan_GW", "Bengaluru_Hoskote_GW", "Bengaluru_Indiranagar_D")
_WAY = (4, 1005, 1006, 5)
assert KEYS.token("x")


class States:
    """Adds parcels to a store, with scans of the last days."""

    def __init__(self, store: Store, now: datetime | None = None) -> None:
        self._store = store
        self._now = now or datetime.now(UTC)
        self.tokens: dict[str, str] = {}

    def _hours(self, ago: float) -> float:
        return (self._now - T0) / HOUR - ago

    def scans(self, *codes: int, first: float = 70, last: float = 1, **changes: Any) -> list[At]:
        """These scans, evenly over the hours from `first` until `last` ago, from hub to hub. A single one: the last."""
        first = first if len(codes) > 1 else last
        gap = (first - last) / max(len(codes) - 1, 1)
        return [
            At(code, self._hours(first - nth * gap), HUBS[min(nth, len(HUBS) - 1)], **changes)
            for nth, code in enumerate(codes)
        ]

    async def add(
        self, name: str, *seen: At, edd: int | None = 2, first_edd: int | None = None, **changes: Any
    ) -> None:
        """A parcel under this name. `edd`: days from now; `first_edd`: the day that was expected at first."""
        days = [(day, ago) for day, ago in ((first_edd, 60), (edd, 20)) if day is not None]
        edds = [((self._now + timedelta(days=day)).date().isoformat(), self._hours(ago)) for day, ago in days]
        given: dict[str, Any] = {
            "order_id": f"ORDER-{name}",
            "created_at": self._now - timedelta(days=4),
            "edds": edds,
            **changes,
        }
        self.tokens[name] = await add_parcel(self._store, f"REF-{name}", *seen, **given)

    async def ends(self) -> None:
        """Parcels that something happened to, and one with a status that nobody knows."""
        for code in (3, 7, 10, 11, 14, 16, 17, 18, 20, 32, 7777):
            await self.add(f"code-{code}", *self.scans(*_WAY, last=5), *self.scans(code))

    async def journeys(self) -> None:
        """Journeys of several facts."""
        await self.add("ordered", placed=False)
        await self.add("on its way", *self.scans(*_WAY), edd=1, first_edd=0)
        await self.add("late", *self.scans(*_WAY), edd=-1)
        await self.add("quiet", *self.scans(*_WAY, first=90 + 240, last=240), edd=None)
        await self.add("out for delivery", *self.scans(*_WAY, 6), edd=0)
        open_ndr: dict[str, Any] = {"columns": {"ndr_at": self._now - HOUR, "ndr_code": 1}}
        await self.add("failed", *self.scans(*_WAY, 6, last=3), *self.scans(9, ndr=1), edd=0, **open_ndr)
        await self.add("delivered", *self.scans(*_WAY, 6, 8), edd=0)
        await self.add("going back", *self.scans(*_WAY, 6, 9, 12, 21))
        boxes = [At(4, self._hours(40), "Pune", waybill="BOX-1"), At(8, self._hours(2), "Bengaluru", waybill="BOX-1")]
        await self.add("boxes", *boxes, At(5, self._hours(9), "Hubballi", waybill="BOX-2"), children=("BOX-1", "BOX-2"))
        for number in range(3):
            await self.add(f"of three {number}", *self.scans(*_WAY[: number + 1]), order_id="ORDER-THREE")
        back: dict[str, Any] = {"delivery_type": "RVP", "payload": return_payload()}
        await self.add("return asked", *self.scans(25), edd=None, **back)
        await self.add("return", *self.scans(4, 5, 6, 8), edd=None, **back)
        hindi: dict[str, Any] = {"payload": payload(name="आशा राव", city="बेंगलुरु", language="hi")}
        await self.add("in Hindi", *self.scans(*_WAY, 6), edd=0, **hindi)
