"""Links to the customer's page: a token stands for one shipment, says nothing, and cannot be made without the key."""

from __future__ import annotations

import base64
import random
from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from awbridge.domain.customer_page.links import (
    NO_LINKS,
    SHORT,
    LinkKeys,
    Permutation,
    TrackLinks,
    expires_at,
    link_id,
    shard_of_link,
)

KEY, OTHER = "a key of the tests", "another key of them"
KEYS = LinkKeys([KEY])
REFERENCES = st.text(min_size=1, max_size=60).filter(str.isprintable)
GENERATIONS = st.integers(0, 32767)
TOKENS = st.text("abcdefghijklmnopqrstuvwxyz234567", min_size=16, max_size=16)

VECTORS = [
    ("A-1", 0, -3566883669385780400, "5vd6hvnrhwxyfxlp"),
    ("A-1", 1, -2028067840858716329, "f2vaze2ekvkcjwkj"),
    ("ऑर्डर/7", 0, 6705350294863040157, "csgoaviihqm5j5ct"),
]


@pytest.mark.parametrize(("reference", "generation", "identity", "token"), VECTORS)
def test_links_that_were_sent_stay_as_they_are(reference: str, generation: int, identity: int, token: str) -> None:
    assert link_id(reference, generation) == identity
    assert KEYS.token(reference, generation) == token


@given(REFERENCES, GENERATIONS)
def test_a_token_stands_for_its_shipment_alone(reference: str, generation: int) -> None:
    token = KEYS.token(reference, generation)
    assert KEYS.read(token) == (link_id(reference, generation),)
    assert KEYS.read(token.upper()) == KEYS.read(token)
    assert KEYS.token(reference, generation + 1) != token
    assert 0 <= shard_of_link(link_id(reference, generation)) < 64


@given(TOKENS)
def test_the_permutation_hits_every_token_once(token: str) -> None:
    """Whatever a token is permuted back to, that is permuted to it again: no two values share a token."""
    permuted = int.from_bytes(base64.b32decode(token.upper()))
    key = Permutation(KEY.encode())
    value = key.permute_back(permuted)
    assert 0 <= value < 2**80
    assert key.permute(value) == permuted


def test_half_of_a_tokens_bits_change_with_any_bit_of_the_reference_the_generation_or_the_key() -> None:
    token = _bits(KEYS.token("ORDER-1000"))
    near = [KEYS.token("ORDER-1001"), KEYS.token("ORDER-1000", 1), LinkKeys([KEY + " "]).token("ORDER-1000")]
    near += [KEYS.token(f"ORDER-{n}") for n in range(2000, 2400)]
    changed = [(token ^ _bits(other)).bit_count() for other in near]
    assert all(15 < n < 65 for n in changed)
    assert 38 < sum(changed) / len(changed) < 42


def _bits(token: str) -> int:
    return int.from_bytes(base64.b32decode(token.upper()))


def test_tokens_of_shipments_in_a_row_are_spread_evenly() -> None:
    tokens = [KEYS.token(f"ORDER-{n}") for n in range(4000)]
    assert len(set(tokens)) == len(tokens)
    for place in range(16):
        letters = Counter(token[place] for token in tokens)
        assert len(letters) == 32
        assert max(letters.values()) < 200, "125 are expected"


def test_without_its_key_a_token_opens_nothing() -> None:
    others = LinkKeys([OTHER])
    assert [n for n in range(2000) if others.read(KEYS.token(f"ORDER-{n}"))] == []


def test_every_key_opens_links_and_the_first_one_makes_them() -> None:
    both = LinkKeys([OTHER, KEY])
    assert both.token("A-1") == LinkKeys([OTHER]).token("A-1")
    assert both.read(KEYS.token("A-1")) == both.read(LinkKeys([OTHER]).token("A-1")) == (link_id("A-1"),)


def test_of_many_guesses_hardly_any_is_looked_up() -> None:
    rng = random.Random(19)
    guesses = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz234567", k=16)) for _ in range(20_000)]
    assert sum(bool(KEYS.read(guess)) for guess in guesses) < 5


@pytest.mark.parametrize(
    "text", ["", "5vd6hvnrhwxyfxl", "5vd6hvnrhwxyfxlpp", "5vd6hvnrhwxyfx1p", "5vd6hvnrhwxyfxlp\n", "ſvd6hvnrhwxyfxlp"]
)
def test_what_is_no_token_is_refused(text: str) -> None:
    assert KEYS.read(text) == ()


@pytest.mark.parametrize("keys", [[], ["too short"], [KEY, ""]])
def test_keys_are_long(keys: list[str]) -> None:
    with pytest.raises(ValueError, match="at least 16 characters"):
        LinkKeys(keys)


def test_keys_are_not_shown() -> None:
    assert KEY not in repr(TrackLinks("https://shop.example", KEYS))


T0 = datetime(2026, 11, 2, 6, 30, tzinfo=UTC)
DAY = timedelta(days=1)


@dataclass(frozen=True)
class Parcel:
    reference_number: str = "A-1"
    link_generation: int = 0
    created_at: datetime = T0
    placed_at: datetime | None = None
    status_at: datetime | None = None
    cancel_requested_at: datetime | None = None


SHIPMENT = Parcel()


def test_a_link_has_a_long_and_a_short_form() -> None:
    links = TrackLinks("https://t.shop.in", KEYS)
    assert links.url(SHIPMENT) == "https://t.shop.in/track/5vd6hvnrhwxyfxlp"
    assert links.short_url(SHIPMENT) == "https://t.shop.in/t/5vd6hvnrhwxyfxlp"
    assert links.url(replace(SHIPMENT, link_generation=1)) == "https://t.shop.in/track/f2vaze2ekvkcjwkj"
    assert len(links.short_url(SHIPMENT) or "") <= SHORT


@pytest.mark.parametrize("links", [NO_LINKS, TrackLinks("https://shop.example"), TrackLinks("", KEYS)])
def test_without_address_or_key_there_is_no_link(links: TrackLinks) -> None:
    assert not links.is_on
    assert links.url(SHIPMENT) is links.short_url(SHIPMENT) is None


@pytest.mark.parametrize(
    ("parcel", "last_news"),
    [
        (Parcel(), T0),
        (Parcel(placed_at=T0 + DAY), T0 + DAY),
        (Parcel(placed_at=T0 + DAY, status_at=T0 + 9 * DAY), T0 + 9 * DAY),
        (Parcel(status_at=T0 - 40 * DAY), T0),
        (Parcel(placed_at=T0 + DAY, cancel_requested_at=T0 + 2 * DAY), T0 + 2 * DAY),
    ],
)
def test_a_link_expires_so_long_after_the_latest_news(parcel: Parcel, last_news: datetime) -> None:
    assert expires_at(parcel, 90 * DAY) == last_news + 90 * DAY
