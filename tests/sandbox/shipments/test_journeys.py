"""Journeys, clock and stamps as pure code; and the sandbox's independence."""

import ast
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest
from pydantic import ValidationError

import awbridge.sandbox
from awbridge.sandbox import JourneyWeights, SandboxConfig
from awbridge.sandbox.clock import Clock
from awbridge.sandbox.shipments.journeys import JourneyStep, plan_journey
from awbridge.sandbox.wire import timestamps as stamping
from awbridge.sandbox.wire.codes import FINAL_CODES, bucket_of

NONE = dict.fromkeys(JourneyWeights.model_fields, 0)


def journey(reference: str, config: SandboxConfig | None = None, *, rvp: bool = False, exchange: bool = False):
    return plan_journey(config=config or SandboxConfig(), reference=reference, is_rvp=rvp, is_exchange=exchange)


def codes(steps: tuple[JourneyStep, ...]) -> list[int]:
    return [step.code for step in steps]


def test_a_journey_depends_on_seed_and_reference_only() -> None:
    assert journey("A") == journey("A")
    assert journey("A") != journey("B")
    assert journey("A") != journey("A", SandboxConfig(seed=2))


def test_every_journey_begins_with_placing_ends_final_and_grows_in_time() -> None:
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
def test_weights_choose_the_journey(name: str, last: int, within: set[int]) -> None:
    config = SandboxConfig(weights=JourneyWeights(**(NONE | {name: 1})))
    steps = codes(journey("J-1", config))
    assert steps[-1] == last
    assert within <= set(steps)


def test_returns_and_exchanges_have_journeys_of_their_own() -> None:
    assert codes(journey("J-1", rvp=True))[-1] == 8
    assert codes(journey("J-1", exchange=True))[-3:] == [30, 31, 32]


def test_all_kinds_undocumented_codes_and_wrong_buckets_occur() -> None:
    journeys = [journey(f"J-{number}") for number in range(400)]
    ends = Counter(steps[-1].code for steps in journeys)
    assert set(ends) == {8, 10, 14, 16, 17, 23}
    every = [step for steps in journeys for step in steps]
    assert {43, 1005, 1004} <= {step.code for step in every}
    assert any(step.bucket != bucket_of(step.code) for step in every)


def test_the_couriers_clock_runs_faster_but_never_beyond_the_present() -> None:
    now = 1_000_000.0
    clock = Clock(speed=100, backdate_seconds=1000, now=lambda: now)
    assert clock.courier() == 999_000
    now += 5
    assert clock.courier() == 999_500
    clock.advance(300)
    assert clock.courier() == 999_800
    clock.advance(10**9)
    assert clock.courier() == clock.real() == now
    now += 1
    assert clock.courier() == now
    clock.restart()
    assert clock.courier() == now - 1000


def test_every_form_of_a_time_names_the_same_second() -> None:
    at = 1_667_226_376
    assert stamping.spaced(at) == "2022-10-31 19:56:16"
    assert stamping.with_t(at) == "2022-10-31T19:56:16.000"
    assert stamping.false_z(at) == "2022-10-31T19:56:16Z"
    assert stamping.false_z_micros(at) == "2022-10-31T19:56:16.000000Z"
    assert stamping.stray_spaces(at) == "2022-10-31T19: 56: 16Z"
    assert stamping.utc_naive(at) == "2022-10-31 14:26:16"
    assert stamping.utc_z(at + 0.5) == "2022-10-31T14:26:16.500000Z"
    assert stamping.iso_utc(at) == "2022-10-31T14:26:16+00:00"


def test_a_config_without_possible_journeys_or_bodies_is_refused() -> None:
    with pytest.raises(ValidationError, match="above 0"):
        JourneyWeights(**NONE)
    with pytest.raises(ValidationError, match="above 0"):
        SandboxConfig(webhook_variants={"all_statuses": 0})


def test_every_setting_is_described() -> None:
    for model in (SandboxConfig, awbridge.sandbox.Faults, JourneyWeights, awbridge.sandbox.SimulatedAccount):
        assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_the_sandbox_imports_nothing_of_the_bridge() -> None:
    files = list(Path(awbridge.sandbox.__file__).parent.rglob("*.py"))
    assert len(files) > 10
    for file in files:
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            names = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            names += [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            for name in names:
                assert not name.startswith("awbridge") or name.startswith("awbridge.sandbox"), (file.name, name)


def test_the_public_names() -> None:
    assert set(awbridge.sandbox.__all__) == {
        "SimulatedAccount",
        "DowntimeWindow",
        "Faults",
        "JourneyWeights",
        "Sandbox",
        "SandboxConfig",
        "running",
        "serve",
    }
