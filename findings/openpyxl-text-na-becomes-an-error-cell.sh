#!/usr/bin/env bash
# openpyxl 3.1.5: the TEXT "#N/A" is written as an error cell, which calamine reads as empty.
#
# Versions: openpyxl 3.1.5, XlsxWriter 3.3.1, python-calamine 0.9.1, Python 3.11.
# Guess: a str is written as text and read back as the same str; only formulas can be errors.
# Behaviour: openpyxl checks every str for the seven error names and writes those as t="e". calamine returns errors
#   as "", so a search for "#N/A" in a column of waybills never finds it. XlsxWriter writes the text.
# Output seen:
#   openpyxl.xlsx [['', '', 'N/A']]
#   xlsxwriter.xlsx [['#N/A', '#REF!', 'N/A']]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openpyxl==3.1.5 XlsxWriter==3.3.1 python-calamine==0.9.1
cat > "$folder/run.py" <<'PYTHON'
import openpyxl
import xlsxwriter
from python_calamine import CalamineWorkbook

words = ["#N/A", "#REF!", "N/A"]
book = openpyxl.Workbook()
book.active.append(words)
book.save("openpyxl.xlsx")
book = xlsxwriter.Workbook("xlsxwriter.xlsx")
book.add_worksheet().write_row(0, 0, words)
book.close()
for name in ("openpyxl.xlsx", "xlsxwriter.xlsx"):
    print(name, CalamineWorkbook.from_path(name).get_sheet_by_index(0).to_python())
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "openpyxl.xlsx [['', '', 'N/A']]
xlsxwriter.xlsx [['#N/A', '#REF!', 'N/A']]" ]
