"""What a test needs and the machine lacks: skipped by hand, a failure in CI, where nothing may be skipped."""

from __future__ import annotations

import os
from typing import NoReturn

import pytest


def absent(missing: str) -> NoReturn:
    """Skip the test because of what is `missing`; where CI is set, fail it."""
    if os.environ.get("CI"):
        pytest.fail(missing)
    pytest.skip(missing)
