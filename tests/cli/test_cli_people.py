"""`awbridge people` and `keys`."""

from __future__ import annotations

import asyncio
import json
import re
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.cli import main
from awbridge.store import Store
from awbridge.store.people import audit_log
from tests.support.people import PASSWORD, cheap_passwords
from tests.support.processes import bridge_environment
from tests.support.stores import migrated_file

__all__ = ["cheap_passwords"]


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command in a new folder."""
    monkeypatch.chdir(tmp_path)
    database = asyncio.run(migrated_file(tmp_path, "cli.db"))
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str, typed: str | None = None) -> Result:
        return CliRunner().invoke(main, arguments, input=typed)

    return run


def entries(folder: Path) -> list[audit_log.AuditRecord]:
    async def read() -> list[audit_log.AuditRecord]:
        store = await Store.open(f"sqlite:///{folder}/cli.db")
        async with store.read() as session:
            found = await audit_log.page(session, limit=50)
        await store.close()
        return found

    return asyncio.run(read())


def test_people_are_added_changed_and_disabled(awbridge: Any, tmp_path: Path) -> None:
    assert "no sign-in" in awbridge("people", "list").output
    refused = awbridge("people", "add", "vikram", "--role", "viewer")
    assert refused.exit_code == 1
    assert "first person must be an admin" in refused.output
    added = awbridge("people", "add", "asha@shop.example", "--role", "admin")
    assert re.search(r"\n/password/[\w-]{43}\n", added.output)
    assert (
        "can sign in"
        in awbridge(
            "people", "add", "vikram", "--role", "viewer", "--password", typed=f"{PASSWORD}\n{PASSWORD}\n"
        ).output
    )
    weak = awbridge("people", "add", "weak", "--role", "viewer", "--password", typed="short\nshort\n")
    assert (weak.exit_code, "at least 12" in weak.output) == (1, True)
    assert "vikram is operator" in awbridge("people", "role", "vikram", "--role", "operator").output
    assert re.search(r"/password/[\w-]{43}", awbridge("people", "link", "vikram").output)
    assert "weak" not in awbridge("people", "list").output
    assert "0 sessions ended" in awbridge("people", "end-sessions", "vikram").output
    assert awbridge("people", "disable", "vikram").output == "disabled\n"
    listed = {row["login"]: row for row in json.loads(awbridge("people", "list", "--json").output)}
    assert listed["vikram"]["disabled_at"]
    assert listed["vikram"]["role"] == "operator"
    assert "password" not in str(listed)
    assert awbridge("people", "enable", "vikram").output == "enabled\n"
    assert awbridge("people", "disable", "asha@shop.example").exit_code == 1
    assert awbridge("people", "disable", "nobody").exit_code == 1
    found = entries(tmp_path)
    assert {entry.actor_kind.value for entry in found} == {"command"}
    assert all(entry.actor for entry in found)


def test_keys_are_made_listed_and_revoked(awbridge: Any, tmp_path: Path) -> None:
    made = awbridge("keys", "add", "order system", "--role", "operator").output
    (secret,) = re.findall(r"awbridge_[\w-]{43}", made)
    (number,) = re.findall(r"key (\d+) of order system, operator", made)
    assert awbridge("keys", "add", "order system", "--role", "viewer").exit_code == 1
    listed = awbridge("keys", "list", "--json").output
    assert secret not in listed
    assert str(json.loads(listed)[0]["id"]) == number
    assert "revoked the key of order system" in awbridge("keys", "revoke", number, "--yes").output
    assert json.loads(awbridge("keys", "list", "--json").output)[0]["revoked_at"]
    assert awbridge("keys", "revoke", "7").exit_code == 1
    assert [entry.action for entry in entries(tmp_path)] == ["api_key.revoked", "api_key.added"]


def test_other_commands_are_recorded_under_the_user_of_the_system(
    awbridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOGNAME", "meera")
    assert awbridge("opt-outs", "add", "+919812345678").exit_code == 0
    (entry,) = entries(tmp_path)
    assert (entry.actor_kind.value, entry.actor, entry.action) == ("command", "meera", "opt_out.added")
