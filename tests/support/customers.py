"""Customers of made-up orders, for benchmarks and tests: no two are alike."""

from __future__ import annotations

import random
from collections.abc import Callable

from awbridge.domain.json import JsonObject

FIRST = (
    "Aarav",
    "Diya",
    "Ishaan",
    "Kavya",
    "Mohammed",
    "Neha",
    "Prakash",
    "Riya",
    "Sandeep",
    "Tanvi",
    "Vikram",
    "Zoya",
)
LAST = ("Sharma", "Iyer", "Khan", "Patel", "Reddy", "Das", "Fernandes", "Singh", "Nair", "Kulkarni", "Bose", "Menon")
STREETS = ("MG Road", "Station Road", "Nehru Nagar", "Link Road", "Civil Lines", "Temple Street", "Ring Road", "Market")


def customer(dice: random.Random, address: Callable[[random.Random], str]) -> JsonObject:
    """The fields of `drop_info` that name a customer and say where they live. `address` makes the first line."""
    first, last = dice.choice(FIRST), dice.choice(LAST)
    return {
        "drop_name": f"{first} {last}",
        "drop_phone": f"{dice.choice('6789')}{dice.randrange(10**9):09d}",
        "drop_address": address(dice),
        "drop_landmark": f"near {dice.choice(STREETS)}",
        "drop_email": f"{first}.{last}{dice.randrange(1000)}@example.com".lower(),
    }
