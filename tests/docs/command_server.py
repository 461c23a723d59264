"""The commands of the pages, each a process of its own, forked from one that has imported awbridge.

`python -m tests.docs.command_server SOCKET` serves the programs that `client` writes: each passes on its arguments, its
environment, its folder and its standard streams, and ends with the exit code. An import costs a second, a fork 10 ms.
"""

from __future__ import annotations

import contextlib
import json
import os
import runpy
import selectors
import signal
import socket
import sys
import threading
import warnings
from pathlib import Path
from typing import Any, NoReturn

from tests.support.fork_server import prepare

_IMPORTED = (
    *("awbridge.app.serve", "awbridge.app.work", "awbridge.app.doctor", "awbridge.app.policies"),
    *("awbridge.cli.service", "awbridge.sandbox", "awbridge.store.engine.postgres", "tests.docs.given"),
    *("awbridge.app.load_settings", "awbridge.app.logs", "uvloop", "httpcore2", "uvicorn.lifespan.off"),
)

_CLIENT = """#!{python} -IS
import json, os, signal, socket, sys
line = socket.socket(socket.AF_UNIX)
line.connect({path!r})
text = json.dumps({{"program": {program!r}, "arguments": sys.argv[1:], "env": dict(os.environ), "folder": os.getcwd()}})
socket.send_fds(line, [str(len(text.encode())).rjust(12).encode()], [0, 1, 2])
line.sendall(text.encode())
process = int(line.recv(12))
for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
    signal.signal(number, lambda number, _: os.kill(process, number))
code = line.recv(12)
if not code:
    sys.exit(137)
sys.exit(int(code) if int(code) >= 0 else 128 - int(code))
"""


def client(folder: Path, program: str, server: Path) -> None:
    """Write the program of that name into the folder: it hands its call to the server."""
    file = folder / program
    file.write_text(_CLIENT.format(python=sys.executable, path=str(server), program=program))
    file.chmod(0o755)


class Server:
    """Forks the programs, and tells each client how its process ended."""

    def __init__(self, path: str) -> None:
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(path)
        self._listener.listen(64)
        self._waiting: dict[int, socket.socket] = {}  # a process -> its client
        self._selector = selectors.DefaultSelector()
        self._own: tuple[socket.socket, ...] = ()

    def run(self) -> None:
        """Serve until standard input ends."""
        wake, waker = self._own = socket.socketpair()
        wake.setblocking(False)
        waker.setblocking(False)
        signal.set_wakeup_fd(waker.fileno())
        signal.signal(signal.SIGCHLD, lambda *_: None)
        for source in (self._listener, wake, sys.stdin):
            self._selector.register(source, selectors.EVENT_READ)
        while True:
            for key, _ in self._selector.select():
                if key.fileobj is sys.stdin:
                    return self._end()
                if key.fileobj is wake:
                    wake.recv(4096)
                    self._reap()
                elif key.fileobj is self._listener:
                    self._accept()
                else:
                    self._left(key.data)

    def _accept(self) -> None:
        line, _ = self._listener.accept()
        head, streams, _, _ = socket.recv_fds(line, 12, 3)
        text, size = b"", int(head)
        while len(text) < size:
            text += line.recv(size - len(text))
        if (process := os.fork()) == 0:
            self._selector.close()
            self._listener.close()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for other in (line, *self._own, *self._waiting.values()):
                other.close()
            _become(json.loads(text), streams)
        for stream in streams:
            os.close(stream)
        line.sendall(str(process).rjust(12).encode())
        self._waiting[process] = line
        self._selector.register(line, selectors.EVENT_READ, process)

    def _reap(self) -> None:
        for process in list(self._waiting):
            found, status = os.waitpid(process, os.WNOHANG)
            if found:
                line = self._waiting.pop(process)
                self._selector.unregister(line)
                with contextlib.suppress(OSError):  # its client was killed
                    line.sendall(str(os.waitstatus_to_exitcode(status)).rjust(12).encode())
                line.close()

    def _left(self, process: int) -> None:
        """A client was killed: so is its process."""
        line = self._waiting.pop(process)
        self._selector.unregister(line)
        line.close()
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)

    def _end(self) -> None:
        for process in self._waiting:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def _become(call: dict[str, Any], streams: list[int]) -> NoReturn:
    """This process, from now on as if started by a shell."""
    for number, stream in enumerate(streams):
        os.dup2(stream, number)
    for stream in streams:
        if stream > 2:
            os.close(stream)
    os.environ.clear()
    os.environ.update(call["env"])
    os.chdir(call["folder"])
    code: object = 0
    try:
        run(call["program"], call["arguments"])
    except SystemExit as ended:
        code = ended.code
    if call["program"] in ("python", "python3") or threading.active_count() > 1 or not isinstance(code, int | None):
        sys.exit(code)
    # Without the end of the interpreter, which would write to every page of memory that it shares with the server.
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code or 0)


def run(program: str, arguments: list[str]) -> None:
    """A program of the pages: `awbridge`, `given` (tests/docs/given.py), or Python."""
    sys.argv = [program, *arguments]
    if program == "awbridge":
        from awbridge.__main__ import run

        run()
    elif program == "given":
        from tests.docs.given import run as given

        given(arguments)
    elif arguments[:1] == ["-m"]:
        sys.argv = arguments[1:]
        sys.path[0] = os.getcwd()
        runpy.run_module(arguments[1], run_name="__main__", alter_sys=True)
    elif arguments[:1] == ["-"]:
        sys.argv = arguments
        sys.path[0] = os.getcwd()
        exec(compile(sys.stdin.read(), "<stdin>", "exec"), {"__name__": "__main__"})
    elif arguments and not arguments[0].startswith("-"):
        sys.argv = arguments
        sys.path[0] = os.path.dirname(os.path.abspath(arguments[0]))
        warnings.simplefilter("error")
        runpy.run_path(arguments[0], run_name="__main__")
    else:
        os.execv(sys.executable, [sys.executable, *arguments])


def serve(path: str) -> None:
    """Import what commands need, then serve at that socket."""
    prepare(_IMPORTED)
    server = Server(path)
    print("ready", flush=True)  # noqa: T201 to whom started it
    server.run()


if __name__ == "__main__":
    serve(sys.argv[1])
