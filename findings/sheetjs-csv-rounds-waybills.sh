#!/usr/bin/env bash
# SheetJS 0.18.5: sheet_to_csv writes the number 4048770000001 as 4.04877E+12.
#
# Versions: xlsx 0.18.5, Node.js 20.
# Guess: a number cell is written to CSV with all its digits, as JSON.stringify or String() would.
# Behaviour: CSV contains the cell as it is SHOWN, and the format General shows 11 digits: a waybill of 13 digits
#   loses seven. Phone numbers of 10 digits are complete; with a leading 91 they are rounded too. rawNumbers: true
#   writes the digits.
# Output seen:
#   4.04877E+12,9876543210,9.19877E+11
#   4048770000001,9876543210,919876543210
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund xlsx@0.18.5 > /dev/null
cat > run.cjs <<'JS'
const xlsx = require("xlsx");
const sheet = xlsx.utils.aoa_to_sheet([[4048770000001, 9876543210, 919876543210]]);
console.log(xlsx.utils.sheet_to_csv(sheet));
console.log(xlsx.utils.sheet_to_csv(sheet, { rawNumbers: true }));
JS
seen=$(node run.cjs)
echo "$seen"
[ "$seen" = "4.04877E+12,9876543210,9.19877E+11
4048770000001,9876543210,919876543210" ]
