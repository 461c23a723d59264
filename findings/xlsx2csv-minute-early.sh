#!/usr/bin/env bash
# xlsx2csv 0.8.6: a cell that a spreadsheet shows as 23:54 is written as 23:53, for one minute of the day in eleven.
#
# Versions: xlsx2csv 0.8.6, XlsxWriter 3.3.1, openpyxl 3.1.5, python-calamine 0.9.1, Python 3.11.
# Guess: a converter writes the date and time that the cell shows, as the readers do.
# Behaviour: a time is a fraction of a day, which is rarely exact in binary. xlsx2csv cuts the rest below a second
#   instead of rounding, so 23:54:00 becomes 23:53:59, and with the format hh:mm a whole minute is lost. Scan times of a
#   courier's report move back by a minute. openpyxl and calamine round.
# Output seen:
#   xlsx2csv: 128 of 1440 minutes are wrong; 23:54 is written 22/11/2026 23:53
#   openpyxl: 0 of 1440 minutes are wrong
#   calamine: 0 of 1440 minutes are wrong
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check xlsx2csv==0.8.6 XlsxWriter==3.3.1 openpyxl==3.1.5 python-calamine==0.9.1
cat > "$folder/run.py" <<'PYTHON'
import csv
import subprocess
import sys
from datetime import datetime, timedelta

import openpyxl
import xlsxwriter
from python_calamine import CalamineWorkbook

times = [datetime(2026, 11, 22) + timedelta(minutes=minute) for minute in range(1440)]
book = xlsxwriter.Workbook("scans.xlsx")
sheet = book.add_worksheet()
shown = book.add_format({"num_format": "dd/mm/yyyy hh:mm"})
for row, time in enumerate(times):
    sheet.write_datetime(row, 0, time, shown)
book.close()

subprocess.run([sys.executable, "-m", "xlsx2csv", "scans.xlsx", "scans.csv"], check=True)
written = [row[0] for row in csv.reader(open("scans.csv"))]
wrong = sum(text != f"{time:%d/%m/%Y %H:%M}" for text, time in zip(written, times, strict=True))
print(f"xlsx2csv: {wrong} of 1440 minutes are wrong; 23:54 is written {written[23 * 60 + 54]}")
cells = [cell.value for cell in openpyxl.load_workbook("scans.xlsx").active["A"]]
print(f"openpyxl: {sum(f'{cell:%H:%M}' != f'{time:%H:%M}' for cell, time in zip(cells, times))} of 1440 minutes are wrong")
rows = CalamineWorkbook.from_path("scans.xlsx").get_sheet_by_index(0).to_python()
wrong = sum(str(row[0])[11:16] not in (f"{time:%H:%M}", "") for row, time in zip(rows, times, strict=True))
print(f"calamine: {wrong} of 1440 minutes are wrong")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "xlsx2csv: 128 of 1440 minutes are wrong; 23:54 is written 22/11/2026 23:53
openpyxl: 0 of 1440 minutes are wrong
calamine: 0 of 1440 minutes are wrong" ]
