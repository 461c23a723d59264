"""What a setting needs of the optional parts is said before anything starts, with the command that installs it."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from awbridge.app import connections
from awbridge.app.accounts.sealed import NoKey, Seal, new_key
from awbridge.app.doctor.examine import examine
from awbridge.app.load_settings import load_settings
from awbridge.app.parts import check_parts, is_installed, missing_parts
from awbridge.app.settings import PREFIX, Settings
from awbridge.cli import main
from awbridge.domain.errors import MissingPart
from tests.support.parts import plain_installation
from tests.support.stores import migrated_file

__all__ = ["plain_installation"]

pytestmark = pytest.mark.heavy

HOSTS = ("clickpost_url", "clickpost_tracking_url", "clickpost_serviceability_url", "clickpost_edd_url")
PARTS = ("accounts", "messages", "object-storage", "oidc", "telemetry")
SLACK = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#ops"
NEEDING: dict[str, tuple[str, str]] = {
    "alarm_urls": (SLACK, "messages"),
    "notice_chat_urls": (SLACK, "messages"),
    "notice_sms_url": ("twilio://AC" + "a" * 32 + ":" + "b" * 32 + "@15551230000/{to_digits}", "messages"),
    "notice_whatsapp_url": ("whatsapp://t:TOKEN@123456789012345/{to}?:body=1", "messages"),
    "accounts_key": (new_key(), "accounts"),
    "archive_url": ("s3://bucket/x", "object-storage"),
    "backup_url": ("gs://bucket/x", "object-storage"),
    "oidc_issuer": ("https://login.example.com", "oidc"),
    "traces_url": ("http://127.0.0.1:4318", "telemetry"),
}
# What no optional part is needed for.
PLAIN = {
    "notice_mail": "true",
    "notice_mail_from": "shop@example.com",
    "smtp_url": "smtp://127.0.0.1:9",
    "notice_sms_url": "msg91://{dlt_template_id}@" + "K" * 23 + "/{to_digits}?:body=VAR1",
    "notice_chat_urls": "jsons://chat.example/hook",
    "alarm_urls": "json://127.0.0.1:9/alarms?+X-Key=k",
    "alarm_mail_to": "ops@example.com",
    "archive_url": "file:///var/lib/archive",
    "backup_url": "none",
}


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """A function that runs a command in an empty folder with these settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)

    def run(*arguments: str, typed: str = "", **settings: str) -> Result:
        with monkeypatch.context() as patched:
            for name, value in settings.items():
                patched.setenv(PREFIX + name.upper(), value)
            return CliRunner().invoke(main, arguments, input=typed)

    return run


def words(text: str) -> str:
    return " ".join(text.split())


def test_the_tests_run_with_every_part() -> None:
    assert [part for part in PARTS if not is_installed(part)] == []


@pytest.mark.parametrize("name", NEEDING)
def test_a_setting_that_needs_a_missing_part_says_so(name: str, plain_installation: None) -> None:
    url, part = NEEDING[name]
    with pytest.raises(MissingPart) as refused:
        check_parts(load_settings(**{name: url}))
    expected = f"AWBRIDGE_{name.upper()} needs an optional part; install it with pip install 'awbridge[{part}]'"
    assert str(refused.value) == expected


def test_all_that_is_missing_is_said_at_once(plain_installation: None) -> None:
    chosen = ("alarm_urls", "notice_chat_urls", "oidc_issuer")
    assert missing_parts(load_settings(**{name: NEEDING[name][0] for name in chosen})) == (
        "AWBRIDGE_NOTICE_CHAT_URLS, AWBRIDGE_ALARM_URLS and AWBRIDGE_OIDC_ISSUER need optional parts; "
        "install them with pip install 'awbridge[messages,oidc]'"
    )


def test_with_the_parts_nothing_is_missing() -> None:
    check_parts(load_settings(**{name: url for name, (url, _) in NEEDING.items()}))


def test_mail_our_own_gateways_and_folders_need_no_part(plain_installation: None) -> None:
    settings = load_settings(**PLAIN)
    check_parts(settings)
    assert set(connections.customer_channels(settings)) == {"mail", "sms", "chat"}
    assert len(connections.operators(settings)) == 2
    assert connections.archive_objects(settings)


@pytest.mark.parametrize("command", ["serve", "work"])
@pytest.mark.parametrize("account", [{}, {"clickpost_username": "u", "clickpost_key": "k"}], ids=["new", "set"])
def test_the_service_does_not_start_and_touches_no_database(
    awbridge: Callable[..., Result], command: str, account: dict[str, str], tmp_path: Path, plain_installation: None
) -> None:
    stopped = awbridge(command, alarm_urls=SLACK, port="0", **account)
    assert (stopped.exit_code, "pip install 'awbridge[messages]'" in words(stopped.stderr)) == (1, True)
    assert "T1JJ3T3L2" not in stopped.output
    assert list(tmp_path.iterdir()) == []


async def test_the_doctor_names_it_once(tmp_path: Path, plain_installation: None) -> None:
    def settings(**more: str) -> Settings:
        account = {"clickpost_username": "u", "clickpost_key": "k", "database_url": f"sqlite:///{tmp_path}/d.db"}
        needing = {name: NEEDING[name][0] for name in ("alarm_urls", "archive_url")}
        return load_settings(**{**account, **dict.fromkeys(HOSTS, "http://127.0.0.1:9"), **needing, **more})

    await migrated_file(tmp_path, "d.db")
    for given in (settings(), settings(clickpost_key="")):
        found = [f for f in await examine(given, environment={}) if "awbridge[" in f.found]
        assert [(f.check, f.level) for f in found] == [("parts", "problem")]
        assert "'awbridge[messages,object-storage]'" in found[0].found


@pytest.mark.parametrize("command", [("config", "show", "--changed"), ("migrate", "--dry-run")], ids=str)
def test_commands_that_an_upgrade_begins_with_warn(
    awbridge: Callable[..., Result], command: tuple[str, ...], plain_installation: None
) -> None:
    shown = awbridge(*command, alarm_urls=SLACK)
    assert (shown.exit_code, "pip install 'awbridge[messages]'" in words(shown.stderr)) == (0, True)


def test_an_account_that_needs_a_missing_part_is_refused_or_named(
    awbridge: Callable[..., Result], tmp_path: Path, plain_installation: None
) -> None:
    asyncio.run(migrated_file(tmp_path))
    said = "needs an optional part; install it with pip install 'awbridge["
    refused = awbridge("accounts", "add", "india", "--set", "oidc_issuer=https://login.example.com")
    assert (refused.exit_code, f"AWBRIDGE_OIDC_ISSUER {said}oidc]'" in words(refused.stderr)) == (1, True)

    account = 'clickpost_username = "u"\nclickpost_key = "k"\n'
    (tmp_path / "awbridge.toml").write_text(f'[accounts.gulf]\n{account}archive_url = "s3://bucket/gulf"\n')
    (gulf,) = json.loads(awbridge("accounts", "list", "--json").stdout)
    assert gulf["problem"] == f"not worked for: AWBRIDGE_ARCHIVE_URL {said}object-storage]'"
    home = {**dict.fromkeys(HOSTS, "http://127.0.0.1:9"), "clickpost_username": "u", "clickpost_key": "k"}
    examined = json.loads(awbridge("doctor", "--json", **home).stdout)
    (found,) = [f for f in examined if f["check"] == "accounts beside"]
    assert (found["level"], found["found"]) == ("problem", f"gulf: AWBRIDGE_ARCHIVE_URL {said}object-storage]'")


def test_secrets_of_accounts_need_their_part(plain_installation: None) -> None:
    key = load_settings(accounts_key=new_key()).accounts_key
    with pytest.raises(NoKey, match=r"pip install 'awbridge\[accounts\]'"):
        Seal(key).seal("s3cret", "india/clickpost_key")
    with pytest.raises(NoKey, match=r"is encrypted, and .* pip install 'awbridge\[accounts\]'"):
        Seal(key).open("1.abc.data", "india/clickpost_key")
    with pytest.raises(NoKey, match="AWBRIDGE_ACCOUNTS_KEY is not set"):
        Seal(()).seal("s3cret", "india/clickpost_key")


def test_a_new_key_comes_with_the_command_that_makes_it_usable(
    awbridge: Callable[..., Result], plain_installation: None
) -> None:
    printed = awbridge("accounts", "key", "--json")
    assert (printed.exit_code, len(json.loads(printed.stdout)["key"])) == (0, 43)
    assert "AWBRIDGE_ACCOUNTS_KEY needs an optional part" in words(printed.stderr)
