"""A worker of the drill: `awbridge work` on a machine whose clock is wrong and jumps every few seconds.

python -m awbridge.rehearsal.drill_worker SECONDS SEED  ->  a clock that is off by up to SECONDS, ahead or behind
"""

from __future__ import annotations

import random
import sys
import time
from datetime import datetime, timedelta

import uvloop

from awbridge.app.load_settings import load_settings
from awbridge.app.logs import set_up_logs
from awbridge.app.work import work
from awbridge.domain.errors import StoppedEarly
from awbridge.steps.runtime.clock import utc_now

EVERY = (1.0, 5.0)  # seconds between two jumps


class JumpingClock:
    """A clock that is off by up to `most` seconds, and by another number of them after every jump."""

    def __init__(self, most: float, seed: str) -> None:
        self._most = most
        self._dice = random.Random(seed)  # noqa: S311 chance, not secrecy
        self._jump()

    def _jump(self) -> None:
        self._off = timedelta(seconds=self._dice.uniform(-self._most, self._most))
        self._jumps_at = time.monotonic() + self._dice.uniform(*EVERY)

    def __call__(self) -> datetime:
        """What this clock shows, aware, UTC."""
        if time.monotonic() >= self._jumps_at:
            self._jump()
        return utc_now() + self._off


def main() -> None:
    """Work until SIGTERM, by the settings of the environment."""
    seconds, seed = sys.argv[1:]
    settings = load_settings()
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    try:
        uvloop.run(work(settings, clock=JumpingClock(float(seconds), seed)))
    except StoppedEarly as error:
        sys.exit(128 + error.number)


if __name__ == "__main__":
    main()
