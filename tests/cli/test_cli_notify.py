"""`awbridge notices`, `endpoints`, `opt-outs` and `alarms` as an operator types them."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from awbridge.cli import main
from awbridge.domain.notify.notices import Channel
from awbridge.store import Store
from awbridge.store.notify import alarms
from tests.steps.notify.test_notify import hear
from tests.support.notices import Kept, a_customer, notify
from tests.support.processes import bridge_environment
from tests.support.rows import T0
from tests.support.stores import migrated_file
from tests.support.world import SetClock, webhook

pytestmark = pytest.mark.heavy


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A function that runs one command in a new folder."""
    monkeypatch.chdir(tmp_path)
    database = asyncio.run(migrated_file(tmp_path, "cli.db"))
    for name, value in bridge_environment(database, "http://127.0.0.1:9", 0).items():
        monkeypatch.setenv(name, value)

    def run(*arguments: str) -> Result:
        return CliRunner().invoke(main, arguments)

    return run


@pytest.fixture
def notified(awbridge: Any, tmp_path: Path) -> None:
    """A customer who was notified of one milestone, and an alarm."""

    async def go() -> None:
        store = await Store.open(f"sqlite:///{tmp_path}/cli.db")
        await a_customer(store, "R", "AWB1")
        clock = SetClock(T0)
        await hear(store, clock, webhook("AWB1", 6, T0))
        await notify(store, {Channel.SMS: Kept(), Channel.WHATSAPP: Kept()}, clock)
        async with store.write() as session:
            await alarms.raise_(session, "disk", "the disk is full", now=T0)
        await store.close()

    asyncio.run(go())


@pytest.mark.usefixtures("notified")
def test_notices_and_alarms_are_listed(awbridge: Any) -> None:
    found = json.loads(awbridge("notices", "list", "--shipment", "R", "--json").stdout)
    assert {n["channel"]: n["state"] for m in found for n in m["notices"]} == {"sms": "sent", "whatsapp": "suppressed"}
    assert len(json.loads(awbridge("notices", "list", "--state", "sent", "--json").stdout)["notices"]) == 1
    assert "suppressed" in awbridge("notices", "list").stdout
    assert json.loads(awbridge("alarms", "list", "--json").stdout)[0]["cause"] == "disk"


def test_a_preview_shows_the_message_text(awbridge: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_NOTICE_BRAND", "Bazaar")
    assert awbridge("notices", "preview", "delivered").stdout.startswith("Bazaar: Your order 1001 was delivered")
    mail = awbridge("notices", "preview", "delivered", "--channel", "mail", "--language", "hi")
    assert mail.stdout.startswith("subject: ऑर्डर 1001")
    html = awbridge("notices", "preview", "delivered", "--channel", "mail", "--html").stdout
    assert html.startswith("<!doctype html>")
    assert awbridge("notices", "preview", "delivered", "--html").exit_code == 1


def test_a_preview_says_which_language_is_sent_instead_of_one_without_templates(awbridge: Any) -> None:
    tamil = awbridge("notices", "preview", "delivered", "--language", "ta")
    assert "Your order 1001 was delivered" in tamil.stdout
    assert "no template of this message in 'ta'; it is sent in 'en'" in tamil.stderr
    assert awbridge("notices", "preview", "delivered", "--language", "ar").stderr == ""


def test_the_lint_fails_on_a_broken_template(awbridge: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert awbridge("notices", "lint").stdout == "all templates ok\n"
    (tmp_path / "words" / "en").mkdir(parents=True)
    (tmp_path / "words" / "en" / "lost.sms.j2").write_text("{{ nosuch }}")
    monkeypatch.setenv("AWBRIDGE_TEMPLATES_DIR", str(tmp_path / "words"))
    broken = awbridge("notices", "lint")
    assert broken.exit_code == 1
    assert "unknown variable nosuch" in " ".join(broken.stdout.split())
    monkeypatch.setenv("AWBRIDGE_TEMPLATES_DIR", "nowhere")
    assert "AWBRIDGE_TEMPLATES_DIR" in awbridge("notices", "lint").stderr


def test_endpoints_are_added_changed_and_removed(awbridge: Any) -> None:
    added = awbridge("endpoints", "add", "https://8.8.8.8/hook", "--kind", "delivered")
    number, secret = (line.split()[1] for line in added.stdout.splitlines())
    assert secret.startswith("whsec_")
    (listed,) = json.loads(awbridge("endpoints", "list", "--json").stdout)
    assert (str(listed["id"]), listed["kinds"]) == (number, ["delivered"])
    assert "secret" not in listed
    assert "8.8.8.8" in awbridge("endpoints", "list").stdout
    assert awbridge("endpoints", "list", "--deliveries", number).stdout == "no deliveries\n"
    assert awbridge("endpoints", "rotate", number).stdout.split()[1] != secret
    assert awbridge("endpoints", "set", number, "https://8.8.8.8/new", "--kind", "lost").output == "changed\n"
    assert awbridge("endpoints", "replay", number, "--since", "2020-01-01").output == "0 events are due again\n"
    assert awbridge("endpoints", "redeliver", number).stdout == "0 events are due again\n"
    assert awbridge("endpoints", "disable", number).stdout == "disabled\n"
    assert "disabled by hand" in awbridge("endpoints", "list", "--json").stdout
    assert awbridge("endpoints", "enable", number).stdout == "enabled\n"
    assert awbridge("endpoints", "remove", number, "--yes").stdout == "removed\n"
    for command in (("rotate",), ("enable",), ("disable",), ("remove", "--yes"), ("redeliver",)):
        gone = awbridge("endpoints", *command, number)
        assert gone.exit_code == 1
        assert "there is no endpoint" in gone.stderr


def test_a_private_endpoint_is_refused(awbridge: Any) -> None:
    refused = awbridge("endpoints", "add", "https://10.0.0.1/hook")
    assert refused.exit_code == 1
    assert "AWBRIDGE_ENDPOINT_NETWORKS" in " ".join(refused.stderr.split())


def test_opting_out(awbridge: Any, tmp_path: Path) -> None:
    assert awbridge("opt-outs", "add", "+919000000001").stdout == "added\n"
    assert awbridge("opt-outs", "add", "90000 00001").stdout == "known already\n"
    assert awbridge("opt-outs", "add", "a@example.com", "--channel", "mail").stdout == "added\n"
    assert len(json.loads(awbridge("opt-outs", "list", "--json").stdout)["opt_outs"]) == 2
    assert b"9000000001" not in (tmp_path / "cli.db").read_bytes()
    assert awbridge("opt-outs", "remove", "9000000001").stdout == "removed\n"
    assert awbridge("opt-outs", "remove", "9000000001").exit_code == 1
    assert awbridge("opt-outs", "add", "nobody").exit_code == 1


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"NOTICE_MAIL": "true"}, "AWBRIDGE_SMTP_URL is not set"),
        ({"NOTICE_SMS_URL": "json://host/x"}, "AWBRIDGE_NOTICE_SMS_URL needs {to}"),
        ({"ALARM_URLS": "nosuch://hunter2"}, "AWBRIDGE_ALARM_URLS: apprise does not support this URL of nosuch"),
        ({"NOTICE_QUIET_HOURS": "sms=late"}, "AWBRIDGE_NOTICE_QUIET_HOURS"),
        ({"ENDPOINT_NETWORKS": "10.0.0.0/33"}, "AWBRIDGE_ENDPOINT_NETWORKS"),
    ],
)
def test_settings_that_cannot_work_stop_the_start(
    awbridge: Any, monkeypatch: pytest.MonkeyPatch, settings: dict[str, str], problem: str
) -> None:
    for name, value in settings.items():
        monkeypatch.setenv(f"AWBRIDGE_{name}", value)
    stopped = awbridge("work")
    assert stopped.exit_code == 1
    assert problem in " ".join(stopped.stderr.split())
    assert "hunter2" not in stopped.stderr
