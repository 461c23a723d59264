"""A payload that is read when it is first asked for."""

from __future__ import annotations

from typing import Any

from awbridge.domain.orders.shipment import StoredPayload


def test_a_payload_is_read_once_and_not_before_it_is_asked_for() -> None:
    read = list[str]()

    def reading(stored: str) -> dict[str, Any]:
        read.append(stored)
        return {"weight": 500}

    payload = StoredPayload(reading, "as stored")
    assert read == []
    assert payload.value == {"weight": 500}
    assert payload.value is payload.value
    assert read == ["as stored"]


def test_payloads_are_equal_if_they_say_the_same() -> None:
    assert StoredPayload.of({"weight": 500}) == StoredPayload(lambda _: {"weight": 500}, "")
    assert StoredPayload.of({"weight": 500}) != StoredPayload.of({"weight": 501})
    assert StoredPayload.of({}) != {}
