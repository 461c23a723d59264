"""Journeys are drawn from the seed."""

from collections import Counter
from itertools import pairwise

import pytest

from awbridge.sandbox import SandboxConfig
from awbridge.sandbox.shipments.journeys import JourneyStep, plan_journey
from awbridge.sandbox.wire.codes import FINAL_CODES, bucket_of
from tests.sandbox.helpers import only


def journey(reference: str, config: SandboxConfig | None = None, *, rvp: bool = False, exchange: bool = False):
    return plan_journey(config=config or SandboxConfig(), reference=reference, is_rvp=rvp, is_exchange=exchange)


def codes(steps: tuple[JourneyStep, ...]) -> list[int]:
    return [step.code for step in steps]


def test_a_journey_depends_only_on_seed_and_reference() -> None:
    assert journey("A") == journey("A")
    assert journey("A") != journey("B")
    assert journey("A") != journey("A", SandboxConfig(seed=2))


def test_every_journey_starts_placed_ends_final_and_has_increasing_times() -> None:
    for number in range(300):
        steps = journey(f"J-{number}", SandboxConfig(gap_scale=0.00001))
        assert steps[0].code == 1
        assert steps[-1].code in FINAL_CODES
        assert all(code not in FINAL_CODES for code in codes(steps)[:-1])
        assert steps[0].offset == 0
        assert all(b.offset - a.offset >= 1 for a, b in pairwise(steps))
        assert all((step.ndr_code is not None) == (step.code == 9) for step in steps)
        assert all((step.npr_code is not None) == (step.code == 3) for step in steps)


@pytest.mark.parametrize(
    ("name", "last", "within"),
    [
        ("delivered", 8, {6}),
        ("ndr_delivered", 8, {9}),
        ("rto", 14, {9, 11, 12, 21, 13}),
        ("cancelled", 10, {2, 3}),
        ("lost", 16, {18}),
        ("damaged", 17, {20}),
        ("expired", 23, {2}),
    ],
)
def test_weights_select_the_journey(name: str, last: int, within: set[int]) -> None:
    config = SandboxConfig(weights=only(name))
    steps = codes(journey("J-1", config))
    assert steps[-1] == last
    assert within <= set(steps)


def test_returns_and_exchanges_have_their_own_journeys() -> None:
    assert codes(journey("J-1", rvp=True))[-1] == 8
    assert codes(journey("J-1", exchange=True))[-3:] == [30, 31, 32]


def test_all_journeys_undocumented_codes_and_wrong_buckets_occur() -> None:
    journeys = [journey(f"J-{number}") for number in range(400)]
    ends = Counter(steps[-1].code for steps in journeys)
    assert set(ends) == {8, 10, 14, 16, 17, 23}
    every = [step for steps in journeys for step in steps]
    assert {43, 1005, 1004} <= {step.code for step in every}
    assert any(step.bucket != bucket_of(step.code) for step in every)
