"""What holds for every command: forms of output, pages of lists, examples, whole help, completion."""

from __future__ import annotations

import csv
import inspect
import io
import json
import re
from typing import Any

import click
import pytest
from click.shell_completion import BashComplete
from click.testing import CliRunner

from awbridge.cli import main
from tests.cli.test_cli import awbridge  # noqa: F401
from tests.support.commands import commands, groups

pytestmark = pytest.mark.heavy

# Commands that print no data: servers, and those that only say that it is done.
NO_DATA = {
    *("serve", "work", "sandbox"),
    *("couriers remove", "couriers reset", "couriers downtime remove", "endpoints remove"),
    *("opt-outs add", "opt-outs remove"),
}
# What prints a list, beside the commands called `list`.
LISTS = {
    *("shipments scans", "shipments attempts", "shipments silent", "couriers accounts", "webhook keys", "replay"),
    *("reconcile show", "schedules"),
}
PRINTS = re.compile(r"output\.(show|print)|Results\(")
COMMANDS = {" ".join(path): command for path, command in commands(main)}


def options(command: click.Command) -> set[str]:
    return {name for parameter in command.params for name in parameter.opts}


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_prints_data_prints_json_and_csv(name: str) -> None:
    command = COMMANDS[name]
    if {"--json", "--csv"} <= options(command):
        assert name not in NO_DATA
        return
    assert name in NO_DATA, "take @form_options, and print through awbridge.cli.output"
    assert command.callback
    assert not PRINTS.search(inspect.getsource(inspect.unwrap(command.callback)))


@pytest.mark.parametrize("name", [name for name in COMMANDS if name.split()[-1] == "list" or name in LISTS])
def test_a_list_has_pages(name: str) -> None:
    assert {"--limit", "--cursor"} <= options(COMMANDS[name])


def test_the_lists_exist() -> None:
    assert set(COMMANDS) >= LISTS | NO_DATA


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_has_an_example_and_help_for_each_option(name: str) -> None:
    command = COMMANDS[name]
    assert re.search(rf"Example: (\w+=\S+ )?awbridge {name}\b", inspect.cleandoc(command.help or ""))
    for option in command.params:
        if isinstance(option, click.Option):
            assert option.help, option.opts


@pytest.mark.parametrize("name", COMMANDS)
def test_no_range_of_numbers_takes_nan(name: str) -> None:
    for option in COMMANDS[name].params:
        if isinstance(option.type, click.FloatRange):
            with pytest.raises(click.BadParameter):
                option.type.convert("nan", option, None)


@pytest.mark.parametrize("group", [*groups(main)], ids=lambda group: group.name)
def test_no_line_of_a_groups_help_is_cut(group: click.Group) -> None:
    shown = " ".join(CliRunner().invoke(group, ["--help"], terminal_width=60).output.split())
    for name, command in group.commands.items():
        sentence = command.get_short_help_str(1000)
        assert not sentence.endswith("..."), name
        assert sentence in shown


# Commands that read, with the route of the API that shows the same.
READS = {
    "actions list": "/v1/actions",
    "alarms list": "/v1/alarms",
    "answers list": "/v1/answers",
    "archive status": None,
    "catch-up --status": "/v1/coverage",
    "couriers accounts": "/v1/accounts",
    "couriers downtime list": "/v1/downtimes",
    "couriers list": "/v1/couriers",
    "couriers rules list": "/v1/allocation-rules",
    "endpoints list": "/v1/endpoints",
    "keys list": "/v1/keys",
    "manifests list": None,
    "notices list": None,
    "opt-outs list": None,
    "people list": None,
    "reconcile list": "/v1/reconciliations",
    "replay --list": None,
    "schedules": "/v1/schedules?last=1",
    "shipments list": "/v1/shipments",
    "shipments silent": "/v1/shipments?silent=true",
    "webhook keys": None,
    "labels list": None,
    "answers rules": None,
}


@pytest.mark.parametrize("name", READS)
def test_an_empty_list_is_json_and_a_header_of_csv(awbridge: Any, name: str) -> None:  # noqa: F811
    as_json = awbridge(*name.split(), "--json")
    assert as_json.exit_code == 0, as_json.output
    json.loads(as_json.stdout)
    as_csv = awbridge(*name.split(), "--csv")
    assert as_csv.exit_code == 0, as_csv.output
    header, *_ = csv.reader(io.StringIO(as_csv.stdout, newline=""))
    assert all(header)
    assert as_csv.stdout_bytes.endswith(b"\r\n")


def complete(words: str) -> set[str]:
    *before, last = words.split(" ")
    found = BashComplete(main, {}, "awbridge", "_AWBRIDGE_COMPLETE").get_completions(before, last)
    return {item.value for item in found}


def test_commands_options_and_values_are_completed() -> None:
    assert complete("ship") == {"shipments"}
    assert {"list", "import", "retry"} <= complete("shipments ")
    assert {"--state", "--stuck", "--json", "--csv", "--cursor"} <= complete("shipments list --")
    assert complete("shipments list --state re") == {"ready", "retrying", "rejected"}
    assert complete("couriers downtime ") == {"add", "list", "remove"}


def test_transporters_are_completed(awbridge: Any) -> None:  # noqa: F811
    for name in ("delhivery", "dtdc", "ekart"):
        awbridge("couriers", "add", name, "--courier-partner-id", "4")
    assert complete("couriers move d") == {"delhivery", "dtdc"}
    assert complete("couriers set ekart --fallback e") == {"ekart"}


def test_without_a_database_nothing_is_completed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWBRIDGE_DATABASE_URL", "postgresql://127.0.0.1:9/nothing")
    assert complete("couriers remove d") == set()


def test_no_color_is_respected() -> None:
    def shown(**environment: str) -> str:
        wrong = ["reconcile", "--kind", "registered"]
        return CliRunner().invoke(main, wrong, color=True, env={"TERM": "xterm", **environment}).stderr

    assert shown(NO_COLOR="").startswith("\x1b[")
    for environment in ({"NO_COLOR": "1"}, {"TERM": "dumb"}):
        assert shown(**environment) == "error: --kind goes with --file\n"
