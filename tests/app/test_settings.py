"""Settings: defaults that work, mistakes that are named, secrets that stay secret."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from awbridge.app import policies
from awbridge.app.load_settings import load_settings
from awbridge.app.serve import _connections
from awbridge.app.setting_fields import SecretStr
from awbridge.app.setting_types import RENAMED
from awbridge.app.settings import PREFIX, Settings
from awbridge.domain.errors import SettingsError
from awbridge.domain.retry import DEFAULT_RETRY_DELAYS
from awbridge.domain.tracking.polling_mode import PollingMode


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


def test_idle_connections_are_kept_as_long_as_set() -> None:
    assert _connections(load_settings()).limits.idle_for == 130, "more than nginx, AWS ALB, Traefik and Caddy"
    assert _connections(load_settings(keep_alive_seconds=620)).limits.idle_for == 620
    with pytest.raises(SettingsError, match="AWBRIDGE_KEEP_ALIVE_SECONDS"):
        load_settings(keep_alive_seconds=0)


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
    assert "s3cret" not in repr(found) + str(found)
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
    with pytest.raises(AttributeError, match="do not change"):
        setattr(loaded, "port", 1)  # noqa: B010 - written so, the type checker lets the mistake through
    assert loaded.port == 8000


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.fields.items() if not field.description] == []


def test_every_default_is_a_value_that_the_setting_takes_and_keeps() -> None:
    assert {name: field.read(field.default) for name, field in Settings.fields.items()} == {
        name: field.default for name, field in Settings.fields.items()
    }


@pytest.mark.parametrize(
    ("given", "value"),
    [
        *(({"port": port}, 9000) for port in (9000, "9000", " 9000 ", "9000.0", 9000.0)),
        *(({"migrate_on_start": flag}, True) for flag in (True, 1, "1", "true", "TRUE", "yes", "y", "on", "t")),
        *(({"migrate_on_start": flag}, False) for flag in (False, 0, "0", "false", "No", "n", "off", "f")),
        *(({"breaker_rate": rate}, 0.5) for rate in (0.5, "0.5", " .5")),
        ({"breaker_rate": 1}, 1.0),
        ({"polling": "economical"}, PollingMode.ECONOMICAL),
        ({"polling": PollingMode.GUIDE}, PollingMode.GUIDE),
        ({"report_to": ["a@b.example"]}, ("a@b.example",)),
        ({"clickpost_key": "k"}, SecretStr("k")),
    ],
    ids=str,
)
def test_a_value_is_read_in_any_of_its_forms(given: dict[str, object], value: object) -> None:
    (name,) = given
    assert getattr(load_settings(**given), name) == value


@pytest.mark.parametrize(
    "given",
    [
        *({"port": port} for port in ("9000.5", 9000.5, "", True, None, [9000], "inf", "nan")),
        *({"migrate_on_start": flag} for flag in ("maybe", "", 2, None, [])),
        *({"breaker_rate": rate} for rate in (0, 1.1, "nan", "inf", "half", None, True)),
        *({"poll_silent_days": days} for days in ("inf", -1, 0)),
        *({"host": host} for host in (1, None, ["a"])),
        *({"report_to": to} for to in ("nobody", [1], 1, None, {"a@b.example": 1})),
        {"polling": "never"},
        {"retain_cron": "0 30 0 * * *"},
        {"endpoint_networks": "10.0.0.1/8"},
        {"archive_options": "region"},
        {"privacy_own": "phone"},
        {"oidc_roles": "a=king"},
        *({"notice_language": language} for language in ("English", "en\n")),
        {"notice_brand": "b" * 61},
    ],
    ids=str,
)
def test_a_value_of_another_kind_is_refused(given: dict[str, object]) -> None:
    with pytest.raises(SettingsError, match=PREFIX + next(iter(given)).upper()):
        load_settings(**given)


def test_other_values_are_another_object_held_to_the_same_rules() -> None:
    loaded = load_settings(port=9000)
    assert (loaded.replace(host="::1").port, loaded.replace(port=1).port, loaded.port) == (9000, 1, 9000)
    assert loaded.replace(port=8000) == load_settings() != loaded
    with pytest.raises(ValueError, match="port"):
        loaded.replace(port=-1)


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
