#!/usr/bin/env bash
# calamine 0.9.1 reads only the first column of an .xlsb that SheetJS wrote, without an error.
#
# Versions: xlsx 0.18.5, python-calamine 0.9.1, Node.js 20, Python 3.11.
# Guess: a binary workbook of a common writer is read like its XLSX, or refused.
# Behaviour: the sheet is read with one column: AWB is there, the reference number and the status are lost. The same
#   sheet as XLSX and XLS is complete.
# Output seen:
#   xlsx [['AWB', 'Reference', 'Status'], ['4048770000001', 'R-1', 8.0]]
#   xls [['AWB', 'Reference', 'Status'], ['4048770000001', 'R-1', 8.0]]
#   xlsb [['AWB'], ['4048770000001']]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund xlsx@0.18.5 > /dev/null
cat > run.cjs <<'JS'
const xlsx = require("xlsx");
const book = xlsx.utils.book_new();
xlsx.utils.book_append_sheet(book, xlsx.utils.aoa_to_sheet([["AWB", "Reference", "Status"], ["4048770000001", "R-1", 8]]), "S");
for (const [name, bookType] of [["s.xlsx", "xlsx"], ["s.xls", "biff8"], ["s.xlsb", "xlsb"]]) xlsx.writeFile(book, name, { bookType });
JS
node run.cjs
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-calamine==0.9.1
seen=$(venv/bin/python -c "
from python_calamine import CalamineWorkbook
for kind in ('xlsx', 'xls', 'xlsb'):
    print(kind, CalamineWorkbook.from_path(f's.{kind}').get_sheet_by_index(0).to_python())
")
echo "$seen"
[ "$seen" = "xlsx [['AWB', 'Reference', 'Status'], ['4048770000001', 'R-1', 8.0]]
xls [['AWB', 'Reference', 'Status'], ['4048770000001', 'R-1', 8.0]]
xlsb [['AWB'], ['4048770000001']]" ]
