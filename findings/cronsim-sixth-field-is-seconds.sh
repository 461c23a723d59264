#!/usr/bin/env bash
# cronsim 2.8: an expression of six fields is accepted, and its FIRST field is seconds.
#
# Versions: cronsim 2.8, Python 3.11.
# Guess: six fields are refused (a crontab has five), or the sixth is a year.
# Behaviour: the meaning of the other five fields shifts by one: "30 0 * * *" is daily at 00:30, "30 0 * * * *"
#   every hour, half a minute past. There is no warning. A year is refused with an error about another field.
# Output seen:
#   30 0 * * *    2026-01-01 00:30:00 2026-01-02 00:30:00
#   30 0 * * * *  2026-01-01 00:00:30 2026-01-01 01:00:30
#   30 0 * * * 2026  CronSimError: Bad day-of-week
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check cronsim==2.8
cat > "$folder/run.py" <<'PYTHON'
from datetime import datetime, timezone

from cronsim import CronSim, CronSimError

for expression in ("30 0 * * *   ", "30 0 * * * * ", "30 0 * * * 2026 "):
    try:
        moments = CronSim(expression, datetime(2025, 12, 31, 23, 59, 59, tzinfo=timezone.utc))
        print(expression, *(f"{next(moments):%Y-%m-%d %H:%M:%S}" for _ in range(2)))
    except CronSimError as error:
        print(expression, f"CronSimError: {error}")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "30 0 * * *    2026-01-01 00:30:00 2026-01-02 00:30:00
30 0 * * * *  2026-01-01 00:00:30 2026-01-01 01:00:30
30 0 * * * 2026  CronSimError: Bad day-of-week" ]
