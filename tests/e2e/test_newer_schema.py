"""An old version goes on beside a newer one that has added a column to each table: rows are read by name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.store.stores import NEWER_SCHEMA

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
WORK = ("tests/steps/test_reconcile.py", "tests/steps/test_notify.py", "tests/store/test_tables.py")


@pytest.mark.timeout(600)
def test_columns_that_this_version_does_not_know_change_nothing() -> None:
    arguments = [sys.executable, "-m", "pytest", "-q", "-n", "0", "-p", "no:schemathesis", "-m", "not postgres", *WORK]
    done = subprocess.run(
        arguments, cwd=ROOT, env={**os.environ, NEWER_SCHEMA: "1"}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
