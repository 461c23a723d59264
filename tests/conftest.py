"""How the tests are collected and marked. Their fixtures are in tests/support/fixtures.py."""

from __future__ import annotations

import gc
import os
import re
import shutil
import signal
import tempfile
from collections.abc import Generator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# A property is tried with other examples in every run, and with the same ones where CI is set.
# `--hypothesis-profile thorough` looks for what is rare.
# An example may take long: that says how busy the machine is.
UNHURRIED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("suite", UNHURRIED, max_examples=40)
settings.register_profile("quick", UNHURRIED, max_examples=10)
settings.register_profile("thorough", UNHURRIED, max_examples=1000)
settings.load_profile("suite")

IN_MEMORY = Path("/dev/shm")
ENOUGH = 4 * 2**30  # bytes; a run takes less than one GiB

_MAY_BE_SLOW = re.compile(r"\bslow\b|\bs3\b")  # that mark, or the server whose tests get it
_MARKED_AS_A_WHOLE = re.compile(r"^pytestmark = \[?\s*pytest\.mark\.(\w+)", re.MULTILINE)


def _keep_files_in_memory() -> None:
    """Temporary files, among them the databases, are in memory if there is room: a disk took half of the time."""
    if "TMPDIR" not in os.environ and IN_MEMORY.is_dir() and shutil.disk_usage(IN_MEMORY).free > ENOUGH:
        tempfile.tempdir = os.environ["TMPDIR"] = str(IN_MEMORY)


def _can_be_interrupted() -> None:
    """What a shell starts in the background ignores SIGINT, and so would the processes that tests interrupt."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """The process that only hands tests to workers does without the fixtures: importing awbridge takes seconds."""
    _keep_files_in_memory()
    _can_be_interrupted()
    if hasattr(config, "workerinput") or not config.getoption("numprocesses", None):
        config.pluginmanager.import_plugin("tests.support.fixtures")


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """A file of nothing but what a run leaves out is not imported: that alone took each worker seconds."""
    if collection_path.suffix != ".py" or not (left_out := config.getoption("markexpr")):
        return None
    text = collection_path.read_text("utf-8")
    if left_out == "slow":
        return _MAY_BE_SLOW.search(text) is None or None
    marked = _MARKED_AS_A_WHOLE.search(text)
    return (marked and f"not {marked[1]}" in left_out.split(" and ")) or None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What a quick run does without is marked: PostgreSQL, as SQLite runs the same tests, and a real S3 server."""
    for item in items:
        callspec = getattr(item, "callspec", None)
        given = callspec.params.values() if callspec else ()
        if "postgres" in given or "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.postgres)
        if "s3" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.slow)
    # Those that may take longest come first: as the last ones they would run alone, with nothing beside them.
    items.sort(key=_may_last, reverse=True)


def _may_last(item: pytest.Item) -> float:
    """The seconds that a test asks for beyond what each may take."""
    asked = item.get_closest_marker("timeout")
    return asked.args[0] if asked else 0


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Garbage is not collected during collection, nor among its result: nearly all of these objects stay in use."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.set_threshold(20_000, 50, 100)
        gc.enable()
