"""Every example order, our own and the vendor's, is read as its model and written unchanged."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from awbridge.clickpost.models.orders.flat import B2BOrder, FlatOrder
from awbridge.clickpost.models.orders.india import IndiaOrder
from awbridge.clickpost.models.orders.order_base import Order
from awbridge.clickpost.models.orders.world import WorldOrder
from awbridge.clickpost.orders.order_places import is_flat
from awbridge.clickpost.orders.payload import check_payload
from awbridge.domain.orders.shipment import Region
from tests.support import vendor_files

FOLDER = Path(__file__).parents[1] / "fixtures" / "orders"
OWN = {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in sorted(FOLDER.glob("*.json"))}
KINDS: dict[str, type[Order]] = {"india": IndiaOrder, "world": WorldOrder, "flat": FlatOrder}
PATHS = {"/api/v3/create-order/": Region.INDIA, "/api/v4/create-order/": Region.WORLD}


def rebuild(kind: type[Order], order: dict[str, Any]) -> None:
    model = kind.model_validate(order)
    assert model.payload() == order
    assert json.loads(json.dumps(model.payload())) == order
    assert kind.model_validate(model.payload()) == model


@pytest.mark.parametrize("name", OWN)
def test_our_own_orders_come_out_as_they_went_in(name: str) -> None:
    kind = KINDS[name.split("_")[0]]
    rebuild(kind, OWN[name])
    assert check_payload(OWN[name], Region.WORLD if kind is WorldOrder else Region.INDIA) == []


def test_a_b2b_order_is_sent_unchanged() -> None:
    rebuild(B2BOrder, OWN["flat_b2b"])


def test_our_own_orders_cover_every_form() -> None:
    assert {name.split("_")[0] for name in OWN} == set(KINDS)
    assert all(is_flat(order) is name.startswith("flat") for name, order in OWN.items())


@vendor_files.needed
def test_the_vendors_orders_come_out_as_they_went_in() -> None:
    orders = [e for e in vendor_files.request_examples() if e.operation.path in PATHS and e.operation.method == "POST"]
    assert [str(example) for example in orders if not example.valid] == []
    assert len(orders) >= len(PATHS)
    for example in orders:
        region = PATHS[example.operation.path]
        kind = WorldOrder if region is Region.WORLD else FlatOrder if is_flat(example.body) else IndiaOrder
        rebuild(kind, example.body)
        assert check_payload(example.body, region) == [], str(example)
