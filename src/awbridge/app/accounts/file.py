"""The accounts in the file of settings, read again while the process runs."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog

from awbridge.app.accounts.configured import ConfiguredAccounts
from awbridge.app.settings.sources import FileOfSettings, WrittenAccounts, read_file, tables_of
from awbridge.app.settings.spelling import TABLE
from awbridge.domain.errors import SettingsError

log = structlog.get_logger()

SETTLED = 2.0  # seconds without a change, after which a file counts as written to its end


@dataclass(frozen=True, slots=True)
class _Stamp:
    """What differs once a file was written or replaced."""

    changed_at: float  # seconds since 1970
    size: int
    inode: int


class AccountsFile:
    """The accounts of the file of settings. `look` reads them again if the file has changed.

    Only the tables of accounts are read again. The settings above them are those of the process's start: every account
    that inherits them would change with them, and half of them are read only then. While the file cannot be read, the
    accounts stay as they were, and `problem` says why. `written`: what was read at the start; None where settings were
    not read from a file, and none is looked for. `now` is in seconds since 1970, `steady` is monotonic.
    """

    def __init__(
        self,
        written: WrittenAccounts | None,
        *,
        now: Callable[[], float] = time.time,
        steady: Callable[[], float] = time.monotonic,
    ) -> None:
        self._is_followed = written is not None
        self._written = written = written or WrittenAccounts()
        self._now = now
        self._steady = steady
        self._at_start = _above(written.file)
        self._read: _Stamp | None = None
        self._seen: tuple[_Stamp | None, float] = None, float("-inf")
        self.configured = ConfiguredAccounts(written)
        self.problem = ""
        self.revision = 0
        """How often the file was read again with another content."""

    @property
    def path(self) -> Path:
        """The file."""
        return self._written.file.path

    def look(self) -> None:
        """Read the accounts again if the file has changed and is no longer being written."""
        if not self._is_followed:
            return
        stamp = _stamp(self.path)
        if stamp == self._read:
            return
        if not self._has_settled(stamp):
            return
        self._read = stamp
        try:
            self._take(self._again(stamp))
        except SettingsError as error:
            self._say(f"{error}. Until then, the accounts stay as they were")

    def _has_settled(self, stamp: _Stamp | None) -> bool:
        if stamp and self._now() - stamp.changed_at >= SETTLED:
            return True
        seen, since = self._seen
        if seen != stamp or since == float("-inf"):
            self._seen = stamp, self._steady()
            return False
        return self._steady() - since >= SETTLED

    def _again(self, stamp: _Stamp | None) -> WrittenAccounts:
        if stamp is None:
            raise SettingsError(f"{self.path} is gone; put it back, or restart the service without it")
        file = read_file(self.path)
        tables, problem = tables_of(file)
        if problem:
            raise SettingsError(problem)
        return replace(self._written, tables=tables, file=file, problem="")

    def _take(self, written: WrittenAccounts) -> None:
        before, self._written = self._written, written
        self.problem = ""
        if written.file.text == before.file.text:
            return
        self.configured = ConfiguredAccounts(written)
        self.revision += 1
        names = before.tables.keys() | written.tables.keys()
        changed = [name for name in sorted(names) if before.tables.get(name) != written.tables.get(name)]
        log.info("accounts.file_read", file=str(self.path), accounts=len(written.tables), changed=changed[:_SHOWN])
        above = _above(written.file)
        if waiting := sorted(n for n in {*above, *self._at_start} if above.get(n) != self._at_start.get(n)):
            log.warning("accounts.file_needs_restart", file=str(self.path), settings=waiting)

    def _say(self, problem: str) -> None:
        if problem != self.problem:
            log.error("accounts.file_not_read", problem=problem)
        self.problem = problem


_SHOWN = 20  # accounts that a line of the log names


def _above(file: FileOfSettings) -> Mapping[str, Any]:
    """What stands above the tables of accounts."""
    return {name: value for name, value in file.values.items() if name != TABLE}


def _stamp(path: Path) -> _Stamp | None:
    """None where there is no file."""
    try:
        found = path.stat()
    except OSError:
        return None
    return _Stamp(found.st_mtime, found.st_size, found.st_ino)
