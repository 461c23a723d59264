"""Days and times as options of commands: read as everywhere (`domain.moments`)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from awbridge.domain import moments


class Written(click.ParamType[Any]):
    """A value that one of the readers of `domain.moments` reads."""

    def __init__(self, name: str, read: Callable[[str], Any]) -> None:
        self.name = name
        self._read = read

    def get_metavar(self, param: click.Parameter, ctx: click.Context) -> str:
        """The placeholder shown in the help."""
        return self.name

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The value, or the usage error that explains how to write it."""
        if not isinstance(value, str):
            return value
        try:
            return self._read(value)
        except ValueError as error:
            self.fail(f"{value!r}: {error}", param, ctx)


DAY = Written("YYYY-MM-DD", moments.read_day)
MOMENT = Written("TIME", moments.read_local)
CLOCK = Written("HH:MM", moments.read_clock)


def in_zone(at: datetime, zone: Any) -> datetime:
    """A time that was written without a zone, in this one."""
    return at if at.tzinfo else at.replace(tzinfo=zone)
