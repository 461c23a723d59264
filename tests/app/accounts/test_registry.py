"""Accounts of file, environment and database: read cheaply, changed safely, a broken one beside the others."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from awbridge.app.accounts.account import AccountSource
from awbridge.app.accounts.changes import LOCAL, AccountAdmin
from awbridge.app.accounts.registry import AccountRegistry
from awbridge.app.accounts.sealed import new_key
from awbridge.app.settings import Settings
from awbridge.app.settings.sources import FileOfSettings, WrittenAccounts
from awbridge.app.settings.values import SecretStr
from awbridge.domain.errors import NotFound, NotPossible, NotValid
from awbridge.domain.people.actor import Actor, ActorKind, acting
from awbridge.domain.people.role import Role
from awbridge.store import Store
from awbridge.store.people import audit_log
from tests.support.stores import sqlite_only, store, store_url  # noqa: F401

pytestmark = pytest.mark.heavy

KEY = new_key()


@pytest.fixture(autouse=True)
def admin() -> Iterator[None]:
    """An admin acts, so that changes are recorded."""
    with acting(Actor(kind=ActorKind.COMMAND, name="asha", role=Role.ADMIN)):
        yield


def configured(**tables: Any) -> WrittenAccounts:
    return WrittenAccounts(tables=tables, file=FileOfSettings(Path("awbridge.toml"), "", {}))


def home(key: str = KEY, accounts: WrittenAccounts | None = None, **values: Any) -> Settings:
    return Settings(accounts_key=key, accounts=accounts, **values)


async def entries(store: Store) -> list[tuple[str, str, Any]]:  # noqa: F811
    async with store.read() as session:
        found = await audit_log.page(session, limit=100)
    return [(entry.action, entry.subject, entry.after) for entry in reversed(found)]


async def raw(store: Store, name: str) -> dict[str, Any]:  # noqa: F811
    from awbridge.store.accounts import accounts

    async with store.write() as session:
        row = await accounts.lock(session, name)
    assert row
    return {"settings": row.settings, "secrets": row.secrets}


async def test_an_account_lives_in_the_database(store: Store) -> None:  # noqa: F811
    registry = AccountAdmin(home(), store)
    added = await registry.add(
        "india", title="Acme India", settings={"clickpost_username": "acme-in", "clickpost_key": "s3cret"}
    )
    assert (added.name, added.title, added.works) == ("india", "Acme India", True)
    other = AccountRegistry(home(), store)  # in another process
    found = await other.find("india")
    assert found
    assert found.source is AccountSource.DATABASE
    settings = found.checked()
    assert (settings.account, settings.account_title) == ("india", "Acme India")
    assert (settings.clickpost_username, settings.clickpost_key) == ("acme-in", SecretStr("s3cret"))
    assert str(found.sources["clickpost_key"]) == "database: table accounts"
    assert "s3cret" not in str(await raw(store, "india")) + repr(found)

    changed = await registry.change(
        "india",
        title="India",
        settings={"time_zone": "Asia/Dubai", "clickpost_key": "s3cret-2"},
        unset=["clickpost_username"],
    )
    assert changed.checked().clickpost_username == ""
    assert (await other.all())["india"].checked().clickpost_key == SecretStr("s3cret-2")
    assert (await other.all())["india"].title == "India"

    assert (await registry.suspend("india")).suspended
    assert (await registry.suspend("india")).suspended, "again is no error"
    assert not (await other.all())["india"].works
    assert (await registry.resume("india")).works
    assert (await other.all())["india"].works

    await registry.forget("india")
    assert await other.all() == {}
    assert await registry.find("india") is None
    assert await entries(store) == [
        (
            "clickpost_account.added",
            "india",
            {
                "title": "Acme India",
                "settings": {"clickpost_username": "acme-in"},
                "secrets": ["clickpost_key"],
                "suspended": False,
            },
        ),
        (
            "clickpost_account.changed",
            "india",
            {
                "title": "India",
                "settings": {"time_zone": "Asia/Dubai"},
                "secrets": ["clickpost_key"],
                "suspended": False,
            },
        ),
        *[(f"clickpost_account.{what}", "india", entry) for what, entry in _states()],
        ("clickpost_account.dropped", "india", None),
    ]


def _states() -> list[tuple[str, Any]]:
    kept = {"title": "India", "settings": {"time_zone": "Asia/Dubai"}, "secrets": ["clickpost_key"]}
    return [("suspended", {**kept, "suspended": True}), ("resumed", {**kept, "suspended": False})]


async def test_every_change_of_another_process_is_seen(store: Store) -> None:  # noqa: F811
    """Also two within the same microsecond, and a row that is dropped and added again."""
    mine, other = AccountAdmin(home(), store), AccountRegistry(home(), store)
    await mine.add("a")
    await mine.add("b")
    assert set(await other.all()) == {"a", "b"}
    for value in ("1", "2"):
        for name in ("a", "b"):
            await mine.change(name, settings={"push_batch": value})
            assert (await other.all())[name].checked().push_batch == int(value)
    await mine.forget("a")
    assert set(await other.all()) == {"b"}
    await mine.add("a", title="new")
    assert (await other.all())["a"].title == "new"


@sqlite_only
async def test_to_look_again_reads_one_row_and_what_changed(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: F811
    import awbridge.app.accounts.registry as module

    admin = AccountAdmin(home(), store)
    for number in range(3):
        await admin.add(f"a{number}")
    registry, read = AccountRegistry(home(accounts=configured(f={})), store), list[str]()
    of = module.account_of
    monkeypatch.setattr(module, "account_of", lambda *args: (read.append(args[3]), of(*args))[1])
    first = await registry.all()
    assert read == ["a0", "a1", "a2", "f"]
    assert await registry.all() is first is registry.known
    await admin.suspend("a1")
    read.clear()
    assert (await registry.all())["a1"].suspended
    assert read == ["a1"]


@sqlite_only
async def test_one_broken_account_stops_no_other(store: Store) -> None:  # noqa: F811
    admin = AccountAdmin(home(), store)
    await admin.add("good")
    await admin.add("lost", settings={"clickpost_key": "s3cret"})
    await admin.add("odd")
    from dataclasses import replace

    from awbridge.store.accounts import accounts

    async with store.write() as session:
        row = await accounts.lock(session, "odd")
        assert row
        await accounts.write(session, replace(row, settings="[1]"))
    tables = configured(wrong={"push_batch": 0}, Bad={}, file={"time_zone": "Asia/Dubai"})
    found = await AccountRegistry(home(key=new_key(), accounts=tables), store).all()
    assert {name for name, account in found.items() if account.works} == {"good", "file"}
    assert found["wrong"].problem.startswith("[accounts.wrong] push_batch (awbridge.toml) must be from 1")
    assert found["Bad"].problem.startswith("Bad is not the name of an account: a letter, then")
    assert found["lost"].problem.startswith(
        "[accounts.lost] clickpost_key (table accounts) was encrypted with a key that AWBRIDGE_ACCOUNTS_KEY does not"
    )
    assert found["odd"].problem.startswith("the row of odd in the table accounts cannot be read")
    await admin.change("odd", settings={"push_batch": 7})
    assert (await admin.all())["odd"].checked().push_batch == 7, "it can be set again"


@sqlite_only
async def test_no_two_accounts_share_their_data(store: Store) -> None:  # noqa: F811
    tables = configured(
        first={"data_dir": "mine"},
        second={"data_dir": "./mine"},
        third={"database_url": "sqlite:///awbridge.db"},
        fourth={"archive_url": "s3://evidence/x"},
        fifth={"backup_url": "s3://evidence/x/"},
        sixth={"data_dir": "awbridge-data/../awbridge-data"},
        **{"x-1": {}, "x_1": {}},
    )
    registry = AccountAdmin(home(accounts=tables), store)
    found = await registry.all()
    assert {name for name, account in found.items() if account.works} == {"first", "fifth", "x-1"}
    assert found["second"].problem.endswith("/mine is also that of first: each account needs its own")
    assert found["third"].problem.endswith("/awbridge.db is also that of the home: each account needs its own")
    assert found["fourth"].problem == "s3://evidence/x is also that of fifth: each account needs its own"
    assert found["sixth"].problem.endswith("/awbridge-data is also that of the home: each account needs its own")
    assert found["x_1"].problem == "the schema account_x_1 is also that of x-1: each account needs its own"
    with pytest.raises(NotValid, match="the schema account_x_1 is also that of x-1"):
        await AccountAdmin(home(accounts=configured(**{"x-1": {}})), store).add("x_1")


@sqlite_only
async def test_a_row_completes_an_account_of_the_file(store: Store) -> None:  # noqa: F811
    tables = configured(india={"title": "India", "time_zone": "Asia/Kolkata"})
    admin = AccountAdmin(home(accounts=tables), store)
    await admin.change("india", settings={"push_batch": 3})
    found = await admin.suspend("india")
    assert (found.source, found.suspended, found.checked().push_batch) == (AccountSource.FILE, True, 3)
    for change in ({"settings": {"time_zone": "Asia/Dubai"}}, {"unset": ["time_zone"]}, {"title": "Bharat"}):
        with pytest.raises(NotPossible, match="ranks first"):
            await admin.change("india", **change)  # pyright: ignore[reportArgumentType]
    with pytest.raises(NotPossible, match=r"awbridge\.toml defines india"):
        await admin.add("india")
    gone = await AccountAdmin(home(), store).all()
    assert gone["india"].problem.startswith("[accounts.india] is gone from the file of settings")
    await admin.forget("india")
    dropped = await admin.find("india")
    assert dropped
    assert dropped.suspended, "or a service would make it again, empty"
    assert await AccountAdmin(home(), store).all() == {}


@sqlite_only
async def test_what_cannot_be_is_refused_and_stores_nothing(store: Store) -> None:  # noqa: F811
    admin = AccountAdmin(home(), store)
    with pytest.raises(NotValid, match="India is not the name"):
        await admin.add("India")
    with pytest.raises(NotValid, match="did you mean clickpost_key"):
        await admin.add("india", settings={"clickpost_kee": "s3cret"})
    with pytest.raises(NotValid, match="port is a setting of the process"):
        await admin.add("india", settings={"port": 1})
    with pytest.raises(NotValid, match=r"\[accounts.india\] push_batch \(table accounts\) must be"):
        await admin.add("india", settings={"push_batch": 0})
    with pytest.raises(NotValid, match="only secrets are read from files"):
        await admin.add("india", settings={"clickpost_username_file": "/etc/passwd"})
    with pytest.raises(NotValid, match="at most 60"):
        await admin.add("india", title="t" * 61)
    for change in (admin.change, admin.suspend, admin.resume, admin.forget):
        with pytest.raises(NotFound, match="there is no account india"):
            await change("india")
    await admin.add("india")
    with pytest.raises(NotPossible, match="there is an account india already"):
        await admin.add("india")
    assert list(await admin.all()) == ["india"]


@sqlite_only
async def test_a_caller_from_afar_names_no_file_of_the_machine(store: Store, tmp_path: Path) -> None:  # noqa: F811
    admin = AccountAdmin(home(), store)
    for name in (*LOCAL, "clickpost_key_file"):
        with pytest.raises(NotValid, match=f"{name} names a place on the machine"):
            await admin.add("india", settings={name: "/etc/passwd"}, remote=True)
    examples = {name: field.example for name, field in Settings.fields.items()}
    named = {
        name for name, example in examples.items() if example.startswith(("/", "s3:", "sqlite:")) or "_dir" in name
    }
    assert named <= LOCAL, "a setting that names a place belongs to LOCAL"
    secret = tmp_path / "key"
    secret.write_text("s3cret")
    await admin.add("india", settings={"clickpost_key_file": str(secret)})
    assert (await admin.all())["india"].checked().clickpost_key == SecretStr("s3cret")
    await admin.change("india", settings={"clickpost_key": "typed"})
    assert json.loads((await raw(store, "india"))["settings"]) == {}, "one replaces the other"


@sqlite_only
async def test_keys_rotate(store: Store) -> None:  # noqa: F811
    with pytest.raises(NotPossible, match="AWBRIDGE_ACCOUNTS_KEY is not set: set it to a key"):
        await AccountAdmin(Settings(), store).add("india", settings={"clickpost_key": "s3cret"})
    await AccountAdmin(home(), store).add("india", settings={"clickpost_key": "s3cret", "webhook_keys": ["a", "b"]})
    new = new_key()
    both = AccountAdmin(home(key=f"{new},{KEY}"), store)
    assert (await both.all())["india"].works
    assert await both.encrypt_again() == 2
    assert await both.encrypt_again() == 0
    only = (await AccountRegistry(home(key=new), store).all())["india"].checked()
    assert only.clickpost_key == SecretStr("s3cret")
    assert only.webhook_keys == (SecretStr("a"), SecretStr("b"))
    with pytest.raises(NotPossible, match="does not have"):
        await AccountAdmin(home(key=new_key()), store).encrypt_again()


@sqlite_only
async def test_a_secret_opens_in_its_account_alone(store: Store) -> None:  # noqa: F811
    """Whoever may write the database cannot give one account the key of another."""
    from dataclasses import replace

    from awbridge.store.accounts import accounts

    admin = AccountAdmin(home(), store)
    await admin.add("india", settings={"clickpost_key": "s3cret"})
    await admin.add("gulf")
    async with store.write() as session:
        india, gulf = await accounts.lock(session, "india"), await accounts.lock(session, "gulf")
        assert india
        assert gulf
        await accounts.write(session, replace(gulf, secrets=india.secrets))
    assert "is damaged in the database: set it again" in (await admin.all())["gulf"].problem


async def test_without_a_database_the_file_says_what_there_is() -> None:
    tables = configured(india={"time_zone": "Asia/Kolkata"})
    variables = {"INDIA": {"clickpost_username": "acme"}, "GLUF": {"clickpost_key": "s3cret"}}
    registry = AccountRegistry(home(accounts=WrittenAccounts(tables.tables, variables)), None)
    assert [account.works for account in (await registry.all()).values()] == [True]
    assert registry.known["india"].checked().clickpost_username == "acme"
    assert registry.strays() == [
        "AWBRIDGE_ACCOUNTS__GLUF__CLICKPOST_KEY is of no account; awbridge accounts list shows them all"
    ]
