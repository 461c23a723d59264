from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.customer_page.brand import (
    DARK_PAPER,
    LIGHT_PAPER,
    READABLE,
    colour_rules,
    contrast,
    read_colour,
    readable_on,
    text_on,
)

COLOURS = st.integers(0, 0xFFFFFF).map(lambda number: f"#{number:06x}")


def test_contrast_is_that_of_wcag():
    assert round(contrast("#000000", "#ffffff"), 2) == 21
    assert round(contrast("#777777", "#ffffff"), 2) == 4.48


@given(colour=COLOURS)
def test_text_on_any_colour_reads(colour: str):
    assert contrast(text_on(colour), colour) >= READABLE


@given(colour=COLOURS, paper=st.sampled_from([LIGHT_PAPER, DARK_PAPER, "#ffffff"]))
def test_text_in_any_colour_reads(colour: str, paper: str):
    assert contrast(readable_on(colour, paper), paper) >= READABLE


def test_a_readable_colour_stays():
    assert readable_on("#1f4fbf", LIGHT_PAPER) == "#1f4fbf"


def test_yellow_gets_black_text():
    assert "--brand:#ffe000;--on-brand:#000000" in colour_rules("#ffe000")


@pytest.mark.parametrize("text", ["red", "#fff", "#12345g", "1f4fbf", "#1f4fbf;}", "#1f4fbf\n#", ""])
def test_another_form_of_a_colour_is_refused_in_words(text: str):
    with pytest.raises(ValueError, match="write a colour as #rrggbb"):
        read_colour(text)


def test_a_colour_is_kept_in_lower_case():
    assert read_colour(" #1F4FBF ") == "#1f4fbf"
