#!/usr/bin/env bash
# ExcelJS 4.4.0: csv.read() converts digits to numbers: 00125 becomes 125, and of 20 digits the last become zeros.
#
# Versions: exceljs 4.4.0, Node.js 20.
# Guess: a CSV has no types, so cells are read as text unless a map is given.
# Behaviour: without a `map` every cell goes through Number(): leading zeros and +91 are lost, and a waybill of 20
#   digits is written back with other digits. map: (value) => value keeps them.
# Output seen:
#   [125,919876543210,40487700000012345000]
#   ["00125","+919876543210","40487700000012345678"]
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund exceljs@4.4.0 > /dev/null
cat > run.cjs <<'JS'
const { Readable } = require("stream");
const exceljs = require("exceljs");
(async () => {
  for (const options of [{}, { map: (value) => value }]) {
    const sheet = await new exceljs.Workbook().csv.read(Readable.from(["00125,+919876543210,40487700000012345678"]), options);
    console.log(JSON.stringify(sheet.getRow(1).values.slice(1)));
  }
})();
JS
seen=$(node run.cjs)
echo "$seen"
[ "$seen" = "[125,919876543210,40487700000012345000]
[\"00125\",\"+919876543210\",\"40487700000012345678\"]" ]
