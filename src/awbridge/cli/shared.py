"""What all commands share: settings, the database, ClickPost, and printing.

It imports the rest of awbridge only in functions, so that help and completion start quickly.
"""

from __future__ import annotations

import functools
import getpass
import sys
from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import click

if TYPE_CHECKING:
    from awbridge.app.settings import Settings
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.store import Store

T = TypeVar("T")
P = ParamSpec("P")


def fail(text: str) -> NoReturn:
    """Print an error on standard error and end with exit code 1."""
    click.echo(click.style("error: ", fg="red") + text, err=True)
    sys.exit(1)


def _user() -> str:
    """The user of the operating system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return "unknown user"


def operator() -> str:
    """The caller's name, as it is stored with what an operator states."""
    return f"cli ({_user()})"


def read_settings(**overrides: Any) -> Settings:
    """The settings; overrides that are not None take precedence. Configures logging."""
    from awbridge.app.load_settings import load_settings
    from awbridge.app.logs import set_up_logs
    from awbridge.cli import output

    settings = load_settings(**{name: value for name, value in overrides.items() if value is not None})
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    output.use_zone(settings.zone)
    return settings


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on the event loop of services: faster under load, slower to import."""
    import uvloop

    return uvloop.run(main)


def with_settings(work: Callable[[Settings, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the settings and their database."""

    import asyncio

    async def main() -> T:
        from awbridge.app.database import open_store
        from awbridge.domain.people.actor import Actor, ActorKind, acting
        from awbridge.domain.people.role import Role

        settings = read_settings()
        actor = Actor(kind=ActorKind.COMMAND, name=_user(), role=Role.ADMIN)
        async with open_store(settings, migrate=settings.migrate_on_start) as store:
            with acting(actor):
                return await work(settings, store)

    return asyncio.run(main())


def with_store(work: Callable[[Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the database of the settings."""
    return with_settings(lambda _, store: work(store))


def on_store(work: Callable[Concatenate[Store, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a command of a coroutine function whose first argument is the database."""

    @functools.wraps(work)
    def command(*args: P.args, **options: P.kwargs) -> None:
        with_store(lambda store: work(store, *args, **options))

    return command


def on_settings(work: Callable[Concatenate[Settings, Store, P], Coroutine[Any, Any, None]]) -> Callable[P, None]:
    """Make a command of a coroutine function whose first arguments are the settings and their database."""

    @functools.wraps(work)
    def command(*args: P.args, **options: P.kwargs) -> None:
        with_settings(lambda settings, store: work(settings, store, *args, **options))

    return command


def with_vendor(work: Callable[[AsyncClickPost, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on ClickPost and the database of the settings. Failed calls are recorded."""

    async def main(settings: Settings, store: Store) -> T:
        from awbridge.app import connections
        from awbridge.steps.runtime.clock import utc_now

        hook = connections.call_recorder(settings, utc_now)
        async with connections.recording(hook, store), connections.vendor(settings, on_call=hook) as clickpost:
            return await work(clickpost, store)

    return with_settings(main)
