"""The processes of a drill, forked from one that has imported awbridge: each import costs two seconds of a core."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import IO

import pytest

from awbridge.rehearsal.processes import Process
from tests.support.fork_server import Forked
from tests.support.processes import environment


class ForkedProcess(Process):
    """Like a Process of the drill. Modules other than awbridge, and other versions of it, are started as ever."""

    def __init__(self, module: Sequence[str], env: dict[str, str], folder: Path, log: IO[bytes]) -> None:
        super().__init__(module, env, folder, log)
        self._module, self._environment, self._path = list(module), environment(env), Path(log.name)
        self._plain = module[0] == "awbridge" and "PYTHONPATH" not in env
        self._forked: Forked | None = None

    def start(self) -> None:
        if not self._plain:
            super().start()
            return
        self._forked = Forked(self._module[1:], self._environment, self._folder, self._path)

    def ended(self) -> bool:
        return super().ended() if not self._plain else self._forked is not None and self._forked.poll() is not None

    def kill(self) -> None:
        super().kill()
        if self._forked:
            self._forked.kill()
            self._forked.wait(60)

    def stop(self) -> None:
        super().stop()
        if self._forked and self._forked.poll() is None:
            self._forked.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._forked.wait(60)
            self._forked.kill()


def fork_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let drills of this test fork their processes."""
    for module in ("processes", "outages.replicas", "outages.run"):
        monkeypatch.setattr(f"awbridge.rehearsal.{module}.Process", ForkedProcess)
