"""A command imports what it uses: help, completion and lists start without the service and the vendor's models."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import click
import pytest

from awbridge.__main__ import run
from awbridge.cli import main
from awbridge.cli.group import Lazy
from tests.support.commands import groups
from tests.support.stores import migrated_file

pytestmark = pytest.mark.heavy

_PRINT_MODULES = """
import atexit, sys
atexit.register(lambda: print(*sys.modules, file=sys.stderr))
from awbridge.cli import main
main(prog_name="awbridge")
"""

# Packages that only some commands use, and our own modules with many imports.
HEAVY = {
    *("apprise", "aiosmtplib", "asyncpg", "fastapi", "httptools", "httpx2", "jinja2", "obstore", "opentelemetry"),
    *("phonenumbers", "prometheus_client", "pydantic", "pydantic_core", "python_calamine", "stamina"),
    *("aiohttp", "standardwebhooks", "starlette", "uvicorn", "uvloop"),
    *("awbridge.app.connections", "awbridge.app.policies", "awbridge.clickpost.models", "awbridge.web.app"),
}


def imported(folder: Path, *arguments: str, **environment: str) -> set[str]:
    """The modules that a command has imported at its end."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("AWBRIDGE_")}
    clean["AWBRIDGE_DATABASE_URL"] = asyncio.run(migrated_file(folder, "start.db"))
    done = subprocess.run(
        [sys.executable, "-c", _PRINT_MODULES, *arguments],
        env=clean | environment,
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(done.stderr.splitlines()[-1].split())


def of_packages(modules: set[str]) -> set[str]:
    """The installed packages among them."""
    return {name.partition(".")[0] for name in modules} - sys.stdlib_module_names - {"__main__"}


def test_help_imports_only_click_and_the_names_of_commands(tmp_path: Path) -> None:
    modules = imported(tmp_path, "--help")
    assert {name for name in of_packages(modules) if not name.startswith("_")} == {"awbridge", "click"}
    assert {name for name in modules if name.startswith("awbridge.")} <= {
        *("awbridge.cli", "awbridge.cli.group", "awbridge.cli.shared", "awbridge.cli.signals"),
    }
    assert len(modules) < 180


def test_completion_imports_no_service_either(tmp_path: Path) -> None:
    words = {"COMP_WORDS": "awbridge ship", "COMP_CWORD": "1", "_AWBRIDGE_COMPLETE": "bash_complete"}
    assert {name for name in of_packages(imported(tmp_path, **words)) if not name.startswith("_")} == {
        "awbridge",
        "click",
    }


@pytest.mark.parametrize(
    ("command", "most"),
    [
        (("shipments", "list"), 440),
        (("notices", "list"), 440),
        (("actions", "list"), 440),
        (("couriers", "list"), 440),
        (("people", "list"), 440),
        (("doctor", "--help"), 180),
        (("serve", "--help"), 180),
    ],
    ids=str,
)
def test_a_plain_command_imports_only_its_part(tmp_path: Path, command: tuple[str, ...], most: int) -> None:
    modules = imported(tmp_path, *command)
    assert HEAVY & modules == set()
    assert len(modules) < most


def test_serve_imports_neither_the_api_nor_what_it_uses_rarely() -> None:
    """FastAPI and the routes with their models are imported by the first request of the API (`web/later.py`)."""
    command = [sys.executable, "-c", "import sys, awbridge.app.serve; print(*sys.modules)"]
    modules = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    rare = {"apprise", "asyncpg", "fastapi", "obstore", "olefile", "phonenumbers", "python_calamine", "xlsxwriter"}
    assert not (rare | {"awbridge.web.api_app", "awbridge.web.v1.router"}) & modules
    assert len(modules) < 1312


def test_work_imports_no_web_server() -> None:
    command = [sys.executable, "-c", "import sys, awbridge.app.work; print(*sys.modules)"]
    modules = set(subprocess.run(command, capture_output=True, text=True, check=True).stdout.split())
    assert not {"aiohttp", "apprise", "asyncpg", "fastapi", "obstore", "starlette", "uvicorn", "awbridge.web"} & modules
    assert len(modules) < 940


@pytest.mark.parametrize("group", [g for g in groups(main) if any(isinstance(c, Lazy) for c in g.commands.values())])
def test_lists_show_the_help_of_the_commands_themselves(group: click.Group) -> None:
    for name, command in group.commands.items():
        if isinstance(command, Lazy):
            own = command.load()
            assert (name, own.name) == (command.name, command.name)
            assert command.get_short_help_str() == own.get_short_help_str(1000)


@pytest.mark.parametrize("loaded", [True, False])
def test_a_command_that_used_object_storage_ends_with_its_own_exit_code(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], loaded: bool
) -> None:
    """Its threads may outlive the command, and would abort an interpreter that ends as usual."""
    ended: list[int] = []
    monkeypatch.setattr(os, "_exit", ended.append)
    monkeypatch.setattr(sys, "argv", ["awbridge", "--nonsense"])
    if loaded:
        monkeypatch.setitem(sys.modules, "obstore", ModuleType("obstore"))
    else:
        monkeypatch.delitem(sys.modules, "obstore", raising=False)
    with pytest.raises(SystemExit):
        run()
    assert ended == ([2] if loaded else [])
    assert "nonsense" in capfd.readouterr().err
