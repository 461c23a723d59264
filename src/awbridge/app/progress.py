"""The progress of a long command on standard error: one line, rewritten in place on a terminal."""

from __future__ import annotations

import sys
import time
from types import TracebackType
from typing import Self

import click

REWRITE_SECONDS = 0.1


class Progress:
    """How much of a task is done, shown while the block runs. Without a terminal, only the final figure is printed."""

    def __init__(self, name: str, total: int | None = None, *, quiet: bool = False) -> None:
        self._name = name
        self._total = total
        self._quiet = quiet
        self._done = 0
        self._started = self._shown_at = time.monotonic()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if not self._quiet:
            click.echo(("\r" if sys.stderr.isatty() else "") + self._line(), err=True)

    def update(self, done: int) -> None:
        """`done` is the number so far."""
        self._done = done
        now = time.monotonic()
        if not self._quiet and sys.stderr.isatty() and now - self._shown_at >= REWRITE_SECONDS:
            self._shown_at = now
            click.echo("\r" + self._line(), err=True, nl=False)

    def advance(self, more: int) -> None:
        """So many more are done."""
        self.update(self._done + more)

    def _line(self) -> str:
        of = "" if self._total is None else f"/{self._total}"
        return f"{self._name:<28} {self._done}{of}  {time.monotonic() - self._started:.1f} s"
