"""Processes of awbridge, forked from one that has imported it: an import of its own takes each of them two seconds.

Each is a process like any other, with its own environment, folder and log. `python -m tests.support.fork_server` serves
requests on standard input, one a line, and answers each on standard output.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

import anyio

_IMPORTED = (
    *("awbridge.app.serve", "awbridge.app.work", "awbridge.cli.rehearsal.demo", "awbridge.cli.service"),
    *("awbridge.sandbox", "awbridge.store.engine.postgres"),
    *("awbridge.app.load_settings", "awbridge.app.logs", "uvloop", "httpcore2", "uvicorn.lifespan.off"),
)
_ROOT = Path(__file__).parents[2]
_one_by_one = threading.Lock()
_server: subprocess.Popen[str] | None = None


class Forked:
    """`awbridge` with these arguments, with the methods of a Popen. Its output is appended to `log`."""

    def __init__(self, arguments: Sequence[str], env: Mapping[str, str], folder: Path, log: Path) -> None:
        request = {"arguments": list(arguments), "env": dict(env), "folder": str(folder), "log": str(log)}
        self.pid: int = _ask(request)
        self.returncode: int | None = None

    def poll(self) -> int | None:
        if self.returncode is None:
            self.returncode = _ask({"ended": self.pid})
        return self.returncode

    def wait(self, timeout: float) -> int:
        deadline = time.monotonic() + timeout
        while (code := self.poll()) is None:
            if time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(["awbridge"], timeout)
            time.sleep(0.01)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:  # its id is its own until `poll` has learned of its end
            os.kill(self.pid, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


def _ask(request: Mapping[str, Any]) -> Any:
    global _server
    with _one_by_one:
        if _server is None:
            command = [sys.executable, "-m", "tests.support.fork_server"]
            _server = subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        assert _server.stdin
        assert _server.stdout
        _server.stdin.write(json.dumps(request) + "\n")
        _server.stdin.flush()
        return json.loads(_server.stdout.readline())


def stop() -> None:
    """End the server, if it was needed; its processes have been ended by their tests."""
    global _server
    if _server is not None:
        _server.communicate(timeout=60)
        _server = None


def prepare(modules: Sequence[str]) -> None:
    """Do once what each process would do as it starts: half of its start were imports and the routes of the API."""
    for name in modules:
        importlib.import_module(name)
    importlib.import_module("awbridge.web.api_app").described_app()
    anyio.run(anyio.sleep, 0)  # imports what runs it
    gc.freeze()


def _serve() -> None:
    prepare(_IMPORTED)
    while line := sys.stdin.readline():
        request = json.loads(line)
        if process := request.get("ended"):
            answer = _ended(process)
        elif (answer := os.fork()) == 0:
            _become(request)
        print(json.dumps(answer), flush=True)  # noqa: T201 the answer


def _ended(process: int) -> int | None:
    """The exit code, as Popen has it; None while it runs."""
    found, status = os.waitpid(process, os.WNOHANG)
    return os.waitstatus_to_exitcode(status) if found else None


def _become(request: Mapping[str, Any]) -> NoReturn:
    """This process, from now on as if started by a shell. Does not return to the server's loop: the command exits."""
    nothing = os.open(os.devnull, os.O_RDONLY)
    log = os.open(request["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    for descriptor, standard in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, standard)
    os.environ.clear()
    os.environ.update(request["env"])
    os.chdir(request["folder"])
    sys.argv = ["awbridge", *request["arguments"]]
    from awbridge.cli import main

    main(prog_name="awbridge")
    sys.exit(0)


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        _serve()
