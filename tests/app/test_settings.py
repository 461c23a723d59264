"""Settings: defaults that work, mistakes that are named, secrets that stay secret."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr, ValidationError

from awbridge.app import policies
from awbridge.app.load_settings import load_settings
from awbridge.app.setting_types import RENAMED
from awbridge.app.settings import PREFIX, Settings
from awbridge.domain.errors import SettingsError
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings in the environment, and an empty working directory."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def secrets(values: Iterable[SecretStr]) -> list[str]:
    return [v.get_secret_value() for v in values]


def test_without_any_setting_the_defaults_apply() -> None:
    found = load_settings()
    assert found.database_url == "sqlite:///awbridge.db"
    assert found.clickpost_url == "https://www.clickpost.in"
    assert found.clickpost_tracking_url == "https://api.clickpost.in"
    assert found.retry_delays == DEFAULT_RETRY_DELAYS
    assert found.zone == ZoneInfo("Asia/Kolkata")
    assert (found.webhook_keys, found.api_keys, found.host) == ((), (), "127.0.0.1")


def test_lists_are_written_with_commas(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_WEBHOOK_KEYS", " old, new ,,")
    monkeypatch.setenv("AWBRIDGE_API_KEYS", "one")
    monkeypatch.setenv("AWBRIDGE_RETRY_DELAYS", "1, 2.5,3")
    found = load_settings()
    assert secrets(found.webhook_keys) == ["old", "new"]
    assert secrets(found.api_keys) == ["one"]
    assert found.retry_delays == (1.0, 2.5, 3.0)


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("RETRY_DELAYS", "60,300", "at least 3"),
        ("RETRY_DELAYS", "", "at least 3"),
        ("RETRY_DELAYS", "60,300,0", "above 0"),
        ("RETRY_DELAYS", "60,300,-1", "above 0"),
        ("RETRY_DELAYS", "60,300,nan", "above 0"),
        ("RETRY_DELAYS", "60,300,inf", "above 0"),
        ("RETRY_DELAYS", "60,300,soon", "number"),
        ("TIME_ZONE", "Asia/Bombay2", "Asia/Kolkata"),
        ("TIME_ZONE", "../etc/passwd", "Asia/Kolkata"),
        ("TIME_ZONE", "", "Asia/Kolkata"),
        ("PORT", "70000", "65535"),
        ("PORT", "http", "integer"),
        ("CATCH_UP_WINDOW_SECONDS", "1801", "1800"),
        ("LOG_FORMAT", "xml", "text"),
        ("PUSH_BATCH", "0", "1"),
        ("TRACK_ORIGINS", "http://shop.example", "https"),
        ("TRACK_ORIGINS", "https://*.shop.example", "https://shop.example"),
    ],
)
def test_a_wrong_value_is_named_with_its_variable(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, problem: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError, match=PREFIX + name) as error:
        load_settings()
    assert problem in str(error.value)


def test_all_wrong_values_are_named_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_PORT", "x")
    monkeypatch.setenv("AWBRIDGE_TIME_ZONE", "x")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert {"AWBRIDGE_PORT", "AWBRIDGE_TIME_ZONE"} <= {part.split(":")[0] for part in str(error.value).split("; ")}


def test_the_environment_overrides_the_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "awbridge.toml").write_text(
        'port = 9000\nhost = "0.0.0.0"\nretry_delays = [1, 2, 3]\nwebhook_keys = ["a", "b"]\napi_keys = "c,d"\n'
    )
    monkeypatch.setenv("AWBRIDGE_PORT", "9001")
    found = load_settings()
    assert (found.port, found.host, found.retry_delays) == (9001, "0.0.0.0", (1.0, 2.0, 3.0))
    assert (secrets(found.webhook_keys), secrets(found.api_keys)) == (["a", "b"], ["c", "d"])
    assert load_settings(port=9002).port == 9002, "an argument overrides both"


def test_an_unknown_setting_in_the_file_is_refused(clean: Path) -> None:
    (clean / "awbridge.toml").write_text("prot = 9000\n")
    with pytest.raises(SettingsError, match="PROT"):
        load_settings()


def test_a_renamed_setting_in_the_file_is_refused_with_its_successor(
    clean: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(RENAMED, "AWBRIDGE_OLD_PORT", "AWBRIDGE_PORT")
    (clean / "awbridge.toml").write_text("old_port = 9000\n")
    with pytest.raises(SettingsError, match="AWBRIDGE_OLD_PORT: renamed to AWBRIDGE_PORT"):
        load_settings()


def test_a_file_that_is_not_toml_is_named(clean: Path) -> None:
    (clean / "awbridge.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"awbridge\.toml"):
        load_settings()


def test_secrets_are_in_no_repr_and_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY", "s3cret-key")
    monkeypatch.setenv("AWBRIDGE_WEBHOOK_KEYS", "s3cret-hook")
    monkeypatch.setenv("AWBRIDGE_API_KEYS", "s3cret-api")
    found = load_settings()
    assert "s3cret" not in repr(found) + str(found) + found.model_dump_json()
    monkeypatch.setenv("AWBRIDGE_PORT", "x")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert "s3cret" not in str(error.value)


def test_a_missing_clickpost_account_names_its_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingsError, match="AWBRIDGE_CLICKPOST_USERNAME is not set"):
        load_settings().check_vendor()
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_USERNAME", "me")
    with pytest.raises(SettingsError, match="AWBRIDGE_CLICKPOST_KEY is not set"):
        load_settings().check_vendor()
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY", "k")
    load_settings().check_vendor()


def test_settings_do_not_change_once_loaded() -> None:
    loaded = load_settings()
    with pytest.raises(ValidationError, match="frozen"):
        setattr(loaded, "port", 1)  # noqa: B010 - written so, the type checker lets the mistake through
    assert loaded.port == 8000


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize(("lease", "timeout"), [(5, 15), (60, 15), (120, 30)])
def test_a_lease_that_a_try_can_outlive_is_refused(lease: float, timeout: float) -> None:
    with pytest.raises(SettingsError, match="AWBRIDGE_PUSH_LEASE_SECONDS is"):
        load_settings(push_lease_seconds=lease, clickpost_timeout=timeout)


@pytest.mark.parametrize("timeout", [1.0, 15.0, 29.0])
def test_every_lease_is_longer_than_the_work_under_it(timeout: float) -> None:
    settings = load_settings(clickpost_timeout=timeout, endpoint_timeout=60.0)
    for policy in (
        policies.push_policy(settings),
        policies.cancel_policy(settings),
        policies.act_policy(settings),
        policies.allocate_policy(settings),
        policies.fallback_policy(settings),
        policies.deliver_policy(settings),
    ):
        assert timedelta(0) < policy.longest_call < policy.lease
