from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.customer_page.places import LONGEST_PLACE, shown_place


@pytest.mark.parametrize(
    ("location", "shown"),
    [
        ("Bengaluru", "Bengaluru"),
        ("GURGAON", "Gurgaon"),
        ("Bhiwandi_Mankoli_HB (Maharashtra)", "Bhiwandi Mankoli HB (Maharashtra)"),
        ("Pune 411001", "Pune"),
        ("Hub, ph. +91 98765-43210", "Hub, ph"),
        ("Delhi (9876543210)", "Delhi"),
        ("asha@shop.example Pune", "Pune"),
        ("see https://evil.example/x", "see"),
        ("Sector 62", "Sector 62"),
        ("पुणे ९८७६५४३२१०", "पुणे"),
        ("１２３４５６７ Mumbai", "Mumbai"),
        ("-", ""),
        ("411001", ""),
        ("DXB", "DXB"),
        ("a\x00b\n c", "a b c"),
    ],
)
def test_what_is_shown_of_a_location(location: str, shown: str):
    assert shown_place(location) == shown


@given(text=st.text(max_size=600))
def test_no_long_number_is_left(text: str):
    shown = shown_place(text)
    assert len(shown) <= LONGEST_PLACE
    assert not re.search(r"\d{6}", shown)
    assert "@" not in shown


def test_a_number_that_is_cut_into_groups_is_left_out():
    assert shown_place("Call 98 76 54 32 10 now") == "Call now"
