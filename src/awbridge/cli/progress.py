"""Shows the progress of an import on standard error: a live line on a terminal, else a line every few seconds."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import timedelta

import click

LINE_EVERY = 5.0  # seconds


@contextmanager
def import_progress(total: int) -> Generator[Callable[[int], None]]:
    """Show how many of `total` orders are done, how many a second, and the time left.

    Yields the function to call with the number of orders in each finished batch.
    """
    if not sys.stderr.isatty():
        yield _Lines(total).add
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        *(TextColumn("importing"), BarColumn(), MofNCompleteColumn()),
        *(TextColumn("{task.fields[rate]}"), TimeRemainingColumn(), TextColumn("left")),
    )
    with Progress(*columns, console=Console(stderr=True)) as bar:
        task, started = bar.add_task("", total=total, rate=""), time.monotonic()

        def add(orders: int) -> None:
            bar.advance(task, orders)
            seconds = time.monotonic() - started
            bar.update(task, rate=f"{bar.tasks[task].completed / seconds:,.0f}/s" if seconds else "")

        yield add


class _Lines:
    def __init__(self, total: int) -> None:
        self._total = total
        self._done = 0
        self._started = self._shown = time.monotonic()

    def add(self, orders: int) -> None:
        self._done += orders
        now = time.monotonic()
        if now - self._shown >= LINE_EVERY:
            self._shown = now
            click.echo(progress_line(self._done, self._total, now - self._started), err=True)


def progress_line(done: int, total: int, seconds: float) -> str:
    """How far an import is after so many seconds: `12,000 of 1,000,000 orders, 812/s, 0:20:16 left`."""
    rate = done / seconds
    left = f"{timedelta(seconds=round(max(total - done, 0) / rate))} left" if rate else "time left unknown"
    return f"{done:,} of {total:,} orders, {rate:,.0f}/s, {left}"
