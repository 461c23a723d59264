"""Signals while a command starts: none is lost where C code ignores the exception that it raises."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal

import pytest

from awbridge.cli import shared
from awbridge.cli.signals import Terminated, end_if_signalled, terminable


def lost(number: signal.Signals) -> None:
    """A signal whose exception goes no further, as in the import of an extension."""
    with contextlib.suppress(KeyboardInterrupt):
        os.kill(os.getpid(), number)


@pytest.mark.parametrize(("number", "kind"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Terminated)])
def test_a_signal_that_was_ignored_ends_the_command_before_its_work_begins(
    number: signal.Signals, kind: type[KeyboardInterrupt]
) -> None:
    worked: list[int] = []

    async def work() -> None:
        worked.append(1)

    def command() -> None:
        lost(number)
        shared.run(work())

    with pytest.raises(KeyboardInterrupt) as raised, terminable():
        command()
    assert (type(raised.value), worked) == (kind, [])
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_ctrl_c_cancels_what_an_event_loop_runs_as_python_does_it() -> None:
    cancelled: list[int] = []

    async def work() -> None:
        os.kill(os.getpid(), signal.SIGINT)
        try:
            await asyncio.sleep(10)
        except asyncio.CancelledError:
            cancelled.append(1)
            raise

    with pytest.raises(KeyboardInterrupt), terminable():
        shared.as_command(work())
    assert cancelled == [1], "so that what it has open is closed"


def test_no_signal_ends_nothing() -> None:
    with terminable():
        end_if_signalled()
