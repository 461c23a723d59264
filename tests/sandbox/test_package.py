"""The sandbox's public names, settings, clock and independence of the bridge."""

import ast
from pathlib import Path

import pytest
from pydantic import ValidationError

import awbridge.sandbox
from awbridge.sandbox import JourneyWeights, SandboxConfig
from awbridge.sandbox.clock import Clock

NONE = dict.fromkeys(JourneyWeights.model_fields, 0)


def test_a_config_without_possible_journeys_or_variants_is_rejected() -> None:
    with pytest.raises(ValidationError, match="above 0"):
        JourneyWeights(**NONE)
    with pytest.raises(ValidationError, match="above 0"):
        SandboxConfig(webhook_variants={"all_statuses": 0})


def test_every_setting_has_a_description() -> None:
    for model in (SandboxConfig, awbridge.sandbox.Faults, JourneyWeights, awbridge.sandbox.SimulatedAccount):
        assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_the_sandbox_imports_no_code_of_the_bridge() -> None:
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


def test_courier_time_runs_faster_but_never_passes_real_time() -> None:
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
