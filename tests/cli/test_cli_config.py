"""The settings as an operator sees them: shown with their source, misspelt ones told, the file chosen by --config."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from awbridge.app.settings import PREFIX
from awbridge.cli import main

Run = Callable[..., Result]


@pytest.fixture
def awbridge(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """A function that runs one command in a new folder without settings."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith(PREFIX):
            monkeypatch.delenv(name)
    return lambda *arguments: CliRunner().invoke(main, arguments)


def test_every_setting_is_shown_with_its_source_and_no_secret(
    awbridge: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "other.toml").write_text('log_level = "debug"\nreport_to = ["a@b.example", "c@d.example"]\n')
    (tmp_path / "key").write_text("s3cret\n")
    monkeypatch.setenv("AWBRIDGE_CLICKPOST_KEY_FILE", "key")
    monkeypatch.setenv("AWBRIDGE_WEBHOOK_KEYS", "s3cret-a,s3cret-b")
    monkeypatch.setenv("AWBRIDGE_PORT", "9000")
    table = awbridge("--config", "other.toml", "config", "show", "--changed")
    assert [line.split(None, 2) for line in table.stdout.splitlines()[1:]] == [
        ["AWBRIDGE_CLICKPOST_KEY", "***", "secret file: key"],
        ["AWBRIDGE_WEBHOOK_KEYS", "***,***", "environment: AWBRIDGE_WEBHOOK_KEYS"],
        ["AWBRIDGE_REPORT_TO", "a@b.example,c@d.example", "file: other.toml, line 2"],
        ["AWBRIDGE_PORT", "9000", "environment: AWBRIDGE_PORT"],
        ["AWBRIDGE_LOG_LEVEL", "debug", "file: other.toml, line 1"],
    ]
    found = {row["setting"]: row for row in json.loads(awbridge("config", "show", "--json").stdout)}
    assert found["AWBRIDGE_PORT"]["value"] == 9000
    assert found["AWBRIDGE_LOG_LEVEL"] == {
        "setting": "AWBRIDGE_LOG_LEVEL",
        "value": "info",
        "source": "default",
        "place": None,
    }
    assert found["AWBRIDGE_WEBHOOK_KEYS"]["value"] == ["***", "***"]
    assert "s3cret" not in json.dumps(found) + table.output


@pytest.mark.parametrize("command", ["serve", "work"])
def test_a_misspelt_setting_stops_the_service(awbridge: Run, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    monkeypatch.setenv("AWBRIDGE_CLIKPOST_KEY", "s3cret")
    result = awbridge(command)
    assert (result.exit_code, result.stderr) == (
        1,
        "error: AWBRIDGE_CLIKPOST_KEY is not a setting; did you mean AWBRIDGE_CLICKPOST_KEY?\n",
    )


def test_other_commands_warn_of_it(awbridge: Run, tmp_path: Path) -> None:
    (tmp_path / "awbridge.toml").write_text("prot = 1\n")
    result = awbridge("config", "show", "--changed")
    assert (result.exit_code, result.stdout) == (0, "every setting is at its default\n")
    assert result.stderr == "warning: prot (awbridge.toml, line 1) is not a setting; did you mean port?\n"


def test_a_file_of_settings_that_is_named_must_exist(awbridge: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    result = awbridge("--config", "absent.toml", "shipments", "list")
    assert (result.exit_code, result.stderr.startswith("error: --config names absent.toml")) == (1, True)
    monkeypatch.setenv("AWBRIDGE_CONFIG", "absent.toml")
    assert awbridge("work").stderr.startswith("error: AWBRIDGE_CONFIG names absent.toml")


def test_a_setting_is_explained_by_either_of_its_names(awbridge: Run) -> None:
    text = awbridge("config", "explain", "push_concurrency", "AWBRIDGE_CLICKPOST_KEY").stdout
    assert "AWBRIDGE_PUSH_CONCURRENCY: whole number from 1 to 200; default: 100\n" in text
    assert "adapts (docs/how-to/operate/operations.md#concurrent-calls)" in text
    assert "AWBRIDGE_CLICKPOST_KEY: text, secret; default: none\n" in text
    assert "  Example: the-key-of-your-profile\n" in text
    (row,) = json.loads(awbridge("config", "explain", "retry_delays", "--json").stdout)
    assert (row["setting"], row["default"]) == ("AWBRIDGE_RETRY_DELAYS", "60,300,900,3600,7200,14400,28800")
    assert row["example"] == "60,300,900"


def test_an_unknown_setting_is_not_explained_but_the_one_that_was_meant_is_named(awbridge: Run) -> None:
    refused = awbridge("config", "explain", "push_rates")
    assert refused.exit_code == 1
    assert "did you mean AWBRIDGE_PUSH_RATE?" in refused.stderr
    refused = awbridge("config", "explain", "AWBRIDGE_CONFIG")
    assert (refused.exit_code, refused.stderr) == (1, "error: AWBRIDGE_CONFIG is not a setting\n")
    assert awbridge("config", "explain", "clickpost_key_file").stdout.startswith("AWBRIDGE_CLICKPOST_KEY: ")
