"""The progress of a long command on standard error: a live line on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from tqdm import tqdm

LINE_EVERY = 5.0  # seconds


class Progress:
    """How many of `total` are done, how many a second, and the time left, while the block runs.

    `name`: what is counted, in the plural. `total`: None if it is unknown. `done`: how many were done before.
    `quiet`: show nothing.
    """

    def __init__(self, name: str, total: int | None = None, *, done: int = 0, quiet: bool = False) -> None:
        self._name = name
        self._total = total
        self._first = self._done = done
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._started = self._shown_at = time.monotonic()

    def __enter__(self) -> Self:
        if not self._quiet and sys.stderr.isatty():
            from tqdm import tqdm

            form = "{desc:<28} {n:,}" if self._total is None else "{desc:<28} {bar} {n:,} of {total:,}"
            tail = ", {rate_fmt}, {elapsed}" if self._total is None else ", {rate_fmt}, {remaining} left"
            self._bar = tqdm(
                desc=self._name,
                total=self._total,
                initial=self._first,
                unit="",
                bar_format=form + tail,
                file=sys.stderr,
            )
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._bar.close()
        elif not self._quiet:
            self._print()

    def update(self, done: int) -> None:
        """`done` is the number so far."""
        more, self._done = done - self._done, done
        if self._bar is not None:
            self._bar.update(more)
        elif not self._quiet and time.monotonic() - self._shown_at >= LINE_EVERY:
            self._print()

    def advance(self, more: int) -> None:
        """So many more are done."""
        self.update(self._done + more)

    def _print(self) -> None:
        self._shown_at = time.monotonic()
        click.echo(progress_line(self._name, self._done, self._total, self._rate()), err=True)

    def _rate(self) -> float:
        seconds = time.monotonic() - self._started
        return (self._done - self._first) / seconds if seconds else 0.0


def progress_line(name: str, done: int, total: int | None, rate: float) -> str:
    """How far a task is, at a rate per second: `orders read: 12,000 of 1,000,000, 812/s, 0:20:16 left`."""
    line = f"{name}: {done:,}" if total is None else f"{name}: {done:,} of {total:,}"
    line += f", {rate:,.0f}/s"
    if total is None or done >= total:
        return line
    return line + (f", {timedelta(seconds=round((total - done) / rate))} left" if rate else ", time left unknown")
