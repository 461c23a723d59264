"""Settings of accounts: what they get of the home's, what they never get, and errors that name account and place."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from awbridge.app.accounts.account import Account, account_of
from awbridge.app.accounts.configured import ConfiguredAccounts
from awbridge.app.accounts.overlay import account_settings
from awbridge.app.accounts.sealed import Seal
from awbridge.app.load_settings import load_configuration, load_settings
from awbridge.app.settings import PREFIX, Settings
from awbridge.app.settings.fields import InvalidSettings, Sharing
from awbridge.app.settings.values import SecretStr
from awbridge.domain.errors import SettingsError


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """No settings in the environment, and an empty working directory."""
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def account(name: str = "india") -> Account:
    """The account as file and environment have it."""
    home = load_settings()
    assert home.accounts is not None
    return account_of(home, ConfiguredAccounts(home.accounts), Seal(home.accounts_key), name, None)


def full(setting: str) -> object:
    """A value of the home that is not the default."""
    field = Settings.fields[setting]
    return field.read(field.own_example or field.example)


def test_an_account_gets_what_its_settings_say_they_share() -> None:
    given = {name: full(name) for name, field in Settings.fields.items() if field.own_example}
    home = Settings(**given)
    found = account_settings(home, "india", {})
    for name, field in Settings.fields.items():
        mine, above = getattr(found, name), getattr(home, name)
        if field.sharing is Sharing.OWN:
            assert mine == field.default, name
        elif field.sharing is not Sharing.DERIVED:
            assert mine == above, name
        elif name != "database_url":
            assert mine != above, name
    assert (found.account, found.account_title, found.schema) == ("india", "india", "account_india")


def test_no_key_and_no_identity_of_the_home_is_inherited() -> None:
    """Whoever adds a setting that lets somebody in, or names the company to others, decides here."""
    own = {name for name, field in Settings.fields.items() if field.sharing is Sharing.OWN}
    assert own == {
        *("clickpost_username", "clickpost_key", "webhook_keys", "api_keys"),
        *("oidc_issuer", "oidc_client_id", "oidc_client_secret", "oidc_domains", "oidc_role_claim", "oidc_roles"),
        *("notice_mail", "notice_mail_from", "notice_sms_url", "notice_whatsapp_url", "notice_chat_urls"),
        *("notice_consent", "notice_brand", "report_clickpost_to", "reconcile_dir", "track_origins"),
        *("track_brand", "track_logo", "track_colour", "track_support_url", "track_support_phone"),
        *("track_support_mail", "track_footer", "track_css", "track_language"),
    }
    secrets = {name for name, field in Settings.fields.items() if field.is_secret} - own
    process = {name for name in secrets if Settings.fields[name].sharing is Sharing.PROCESS}
    assert secrets - process == {
        *("database_url", "track_keys", "privacy_key"),  # made anew for each account
        "database_read_url",  # of the home's database, where the account's schema is
        *("archive_options", "smtp_url", "alarm_urls"),  # the operator's storage, mail server and own alarms
    }


@pytest.mark.parametrize(
    ("home", "own"),
    [
        ("sqlite:///awbridge.db", "sqlite:///awbridge-accounts/india.db"),
        ("sqlite:////var/lib/awbridge/my%20data.db", "sqlite:////var/lib/awbridge/my%20data-accounts/india.db"),
        ("sqlite:///data/noending", "sqlite:///data/noending-accounts/india.db"),
        ("postgresql://me@db/x", "postgresql://me@db/x"),
    ],
)
def test_the_data_of_an_account_are_beside_the_homes(home: str, own: str) -> None:
    found = account_settings(Settings(database_url=home), "india", {})
    assert found.database_url == own
    assert found.schema == ("" if own.startswith("sqlite") else "account_india")


def test_an_account_may_be_on_another_server() -> None:
    found = account_settings(Settings(), "gulf-2", {"database_url": "postgresql://me@other/x"})
    assert (found.database_url, found.schema) == ("postgresql://me@other/x", "account_gulf_2")


def test_an_account_reads_from_the_homes_replica_unless_its_database_is_another() -> None:
    home = Settings(database_url="postgresql://me@db/x", database_read_url="postgresql://me@replica/x")
    elsewhere = {"database_url": "postgresql://me@other/x"}
    replica = {"database_read_url": "postgresql://me@other-replica/x"}
    assert account_settings(home, "india", {}).database_read_url == "postgresql://me@replica/x"
    assert account_settings(home, "gulf", elsewhere).database_read_url == ""
    assert account_settings(home, "gulf", elsewhere | replica).database_read_url == "postgresql://me@other-replica/x"


def test_places_and_keys_are_made_from_the_homes() -> None:
    home = Settings(
        archive_url="s3://bucket/calls/",
        backup_url="none",
        track_url="https://track.shop.example",
        track_keys=["k" * 20, "l" * 20],
        privacy_key="p",
    )
    india, gulf = (account_settings(home, name, {}) for name in ("india", "gulf"))
    assert india.archive_url == "s3://bucket/calls/accounts/india"
    assert (india.backup_url, india.backs_up) == ("none", False)
    assert india.data_dir == "awbridge-data/accounts/india"
    assert india.track_url == "https://track.shop.example/a/india"
    keys = {
        *home.track_keys,
        *india.track_keys,
        *gulf.track_keys,
        home.privacy_key,
        india.privacy_key,
        gulf.privacy_key,
    }
    assert len(keys) == 9, "a link or a pseudonym of one account means nothing in another"
    assert india.track_links.keys is not None
    assert account_settings(Settings(), "india", {}).track_keys == ()
    assert account_settings(Settings(), "india", {}).privacy_key == SecretStr("")


def test_values_of_an_account_are_held_to_the_same_rules() -> None:
    with pytest.raises(InvalidSettings, match="clickpost_timeout"):
        account_settings(Settings(), "india", {"clickpost_timeout": 0})
    with pytest.raises(InvalidSettings, match="PUSH_LEASE"):
        account_settings(Settings(push_lease_seconds=70), "india", {"clickpost_timeout": 100})
    with pytest.raises(InvalidSettings):
        Settings(accounts_key="short")


def test_the_file_has_a_table_for_each_account(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "key").write_text("of the file\n")
    (folder / "awbridge.toml").write_text(
        'time_zone = "Asia/Kolkata"\nclickpost_key = "of the home"\n\n'
        '[accounts.india]\ntitle = "Acme India"\nclickpost_username = "acme-in"\nclickpost_key_file = "key"\n\n'
        '[accounts."gulf"]\ntime_zone = "Asia/Dubai"\n'
    )
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS__GULF__CLICKPOST_KEY", "of the environment")
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS__GULF__WEBHOOK_KEYS_FILE", "key")
    monkeypatch.setenv("AWBRIDGE_ACCOUNT", "india")
    assert load_configuration(strict=True).unknown == ()
    india, gulf = account("india"), account("gulf")
    assert india.settings
    assert gulf.settings
    assert (india.title, india.settings.account_title, gulf.title) == ("Acme India", "Acme India", "gulf")
    assert india.settings.clickpost_key.get_secret_value() == "of the file"
    assert gulf.settings.clickpost_key.get_secret_value() == "of the environment"
    assert [key.get_secret_value() for key in gulf.settings.webhook_keys] == ["of the file"]
    assert {name: str(india.sources[name]) for name in ("clickpost_username", "clickpost_key", "time_zone")} == {
        "clickpost_username": "file: awbridge.toml, line 6",
        "clickpost_key": "secret file: key",
        "time_zone": "home: file: awbridge.toml, line 1",
    }
    assert str(gulf.sources["clickpost_key"]) == "environment: AWBRIDGE_ACCOUNTS__GULF__CLICKPOST_KEY"
    assert str(gulf.sources["data_dir"]) == "account's name"
    assert str(india.sources["webhook_keys"]) == "default"


def test_a_wrong_value_is_named_with_account_and_place(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / "awbridge.toml").write_text(
        "[accounts.india]\ntitle = 5\nclickpost_timeout = 0\nclickpost_kye = 's3cret'\nport = 1\n"
        "smtp_url = 's3cret'\napi_keys_file = '/nowhere/s3cret'\n"
    )
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS__INDIA__PUSH_BATCH", "0")
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS__INDIA__LOG_LEVEL", "info")
    monkeypatch.setenv("AWBRIDGE_ACCOUNTS__INDIA__TIMEZONE", "UTC")
    load_configuration(strict=True)  # an account does not stop the home
    problem = account().problem
    for sentence in (
        "[accounts.india] clickpost_timeout (awbridge.toml, line 3) must be above 0 and at most 120, for example 15",
        "[accounts.india] clickpost_kye (awbridge.toml, line 4) is not a setting; did you mean clickpost_key?",
        "[accounts.india] port (awbridge.toml, line 5) is a setting of the process, which all accounts share; "
        "set port at the top of awbridge.toml instead",
        "[accounts.india] smtp_url (awbridge.toml, line 6) must begin with smtp:// or smtps:// and name a host",
        "[accounts.india] api_keys_file (awbridge.toml, line 7) names a file, which cannot be read",
        "[accounts.india] title (awbridge.toml, line 2) must be a text of at most 60 characters",
        "AWBRIDGE_ACCOUNTS__INDIA__PUSH_BATCH must be from 1 to",
        "AWBRIDGE_ACCOUNTS__INDIA__LOG_LEVEL is a setting of the process, which all accounts share; "
        "set AWBRIDGE_LOG_LEVEL instead",
        "AWBRIDGE_ACCOUNTS__INDIA__TIMEZONE is not a setting; did you mean time_zone?",
    ):
        assert sentence in problem
    assert "s3cret" not in problem
    with pytest.raises(SettingsError, match=r"^account india: "):
        account().checked()


def test_accounts_that_are_no_tables_are_told(folder: Path) -> None:
    (folder / "awbridge.toml").write_text("accounts = 5\n")
    assert load_configuration().unknown == (
        "accounts (awbridge.toml, line 1) must be tables, one for each account, such as [accounts.india]",
    )
    (folder / "awbridge.toml").write_text("accounts.india = 5\naccounts.gulf.time_zone = 'Asia/Dubai'\n")
    assert account().problem == "[accounts.india] (awbridge.toml, line 1) must be a table"
    assert str(account("gulf").sources["time_zone"]) == "file: awbridge.toml, line 2"


def test_a_setting_of_an_account_that_is_missing_is_named_as_it_is_written() -> None:
    with pytest.raises(SettingsError, match=r"^\[accounts.india\] clickpost_username is not set"):
        account_settings(Settings(clickpost_username="acme"), "india", {}).check_vendor()


def test_an_account_cannot_be_chosen_by_hand(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_SCHEMA", "other")
    (folder / "awbridge.toml").write_text("account = 'india'\n")
    found = load_configuration()
    assert (found.settings.account, found.settings.schema) == ("", "")
    assert len(found.unknown) == 2
