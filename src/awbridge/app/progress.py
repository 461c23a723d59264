"""The progress of a long command on standard error: a live line on a terminal, else a line now and then.

A command that ends within two seconds shows none.
"""

from __future__ import annotations

import asyncio
import sys
import time
from contextlib import suppress
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import click

if TYPE_CHECKING:
    from tqdm import tqdm

SHOWN_AFTER = 2.0  # seconds
LINE_EVERY = 5.0  # seconds until the first line; each further one takes twice as long, up to a minute
LONGEST_PAUSE = 60.0
_TICK = 0.5


class Progress:
    """How many of `total` are done, how many a second, and the time left, while the block runs.

    `name`: what is counted, in the plural, or what is waited for. `total`: None if it is unknown. `done`: how many were
    done before. `quiet`: show nothing. With `async with`, the line also changes while nothing is reported.
    """

    def __init__(self, name: str, total: int | None = None, *, done: int = 0, quiet: bool = False) -> None:
        self.name = name
        self.total = total
        self._first = self._done = done
        self._quiet = quiet
        self._bar: tqdm[Any] | None = None
        self._ticking: asyncio.Task[None] | None = None
        self._pause = LINE_EVERY
        self._begun = self._started = self._shown_at = time.monotonic()  # the command; its current part
        self._printed = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        if self._bar is not None:
            self._redraw(self._bar)
            self._bar.close()
        elif self._printed:
            self._print()

    async def __aenter__(self) -> Self:
        self._ticking = asyncio.create_task(self._tick())
        return self.__enter__()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None
    ) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            with suppress(asyncio.CancelledError):
                await self._ticking
        self.__exit__(kind, error, at)

    def update(self, done: int) -> None:
        """`done` is the number so far."""
        self._done = done
        self._show()

    def advance(self, more: int) -> None:
        """So many more are done."""
        self.update(self._done + more)

    def rename(self, name: str, total: int | None = None, *, done: int = 0) -> None:
        """Another part of the work begins: another thing is counted or waited for."""
        if (name, total) == (self.name, self.total):
            return
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        self.name, self.total, self._first, self._done = name, total, done, done
        self._started = time.monotonic()

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._show()

    def _show(self) -> None:
        now = time.monotonic()
        if self._quiet or now - self._begun < SHOWN_AFTER:
            return
        if sys.stderr.isatty():
            if self._bar is None:
                self._bar = self._new_bar()
            elif now - self._shown_at < _TICK / 5:
                return
            self._shown_at = now
            self._redraw(self._bar)
        elif now - self._shown_at >= self._pause:
            self._pause = min(2 * self._pause, LONGEST_PAUSE)
            self._print()

    def _new_bar(self) -> tqdm[Any]:
        from tqdm import tqdm

        bar = tqdm(desc=self.name, total=self.total, initial=self._first, unit="", file=sys.stderr, delay=1e9)
        bar.start_t -= self._elapsed()
        bar.delay = 0
        return bar

    def _redraw(self, bar: tqdm[Any]) -> None:
        form = "{desc:<28} {n:,}" if self.total is None else "{desc:<28} {bar} {n:,} of {total:,}"
        tail = ", {rate_fmt}, {elapsed}" if self.total is None else ", {rate_fmt}, {remaining} left"
        counted = self.total is not None or self._done
        bar.bar_format = form + tail if counted else "{desc:<28} {elapsed}"
        bar.n = self._done
        bar.refresh()

    def _print(self) -> None:
        self._shown_at, self._printed = time.monotonic(), True
        if self.total is None and not self._done:
            click.echo(f"{self.name}: {timedelta(seconds=round(self._elapsed()))}", err=True)
        else:
            click.echo(progress_line(self.name, self._done, self.total, self._rate()), err=True)

    def _elapsed(self) -> float:
        return time.monotonic() - self._started

    def _rate(self) -> float:
        seconds = self._elapsed()
        return (self._done - self._first) / seconds if seconds else 0.0


def progress_line(name: str, done: int, total: int | None, rate: float) -> str:
    """How far a task is, at a rate per second: `orders read: 12,000 of 1,000,000, 812/s, 0:20:16 left`."""
    line = f"{name}: {done:,}" if total is None else f"{name}: {done:,} of {total:,}"
    line += f", {rate:,.0f}/s" if rate >= 1 or not rate else f", {rate:.2g}/s"
    if total is None or done >= total:
        return line
    return line + (f", {timedelta(seconds=round((total - done) / rate))} left" if rate else ", time left unknown")
