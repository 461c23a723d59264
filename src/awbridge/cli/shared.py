"""What all commands share: settings, the database, ClickPost, and printing.

It imports the rest of awbridge only in functions, so that help and completion start quickly.
"""

from __future__ import annotations

import functools
import getpass
import math
import sys
from collections.abc import Callable, Coroutine, Iterable
from typing import TYPE_CHECKING, Any, Concatenate, NoReturn, ParamSpec, TypeVar

import click

from awbridge.cli.signals import end_if_signalled

if TYPE_CHECKING:
    from pathlib import Path

    from awbridge.app.load_settings import Configuration
    from awbridge.app.settings import Settings
    from awbridge.clickpost.client.async_client import AsyncClickPost
    from awbridge.store import Store

T = TypeVar("T")
P = ParamSpec("P")

# Commands that may store the first rows of an installation. All others need a database that exists: one that only reads
# would otherwise create an empty one beside the right one, in whatever folder it was called.
CREATES_DATABASE = frozenset(
    {
        *("shipments import", "couriers import", "couriers add", "couriers sync", "couriers rules import"),
        *("couriers downtime add", "people add", "keys add", "endpoints add", "opt-outs add", "webhook register"),
        *("pickups ask", "waybills register", "waybills import"),
        *("accounts add", "accounts set", "accounts suspend"),
    }
)


class NumberRange(click.FloatRange):
    """A number within limits. Click's own range takes NaN, which no comparison excludes."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        """The number; another value ends the command with a usage error."""
        number = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number.", param, ctx)
        return number


yes_option = click.option("--yes", is_flag=True, help="Do not ask; for scripts.")


_WARNED = "command.warned"
_OF_ACCOUNT = "awbridge.account"  # in the context's meta: the configuration of the account that --account names
_HOME = "awbridge.home"  # in the context's meta: the settings of the home, where --account names an account
_LOGS_JSON = "awbridge.logs_json"  # in the context's meta: whether standard error is a log of JSON


def begin_log() -> bool:
    """Begin the log of a service, before its settings are read; whether it is JSON. Then what is printed is logged."""
    from awbridge.app.load_settings import asks_for_json
    from awbridge.app.logs import log_all, set_up_logs

    context = click.get_current_context()
    as_json = asks_for_json(context.find_root().params.get("config"))
    context.meta[_LOGS_JSON] = as_json
    set_up_logs(level="info", as_json=as_json)
    log_all()
    return as_json


def _is_logged(event: str, text: str) -> bool:
    """Log a text as an event where standard error is a log of JSON; whether it is."""
    context = click.get_current_context(silent=True)
    if context is None or not context.meta.get(_LOGS_JSON):
        return False
    import structlog

    log = structlog.get_logger()
    (log.warning if event == _WARNED else log.error)(event, problem=text)
    return True


def fail(text: str) -> NoReturn:
    """Print an error on standard error and end with exit code 1."""
    if not _is_logged("command.failed", text):
        click.echo(click.style("error: ", fg="red") + text, err=True)
    sys.exit(1)


def say_stopped(text: str) -> None:
    """Print on standard error that a signal ended the command."""
    if not _is_logged("command.stopped", text):
        click.echo(text, err=True)


def at_a_terminal() -> bool:
    """Whether a person can answer a question."""
    return sys.stdin.isatty()


def confirm(action: str, *, yes: bool) -> None:
    """Ask before something that cannot be undone, unless `yes`. Ends with exit code 1 without a clear yes."""
    if yes:
        return
    if not at_a_terminal():
        fail(f"this would {action}, and there is no terminal to confirm it at; add --yes")
    if not click.confirm(f"{action[0].upper()}{action[1:]}?", err=True):
        fail("nothing was changed")


def _user() -> str:
    """The user of the operating system."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a user id without a name, as in many containers
        return "unknown user"


def operator() -> str:
    """The caller's name, as it is stored with what an operator states."""
    return f"cli ({_user()})"


def _command() -> str:
    """The command that runs, by its full name without the program's; "" outside of commands."""
    context = click.get_current_context(silent=True)
    names: list[str] = []
    while context and context.parent:
        names.insert(0, context.info_name or "")
        context = context.parent
    return " ".join(names)


def read_settings(*, strict: bool = False, **overrides: Any) -> Settings:
    """The settings; overrides that are not None take precedence. Configures logging.

    `strict`: refuse names that look like settings and are none, instead of warning.
    """
    from awbridge.app.logs import set_up_logs
    from awbridge.cli import output

    found = read_configuration(strict=strict, **overrides)
    _warn_once(found.unknown)
    settings = found.settings
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    output.use_zone(settings.zone)
    return settings


def read_configuration(*, strict: bool = False, **overrides: Any) -> Configuration:
    """The settings with their sources, from the file that --config names; those of the account that --account names.

    The first time, no event loop may run: an account is looked up in the home's database.
    """
    from awbridge.app.load_settings import load_configuration

    context = click.get_current_context(silent=True)
    known: Configuration | None = context.meta.get(_OF_ACCOUNT) if context else None
    if known is not None:
        return known
    config: Path | None = context.find_root().params.get("config") if context else None
    given = {name: value for name, value in overrides.items() if value is not None}
    home = load_configuration(config=config, strict=strict, **given)
    name = chosen_account()
    if context is None or not name:
        return home
    from awbridge.cli.chosen_account import configuration_of

    context.meta[_HOME] = home.settings
    found = context.meta[_OF_ACCOUNT] = configuration_of(home, name, for_service=strict)
    return found


def chosen_account() -> str:
    """The account that --account names; "" for the home."""
    context = click.get_current_context(silent=True)
    return (context.find_root().params.get("account") or "") if context else ""


def _warn_once(texts: Iterable[str]) -> None:
    """Warn in a command that may read its settings several times."""
    context = click.get_current_context(silent=True)
    told: set[str] = context.meta.setdefault("awbridge.warned", set()) if context else set()
    for text in texts:
        if text not in told:
            warn(text)
            told.add(text)


def warn(text: str) -> None:
    """Print a warning on standard error."""
    if not _is_logged(_WARNED, text):
        click.echo(click.style("warning: ", fg="yellow") + text, err=True)


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end, on the event loop of services: faster under load, slower to import."""
    import uvloop

    return uvloop.run(_unless_signalled(main))


def _unless_signalled(main: Coroutine[Any, Any, T]) -> Coroutine[Any, Any, T]:
    try:
        end_if_signalled()
    except KeyboardInterrupt:
        main.close()
        raise
    return main


def as_command(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end as the user of the operating system, who is recorded in the audit log."""
    import asyncio

    async def main() -> T:
        from awbridge.domain.people.actor import Actor, ActorKind, acting
        from awbridge.domain.people.role import Role

        with acting(Actor(kind=ActorKind.COMMAND, name=_user(), role=Role.ADMIN)):
            return await work

    work = _unless_signalled(work)
    return asyncio.run(main())


def with_settings(work: Callable[[Settings, Store], Coroutine[Any, Any, T]]) -> T:
    """Run `work` on the settings and their database. Only a command of CREATES_DATABASE may create that."""
    creates = _command() in CREATES_DATABASE
    settings = read_settings()

    async def main() -> T:
        from awbridge.app.database import open_store

        try:
            async with open_store(settings, migrate=settings.migrate_on_start, create=creates) as store:
                return await work(settings, store)
        finally:
            if settings.account:
                await _tell_services(settings.account)

    return as_command(main())


async def _tell_services(account: str) -> None:
    """Let a service that has put this account to sleep look at it: the command may have stored work."""
    from awbridge.cli.chosen_account import wake
    from awbridge.domain.errors import AwbridgeError

    context = click.get_current_context(silent=True)
    home: Settings | None = context.meta.get(_HOME) if context else None
    try:
        if home:
            await wake(home, account)
    except AwbridgeError as error:
        warn(f"the service was not told that {account} may have work; it looks within 15 minutes: {error}")


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
