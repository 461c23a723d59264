"""A terminal of a page's reader: one bash, in which the page's blocks run one after another."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

PATIENCE = 120  # seconds for one block
_PRELUDE = Path(__file__).parent / "prelude.sh"


class BlockFailed(AssertionError):
    """A block ended with another exit code than expected. The text has its output."""


@dataclass(frozen=True)
class Ran:
    """What a script printed (on both streams, as a terminal shows it), and its exit code."""

    output: str
    code: int


class Shell:
    """Runs scripts in `folder`. Variables, functions and the current folder stay from one script to the next.

    `prefix` is put before the command that starts bash, as `nsenter` with its options. Scripts and their output are
    kept in `notes`, outside of the reader's folder.
    """

    def __init__(self, folder: Path, env: Mapping[str, str], notes: Path, prefix: Sequence[str] = ()) -> None:
        self._notes = notes
        self._count = 0
        # A leader of its session would make a terminal that it opens its own, and end with it.
        command = ["sh", "-c", '"$@"; exit $?', "sh", *prefix, "bash", "--noprofile", "--norc"]
        self._bash = subprocess.Popen(
            command,
            cwd=folder,
            env=dict(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # bash tells of jobs that end
            start_new_session=True,
        )
        self.run(_PRELUDE.read_text())

    def run(self, script: str, *, stops: bool = True, typed: str | None = None) -> Ran:
        """Run a script to its end. `stops`: at the first command that fails, with BlockFailed. `typed`: what the
        reader types into their terminal; without it, there is no terminal. Raises BlockFailed also when it hangs."""
        file = self._file(script)
        output = file.with_suffix(".out")
        terminal, there = _terminal(typed) if typed is not None else ("/dev/null", ())
        options = "set -e -o pipefail" if stops else "set +e -o pipefail"
        self._write(f"{options}; source {file} >{output} 2>&1 <{terminal}; set -- $?; set +e; echo $1\n")
        try:
            answer = self._answer()
        finally:
            for descriptor in there:
                os.close(descriptor)
        printed = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
        if answer is None:
            raise BlockFailed(f"exit code {self._bash.wait(60)}\n{script}\nprinted:\n{printed}")
        return Ran(printed, int(answer))

    def run_on(self, script: str, ready: str) -> None:
        """Run a script in the background until the shell is closed; return when the address `ready` answers."""
        file = self._file(script)
        log = file.with_suffix(".out")
        self._write(f"set -m; (set -e; source {file}) >{log} 2>&1 </dev/null & set +m; echo $!\n")
        process = int(self._answer() or 0)
        deadline = time.monotonic() + PATIENCE
        wanted = f"{_listens(ready)} && curl -sf -o /dev/null {ready}" if ready else "sleep 1"
        while self.run(f"{wanted} && kill -0 {process}", stops=False).code:
            if time.monotonic() > deadline or self.run(f"kill -0 {process}", stops=False).code:
                raise BlockFailed(
                    f"it does not run on, or {ready} does not answer\n{script}\nprinted:\n{log.read_text()}"
                )
            time.sleep(0.05)

    def variables(self) -> dict[str, str]:
        """The exported variables."""
        lines = self.run("env -0").output.split("\0")
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def close(self) -> None:
        """End what runs on, then bash."""
        for process in self._others():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + 60
        while self._others() and time.monotonic() < deadline:
            time.sleep(0.02)
        for process in self._others():
            _signal(process, signal.SIGKILL)
        self._bash.communicate(timeout=60)

    def _others(self) -> list[int]:
        """What runs in the session of this shell, below it."""
        processes = [int(folder.name) for folder in Path("/proc").iterdir() if folder.name.isdigit()]
        return [process for process in processes if process != self._bash.pid and _session(process) == self._bash.pid]

    def _file(self, script: str) -> Path:
        self._count += 1
        file = self._notes / f"{self._count:03}.sh"
        file.write_text(script if script.endswith("\n") else script + "\n", encoding="utf-8")
        return file

    def _write(self, line: str) -> None:
        assert self._bash.stdin
        self._bash.stdin.write(line.encode())
        self._bash.stdin.flush()

    def _answer(self) -> str | None:
        """The next line of bash; None once it has ended."""
        assert self._bash.stdout
        if not select.select([self._bash.stdout], [], [], PATIENCE)[0]:
            script = self._notes / f"{self._count:03}.sh"
            output = script.with_suffix(".out")
            printed = output.read_text(encoding="utf-8", errors="replace") if output.exists() else ""
            raise BlockFailed(f"it did not end within {PATIENCE} s\n{script.read_text()}\nprinted:\n{printed}")
        line = self._bash.stdout.readline().decode().strip()
        return line or None


def _listens(address: str) -> str:
    """The command that succeeds once something listens there, which costs a tenth of a curl that fails."""
    at = urlsplit(address)
    return f"(: >/dev/tcp/{at.hostname}/{at.port}) 2>/dev/null" if at.port else "true"


def _signal(process: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(process, number)


def _session(process: int) -> int:
    """The session of a process that has not ended; 0 of one that has, though nobody has taken notice of it yet."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        return 0 if state == "Z" else os.getsid(process)
    except OSError:
        return 0


def _terminal(typed: str) -> tuple[str, tuple[int, int]]:
    """The name of a terminal into which that is typed, and what is to be closed afterwards."""
    ours, theirs = pty.openpty()
    os.write(ours, (typed + "\n").encode())
    return os.ttyname(theirs), (ours, theirs)
