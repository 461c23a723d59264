"""Settings: defaults that work, mistakes that are named, secrets that stay secret."""

from __future__ import annotations

import os
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from awbridge.app import policies
from awbridge.app.load_settings import load_configuration, load_settings
from awbridge.app.serve import _connections
from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.shown import shown_settings
from awbridge.app.settings.types import RENAMED
from awbridge.app.settings.values import SecretStr
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
        ("PORT", "http", "whole number"),
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


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("RETRY_DELAYS", "60,300", "needs at least 3 delays, for example 60,300,900"),
        ("PORT", "70000", "must be from 0 to 65535, for example 8000"),
        ("CLICKPOST_TIMEOUT", "0", "must be above 0 and at most 120, for example 15"),
        ("PUSH_LEASE_SECONDS", "0.5", "must be 1 or more, for example 120"),
        ("LOG_FORMAT", "xml", "must be text or json, for example text"),
        ("NOTICE_COUNTRY", "India", "must be a country's code of two capital letters, for example IN"),
        ("NOTICE_BRAND", "b" * 61, "has room for at most 60 characters, for example Acme"),
        ("POLLING", "never", "must be one of guide, economical, for example guide"),
        ("CLICKPOST_URL", "www.clickpost.in", "must be an address with https:// and a host"),
        ("DATABASE_URL", "mysql://u:s3cret@h/d", "must begin with sqlite:/// or postgresql://"),
        ("TRUSTED_PROXIES", "10.0.0.0/33", "has '10.0.0.0/33', which is neither an address nor a network"),
    ],
    ids=lambda part: part[:20],
)
def test_errors_are_sentences_in_our_words(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(PREFIX + name, value)
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value).startswith(f"{PREFIX}{name} {sentence}")
    assert "s3cret" not in str(error.value)


def test_all_wrong_values_are_named_at_once(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "awbridge.toml").write_text('\nlog_level = "loud"\nprot = 1\n')
    monkeypatch.setenv("AWBRIDGE_PORT", "x")
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY_FILE", "/run/nothing/here")
    monkeypatch.setenv("AWBRIDGE_RETRY_DELAY", "1")
    with pytest.raises(SettingsError) as error:
        load_configuration(strict=True)
    assert str(error.value).splitlines() == [
        "5 settings are wrong:",
        "  AWBRIDGE_CLICKPOST_KEY_FILE names /run/nothing/here, which cannot be read (no such file or directory); it "
        "must name a file with the value, for example /run/secrets/clickpost_key",
        "  AWBRIDGE_LOG_LEVEL (awbridge.toml, line 2) must be debug, info, warning or error, for example info",
        "  AWBRIDGE_PORT must be a whole number, for example 8000",
        "  AWBRIDGE_RETRY_DELAY is not a setting; did you mean AWBRIDGE_RETRY_DELAYS?",
        "  prot (awbridge.toml, line 3) is not a setting; did you mean port?",
    ]


def test_every_setting_has_an_example_that_it_accepts() -> None:
    for name, field in Settings.fields.items():
        assert field.example, f"{name} needs an example"
        field.read(field.example)


def test_no_setting_is_named_like_the_file_of_another() -> None:
    assert [name for name in Settings.fields if name.endswith("_file")] == []


def told(**given: object) -> str:
    """What the user is shown of these settings, or what is wrong with them."""
    try:
        found = load_configuration(**given)
    except SettingsError as error:
        return str(error)
    return str(shown_settings(found.settings, found.sources))


@pytest.mark.parametrize("name", [name for name, field in Settings.fields.items() if field.is_secret])
def test_no_secret_is_in_an_error_or_shown(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for wrong in ("s3cret", "s3cret,s3cret", "s3cret://s3cret:s3cret@[s3cret", ["s3cret", 1], {"s3cret": 1}):
        assert "s3cret" not in told(**{name: wrong})
    monkeypatch.setenv(f"{PREFIX}{name.upper()}_FILE", "s3cret")  # written into the wrong variable
    with pytest.raises(SettingsError) as raised:
        load_settings()
    assert "s3cret" not in str(raised.value)


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:s3cret@h/d",
        "postgresql://me:s3c/r?e#t@s3cret@h/d",
        "postgresql://h/d?user=u&password=s3cret&x=1",
    ],
)
def test_the_password_of_the_database_is_masked(url: str) -> None:
    found = load_configuration(database_url=url)
    shown = {setting.variable: setting for setting in shown_settings(found.settings, found.sources)}
    assert "s3c" not in str(shown)
    assert "***" in shown["AWBRIDGE_DATABASE_URL"].text


def test_the_environment_overrides_the_file(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "awbridge.toml").write_text(
        'port = 9000\nhost = "0.0.0.0"\nretry_delays = [1, 2, 3]\nwebhook_keys = ["a", "b"]\napi_keys = "c,d"\n'
    )
    monkeypatch.setenv("AWBRIDGE_PORT", "9001")
    found = load_settings()
    assert (found.port, found.host, found.retry_delays) == (9001, "0.0.0.0", (1.0, 2.0, 3.0))
    assert (secrets(found.webhook_keys), secrets(found.api_keys)) == (["a", "b"], ["c", "d"])
    assert load_settings(port=9002).port == 9002, "an argument overrides both"


def test_an_unknown_name_is_told_and_refused_where_that_is_asked(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(RENAMED, "AWBRIDGE_OLD_PORT", "AWBRIDGE_PORT")
    (clean / "awbridge.toml").write_text("[archive]\nurl = 1\n")
    for name in ("AWBRIDGE_OLD_PORT", "AWBRIDGE_CLICKPOST_KYE_FILE", "AWBRIDGE_SOMETHING_ELSE"):
        monkeypatch.setenv(name, "1")
    assert load_configuration().unknown == (
        "AWBRIDGE_CLICKPOST_KYE_FILE is not a setting; did you mean AWBRIDGE_CLICKPOST_KEY_FILE?",
        "AWBRIDGE_OLD_PORT was renamed to AWBRIDGE_PORT",
        "AWBRIDGE_SOMETHING_ELSE is not a setting of this version; docs/reference/settings.md lists them all",
        "archive (awbridge.toml, line 1) is not a setting; did you mean archive_url?",
    )
    with pytest.raises(SettingsError, match=r"^4 settings are wrong"):
        load_configuration(strict=True)


def test_what_kubernetes_sets_for_a_service_of_our_name_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    """https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables"""
    for service in ("AWBRIDGE", "AWBRIDGE_TRACK"):
        monkeypatch.setenv(f"{service}_SERVICE_HOST", "10.0.0.11")
        monkeypatch.setenv(f"{service}_SERVICE_PORT", "8000")
        monkeypatch.setenv(f"{service}_SERVICE_PORT_HTTP", "8000")
        monkeypatch.setenv(f"{service}_PORT", "tcp://10.0.0.11:8000")
        monkeypatch.setenv(f"{service}_PORT_8000_TCP", "tcp://10.0.0.11:8000")
        for part, value in (("PROTO", "tcp"), ("PORT", "8000"), ("ADDR", "10.0.0.11")):
            monkeypatch.setenv(f"{service}_PORT_8000_TCP_{part}", value)
    found = load_configuration(strict=True)
    assert (found.settings.port, found.unknown) == (8000, ())


def test_a_secret_is_read_from_the_file_that_its_variable_names(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "key").write_text("s3cret key\r\n")
    (clean / "hooks").write_bytes("\ufeffold, new\n".encode())
    (clean / "awbridge.toml").write_text('webhook_keys_file = "hooks"\nclickpost_key = "of the file"\n')
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY_FILE", str(clean / "key"))
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY", "")  # as compose files pass on what is not set
    monkeypatch.setenv("AWBRIDGE_API_KEYS_FILE", "")
    found = load_configuration(strict=True)
    assert found.settings.clickpost_key == SecretStr("s3cret key")
    assert secrets(found.settings.webhook_keys) == ["old", "new"]
    assert str(found.sources["clickpost_key"]) == f"secret file: {clean / 'key'}"
    assert str(found.sources["webhook_keys"]) == "secret file: hooks"
    assert found.settings.api_keys == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "which is empty"),
        (b"\n", "which is empty"),
        (b"\xff\xfe", "not text in UTF-8"),
        (b"two\nlines\n", "several lines"),
        (b"x" * 70_000, "more than 64 KiB"),
        (None, "is a directory"),
    ],
    ids=str,
)
def test_a_secret_file_that_holds_no_value_is_named(
    clean: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    path = clean / "key"
    path.mkdir() if content is None else path.write_bytes(content)
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY_FILE", str(path))
    with pytest.raises(SettingsError, match=f"^AWBRIDGE_CLICKPOST_KEY_FILE names {path}") as error:
        load_settings()
    assert problem in str(error.value)


def test_a_value_and_its_file_exclude_each_other(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY", "s3cret")
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY_FILE", "/run/secrets/key")
    with pytest.raises(SettingsError) as error:
        load_settings()
    assert str(error.value) == (
        "AWBRIDGE_CLICKPOST_KEY_FILE and AWBRIDGE_CLICKPOST_KEY are both set; remove one of them"
    )


def test_the_file_of_settings_may_lie_elsewhere(clean: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (clean / "awbridge.toml").write_text("port = 9000\n")
    (clean / "other.toml").write_text("port = 9001\n")
    monkeypatch.setenv("AWBRIDGE_CONFIG", "other.toml")
    found = load_configuration(strict=True)
    assert (found.settings.port, str(found.sources["port"])) == (9001, "file: other.toml, line 1")
    assert load_configuration(config=Path("awbridge.toml")).settings.port == 9000
    monkeypatch.setenv("AWBRIDGE_CONFIG", "absent.toml")
    with pytest.raises(SettingsError, match=r"^AWBRIDGE_CONFIG names absent\.toml, which is not a file"):
        load_settings()
    with pytest.raises(SettingsError, match=r"^--config names neither\.toml, which is not a file"):
        load_configuration(config=Path("neither.toml"))


def test_a_file_that_is_not_toml_is_named(clean: Path) -> None:
    (clean / "awbridge.toml").write_text("port = = 1\n")
    with pytest.raises(SettingsError, match=r"^awbridge\.toml, line 1, is not TOML; write one setting a line"):
        load_settings()
    (clean / "awbridge.toml").write_bytes(b"host = '\xff'")
    with pytest.raises(SettingsError, match=r"^awbridge\.toml is not text in UTF-8"):
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
