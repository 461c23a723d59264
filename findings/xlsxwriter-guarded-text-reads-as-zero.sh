#!/usr/bin/env bash
# XlsxWriter 3.3.1: write() converts the text ="00125" to a formula with the value 0; calamine reads 0.0.
#
# Versions: XlsxWriter 3.3.1, openpyxl 3.1.5, python-calamine 0.9.1, Python 3.11.
# Guess: the guard ="00125" is written as text, or, as a formula without a value, is read as empty.
# Behaviour: write() treats every text that starts with = as a formula and stores <v>0</v> as its value. A reader of
#   values gets the number 0, which looks like data. openpyxl stores no value, so it is read as empty.
#   write_string() keeps the text. Both libraries mark the workbook with fullCalcOnLoad="1".
# Output seen:
#   xlsxwriter.xlsx [[0.0, '="00125"']] True
#   openpyxl.xlsx [['', 'x']] True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check XlsxWriter==3.3.1 openpyxl==3.1.5 python-calamine==0.9.1
cat > "$folder/run.py" <<'PYTHON'
import zipfile

import openpyxl
import xlsxwriter
from python_calamine import CalamineWorkbook

book = xlsxwriter.Workbook("xlsxwriter.xlsx")
sheet = book.add_worksheet()
sheet.write(0, 0, '="00125"')
sheet.write_string(0, 1, '="00125"')
book.close()
book = openpyxl.Workbook()
book.active.append(['="00125"', "x"])
book.save("openpyxl.xlsx")
for name in ("xlsxwriter.xlsx", "openpyxl.xlsx"):
    rows = CalamineWorkbook.from_path(name).get_sheet_by_index(0).to_python(skip_empty_area=False)
    print(name, rows, "fullCalcOnLoad" in zipfile.ZipFile(name).read("xl/workbook.xml").decode())
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "xlsxwriter.xlsx [[0.0, '=\"00125\"']] True
openpyxl.xlsx [['', 'x']] True" ]
