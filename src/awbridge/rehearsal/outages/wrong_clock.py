"""A replica on a machine whose clock is wrong.

python -m awbridge.rehearsal.outages.wrong_clock serve SECONDS  ->  `awbridge serve`, its clock so many seconds ahead
"""

from __future__ import annotations

import sys
import time

import uvloop

from awbridge.app.load_settings import load_settings
from awbridge.app.logs import set_up_logs
from awbridge.app.serve import serve
from awbridge.app.work import work
from awbridge.store.engine.clocks.shared_time import SHARED_TIME

_KINDS = {"serve": serve, "work": work}


def main() -> None:
    """Run what the arguments name until SIGTERM, by the settings of the environment."""
    kind, seconds = sys.argv[1:]
    SHARED_TIME.set_wall(lambda: time.time() + float(seconds))
    settings = load_settings()
    set_up_logs(level=settings.log_level, as_json=settings.log_format == "json")
    uvloop.run(_KINDS[kind](settings))


if __name__ == "__main__":
    main()
