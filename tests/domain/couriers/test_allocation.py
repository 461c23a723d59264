"""Rules of allocation: the first match for any parcel; written rules are read back unchanged."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.couriers.allocation import (
    AllocationParcel,
    Rule,
    first_match,
    read_rule,
    read_rules,
    rule_fields,
)
from awbridge.domain.couriers.allocation_mode import Allocation
from awbridge.domain.orders.shipment import Region

PARCEL = AllocationParcel(
    drop_pincode="560001",
    pickup_pincode="400065",
    order_type="COD",
    delivery_type="FORWARD",
    region=Region.INDIA,
    weight=Decimal("450"),
    value=Decimal("1499.50"),
)

pincodes = st.text("0123456789", min_size=1, max_size=6)
numbers = st.decimals(min_value=0, max_value=100_000, places=2)


pairs = st.lists(numbers, min_size=2, max_size=2).map(sorted)
given_or_not = st.booleans()


@st.composite
def _bounds(draw: st.DrawFn, name: str) -> dict[str, Decimal]:
    """The lower bound, the upper one, both or none."""
    lowest, highest = draw(pairs)
    lower = {f"{name}_from": lowest} if draw(given_or_not) else {}
    return {**lower, f"{name}_to": highest} if draw(given_or_not) else lower


some_pincodes = st.lists(pincodes, max_size=3, unique=True).map(tuple)
plain_rules = st.builds(
    Rule,
    name=st.text("abcdef", min_size=1, max_size=8),
    transporter=st.sampled_from(["a", "b", "c"]),
    drop_pincode=some_pincodes,
    pickup_pincode=some_pincodes,
    order_type=st.none() | st.sampled_from(["PREPAID", "COD"]),
    delivery_type=st.none() | st.sampled_from(["FORWARD", "RVP"]),
    region=st.none() | st.sampled_from(["india", "world"]),
)
# Built once: building the strategies at every draw took most of the time of these tests.
rules = st.builds(
    lambda rule, weight, value: replace(rule, **weight, **value), plain_rules, _bounds("weight"), _bounds("value")
)
parcels = st.builds(
    AllocationParcel,
    drop_pincode=pincodes,
    pickup_pincode=pincodes,
    order_type=st.sampled_from(["PREPAID", "COD"]),
    delivery_type=st.sampled_from(["FORWARD", "RVP"]),
    region=st.sampled_from(list(Region)),
    weight=numbers,
    value=numbers,
)


@given(st.lists(rules, max_size=6), parcels, st.sets(st.sampled_from(["a", "b", "c"])))
def test_the_rule_that_takes_a_parcel_is_the_first_usable_one_that_fits(
    own: list[Rule], parcel: AllocationParcel, usable: set[str]
) -> None:
    fitting = [rule for rule in own if rule.matches(parcel) and rule.transporter in usable]
    assert first_match(own, parcel, usable) == (fitting[0] if fitting else None)


@given(rules, parcels)
def test_every_removed_condition_matches_more_parcels(rule: Rule, parcel: AllocationParcel) -> None:
    conditions = {name: () if name.endswith("pincode") else None for name in rule_fields(rule)}
    del conditions["name"], conditions["transporter"]
    for name, nothing in conditions.items():
        assert not rule.matches(parcel) or replace(rule, **{name: nothing}).matches(parcel)
    assert replace(rule, **conditions).matches(parcel)


@given(rules)
def test_a_rule_survives_writing_and_reading(rule: Rule) -> None:
    assert read_rule(rule_fields(rule)) == rule


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        ({"drop_pincode": "56"}, True),
        ({"drop_pincode": "57 560"}, True),
        ({"drop_pincode": ["57"]}, False),
        ({"pickup_pincode": "400"}, True),
        ({"pickup_pincode": "5"}, False),
        ({"order_type": "COD"}, True),
        ({"order_type": "PREPAID"}, False),
        ({"delivery_type": "RVP"}, False),
        ({"region": "world"}, False),
        ({"weight_to": "450"}, True),
        ({"weight_from": 450}, True),
        ({"weight_from": "450.1"}, False),
        ({"weight_to": 449}, False),
        ({"value_from": "1499.5"}, True),
        ({"value_to": "1499.49"}, False),
        ({"value_from": "1000", "value_to": "2000", "drop_pincode": "5", "order_type": "COD"}, True),
        ({}, True),
    ],
)
def test_each_condition(condition: dict[str, Any], fits: bool) -> None:
    assert read_rule({"name": "n", "transporter": "t", **condition}).matches(PARCEL) is fits


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": ""}, "name is required"),
        ({"transporter": None}, "transporter is required"),
        ({"order_type": "cod"}, "order_type must be one of"),
        ({"weight_from": "heavy"}, "weight_from must be a number"),
        ({"weight_from": "-1"}, "weight_from must be a number"),
        ({"value_to": "NaN"}, "value_to must be a number"),
        ({"value_to": True}, "value_to must be text"),
        ({"weight_from": "2", "weight_to": "1"}, "no parcel matches"),
        ({"drop_pincode": "5%"}, "prefixes of pincodes"),
        ({"drop_pincode": [["5"]]}, "drop_pincode must be text"),
        ({"weigth_to": "5"}, "there is no condition weigth_to"),
        ({"name": "a\x00"}, "cannot be stored"),
        ({"transporter": "unknown"}, "'unknown' is not known"),
    ],
)
def test_an_invalid_rule_is_named_by_position_and_field(fields: dict[str, Any], problem: str) -> None:
    good = {"name": "first", "transporter": "t"}
    with pytest.raises(ValueError, match=rf"rule 2: .*{problem}"):
        read_rules([good, {"name": "n", "transporter": "t", **fields}], {"t"})


def test_two_rules_do_not_share_a_name() -> None:
    with pytest.raises(ValueError, match="rule 2: the name 'n' is used twice"):
        read_rules([{"name": "n", "transporter": "t"}] * 2, {"t"})


def test_only_recommendation_modes_call_clickpost() -> None:
    assert {a for a in Allocation if a.by_recommendation} == {"recommendation", "rules-then-recommendation"}
    assert {a for a in Allocation if a.by_rules} == {"rules", "rules-then-recommendation"}
