"""What a courier collects: amounts of different currencies are never added up."""

from __future__ import annotations

import pytest

from awbridge.clickpost.orders.handover import hand_over_facts
from awbridge.domain.handover.manifests import cod_total
from awbridge.domain.orders.shipment import StoredPayload
from tests.support.shipments import a_shipment


@pytest.mark.parametrize(
    ("amounts", "total"),
    [
        ([], "0.00"),
        (["", ""], "0.00"),
        (["1499.00", "", "1.50"], "1500.50"),
        (["120.00 AED", "90.00 SAR", "30.50 AED"], "150.50 AED, 90.00 SAR"),
        (["90.00 SAR", "120.00 AED", "10.00"], "10.00, 120.00 AED, 90.00 SAR"),
        (["120.00 AED", "100.00"], "100.00, 120.00 AED"),
        (["all of it", "5.00"], "5.00"),
        (["1.255 KWD", "2.00 KWD"], "3.255 KWD"),
    ],
)
def test_each_currency_has_its_own_sum(amounts: list[str], total: str) -> None:
    assert cod_total(amounts) == total


@pytest.mark.parametrize(
    ("details", "cod"),
    [
        ({"order_type": "COD", "cod_value": 249.5}, "249.50"),
        ({"order_type": "COD", "cod_value": 249.5, "currency_code": "INR"}, "249.50"),
        ({"order_type": "COD", "cod_value": "249.5", "currency_code": "sar"}, "249.50 SAR"),
        ({"order_type": "COD", "cod_value": 10, "cod_currency_code": "AED", "currency_code": "USD"}, "10.00 AED"),
        ({"order_type": "COD", "cod_value": 10, "currency_code": "dirham"}, "10.00"),
        ({"order_type": "COD", "cod_value": "1.255", "currency_code": "KWD"}, "1.255 KWD"),
        ({"order_type": "COD", "cod_value": 1000, "currency_code": "KWD"}, "1000.00 KWD"),
        ({"order_type": "PREPAID", "cod_value": 0, "currency_code": "AED"}, ""),
    ],
)
def test_an_amount_has_its_currency_unless_that_is_the_rupee(details: dict[str, object], cod: str) -> None:
    shipment = a_shipment(stored_payload=StoredPayload.of({"shipment_details": details}))
    assert hand_over_facts(shipment).cod == cod
