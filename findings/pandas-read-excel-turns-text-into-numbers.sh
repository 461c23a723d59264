#!/usr/bin/env bash
# pandas 3.1.1: read_excel converts TEXT cells to numbers: leading zeros are lost, and with one blank the digits past 16 too.
#
# Versions: pandas 3.1.1, openpyxl 3.1.5, Python 3.11.
# Guess: a workbook has types, unlike CSV, so a text cell of digits stays text; only number cells become numbers.
# Behaviour: text is inferred as in CSV. "00125" becomes 125; with a blank or an "NA" in the column it is 125.0, and
#   a waybill of 18 digits loses its last ones before to_csv writes 1.2345678901234568e+17. dtype=str keeps the
#   text.
# Output seen:
#   2 None ['125', '123456789012345678']
#   2 str ['00125', '123456789012345678']
#   3 None ['125.0', '1.2345678901234568e+17', '""']
#   3 str ['00125', '123456789012345678', '""']
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check pandas==3.1.1 openpyxl==3.1.5
cat > "$folder/run.py" <<'PYTHON'
import openpyxl
import pandas

for awbs in (["00125", "123456789012345678"], ["00125", "123456789012345678", "NA"]):
    book = openpyxl.Workbook()
    for awb in ["AWB", *awbs]:
        book.active.append([awb])
    book.save("r.xlsx")
    for dtype in (None, str):
        table = pandas.read_excel("r.xlsx", dtype=dtype, engine="openpyxl")
        print(len(awbs), dtype and dtype.__name__, table.to_csv(index=False).split()[1:])
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "2 None ['125', '123456789012345678']
2 str ['00125', '123456789012345678']
3 None ['125.0', '1.2345678901234568e+17', '\"\"']
3 str ['00125', '123456789012345678', '\"\"']" ]
