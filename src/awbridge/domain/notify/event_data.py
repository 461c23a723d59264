"""What the `data` of an outgoing event holds. The text under a field says what it means; docs/reference/events.md."""

from __future__ import annotations

from typing import TypedDict

from awbridge.domain.json import JsonObject


class EventData(TypedDict):
    """What all events share: the identifiers of the shipment, never the customer's data."""

    reference_number: str
    """The reference number of the shipment."""
    order_id: str | None
    """The order id of its payload."""
    transporter: str | None
    """Your name of its courier account."""
    courier_partner_id: int
    """ClickPost's id of its courier; 0 while it has none."""
    delivery_type: str
    """`FORWARD`, or `RVP` for a return."""
    waybill: str | None
    """The waybill, once there is one."""
    replaces: str | None
    """The reference number of the shipment that it takes the place of."""
    replaced_by: str | None
    """The reference number of the shipment that takes its place."""
    track_url: str | None
    """The link to the customer's page; null while the page is off."""


class PlacedData(EventData):
    """A shipment that ClickPost holds."""

    label_url: str | None
    """The address of the label, if ClickPost's answer had one."""


class StoppedData(EventData):
    """A shipment that is not tried again by itself."""

    problem: str | None
    """Why, for people."""
    maybe_placed: bool
    """Whether the parcel may travel anyway: then do not send it another way."""


class NotCancelledData(EventData):
    """A shipment whose cancellation failed."""

    cancellation: str
    """`refused`, `gave_up`, or `overtaken`: delivered, lost, or on its way back."""
    problem: str
    """Why, for people."""


class StatusData(TypedDict):
    """A tracking status."""

    code: int
    """ClickPost's [status code](docs/reference/codes.md#tracking-statuses)."""
    name: str
    """Its name."""
    bucket: int
    """Its [bucket](docs/reference/codes.md#buckets)."""
    at: str
    """When the courier scanned it, in ISO 8601."""
    final: bool
    """Whether no other status is expected."""


class MovedData(EventData):
    """A shipment with a new status."""

    status: StatusData
    """The current status."""
    ndr_code: int | None
    """Why the last delivery failed: an [NDR code](docs/reference/codes.md#ndr-reasons)."""
    ndr_name: str
    """The name of that code; empty where there is none."""
    edd: str | None
    """The expected day of delivery, as `2026-11-24`; the courier's own text where that is no date."""


class OverdueData(EventData):
    """A shipment that is late or stuck."""

    edd: str | None
    """The expected day of delivery, as `2026-11-24`; the courier's own text where that is no date."""
    status_code: int | None
    """The code of the current status; null if it has none."""
    status_at: str | None
    """When the courier scanned that status, in ISO 8601."""


class PieceData(TypedDict):
    """One piece of a multi-piece shipment."""

    waybill: str
    """The waybill of the piece."""
    status: StatusData
    """The current status of the piece."""
    ndr_code: int | None
    """Why its last delivery failed: an [NDR code](docs/reference/codes.md#ndr-reasons)."""
    ndr_name: str
    """The name of that code; empty where there is none."""


class PieceMovedData(EventData):
    """A shipment with a piece that has a new status."""

    piece: PieceData
    """The piece."""


class ReturnData(TypedDict):
    """A return or an exchange that a customer requested from ClickPost."""

    name: str
    """ClickPost's name of the event."""
    return_reference_number: str
    """ClickPost's reference number of the return; empty if it names none."""
    return_waybill: str
    """The waybill of the parcel that brings it back, once it is booked; else empty."""
    return_courier_partner_id: int | None
    """ClickPost's id of the courier of that parcel, once it is booked."""
    self_shipped: bool | None
    """Whether the customer sends it; null if unknown."""
    items: list[JsonObject]
    """The returned items: `sku`, `quantity`, `return_reason`, `refund_mode` and more, without comments and pictures."""


# `return` is a keyword of Python.
_Returned = TypedDict("_Returned", {"return": ReturnData})


class ReturnedData(EventData, _Returned):
    """A forward shipment of which a customer returns something. `return` is about that."""


class AnswerData(TypedDict):
    """What a customer answered on the page of a parcel, without what was entered."""

    id: str
    """The id of the answer: `GET /v1/shipments/{reference_number}/answers` has what was entered."""
    kind: str
    """The [kind of answer](docs/reference/codes.md#customers-answers)."""
    state: str
    """The [state](docs/reference/codes.md#states-of-an-answer) of the answer."""
    day: str | None
    """The day that the customer wants for the next attempt."""
    waybill: str | None
    """The waybill of the box that it is about; null for the whole shipment."""


class AnsweredData(EventData):
    """A shipment whose customer answered."""

    answer: AnswerData
    """The answer."""
