"""The sample orders of the examples, and the merchant who sends them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from examples.orders.parcels import Merchant

ORDERS = Path(__file__).parents[2] / "examples/orders"
SAMPLES = ORDERS / "samples"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / name).read_text("utf-8"))


@pytest.fixture
def merchant() -> Merchant:
    return Merchant.read(ORDERS / "merchant.toml")
