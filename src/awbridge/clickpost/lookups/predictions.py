"""Predicted transit times. Source: ClickPost's API reference of the predicted delivery date."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from awbridge.clickpost.models.base import RequestModel, as_payload
from awbridge.clickpost.wire.endpoints import ApiRequest, Endpoints
from awbridge.clickpost.wire.fields import objects, raw_of
from awbridge.clickpost.wire.lenient_json import Reply, as_int, as_list, as_object, as_text
from awbridge.clickpost.wire.times import read_day
from awbridge.domain.json import JsonObject

_ZONE = ZoneInfo("Asia/Kolkata")  # of ClickPost


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """The transit time of one parcel, in days after pickup; None if ClickPost has no prediction.

    `by_courier`: minimum and maximum days by courier partner id. `pickup_date`: YYYY-MM-DD, ClickPost's own text if it
    is not a date, "" if not given.
    """

    min_days: int | None
    max_days: int | None
    fastest_courier_partner_id: int | None
    pickup_date: str
    by_courier: dict[int, tuple[int, int]]
    raw: JsonObject = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Predictions:
    """One prediction per journey, in the order of ClickPost's answer."""

    items: tuple[Prediction, ...]
    message: str
    raw: JsonObject = field(repr=False)


def prediction_request(
    endpoints: Endpoints, journeys: Sequence[RequestModel | JsonObject], check_drop_pincode: bool
) -> ApiRequest:
    """Within India: each journey has `pickup_pincode`, `drop_pincode` and optionally `optional`.

    Raises ValueError for no journey.
    """
    if not journeys:
        raise ValueError("predict_delivery takes at least one journey")
    params = {**endpoints.login(), "check_drop_pincode_validity": str(check_drop_pincode).lower()}
    bodies = [as_payload(journey) for journey in journeys]
    return endpoints.post("predict-delivery", endpoints.edd_url + "/api/v2/predicted_sla_api/", params, bodies)


def world_prediction_request(endpoints: Endpoints, journey: RequestModel | JsonObject) -> ApiRequest:
    """Across borders: a journey has `pickup_details` and `drop_details`, each with `pincode` and `country`."""
    url = endpoints.edd_url + "/api/v1/global_edd/"
    return endpoints.post("predict-delivery", url, endpoints.login(), as_payload(journey))


def parse_predictions(reply: Reply) -> Predictions:
    """The predictions in an answer of predicted_sla_api or global_edd."""
    items = tuple(_prediction(entry) for entry in objects(reply.result))
    return Predictions(items=items, message=reply.message, raw=raw_of(reply))


def _prediction(entry: JsonObject) -> Prediction:
    return Prediction(
        min_days=as_int(entry.get("predicted_sla_min")),
        max_days=as_int(entry.get("predicted_sla_max")),
        fastest_courier_partner_id=as_int(entry.get("min_sla_cp_id")),
        pickup_date=_pickup_date(as_text(entry.get("pickup_date"))),
        by_courier=_by_courier(as_object(entry.get("all_map"))),
        raw=entry,
    )


def _pickup_date(text: str) -> str:
    day = read_day(text, zone=_ZONE)
    return day.isoformat() if day else text


def _by_courier(spans: JsonObject) -> dict[int, tuple[int, int]]:
    found: dict[int, tuple[int, int]] = {}
    for name, span in spans.items():
        courier, days = as_int(name), [day for part in as_list(span) if (day := as_int(part)) is not None]
        if courier is not None and days:
            found[courier] = (min(days), max(days))
    return found
