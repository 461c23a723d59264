#!/usr/bin/env bash
# SheetJS 0.18.5: read() converts the reference number 3-4 to a date, and sheet_to_csv writes 3/4/01.
#
# Versions: xlsx 0.18.5, Node.js 20.
# Guess: reading CSV leaves what is not a number as text, or at least keeps the text for writing, as it keeps 00125.
# Behaviour: 3-4 becomes the number 36954 shown as 3/4/01, and 02/03/2026 is read as 3 February and written 2/3/26.
#   What cannot start with a month (22-11-2026) stays text, and so does 12-2026. raw: true keeps everything as it
#   is.
# Output seen:
#   3/4/01,12-2026,2/3/26,22-11-2026,00125
#   3-4,12-2026,02/03/2026,22-11-2026,00125
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund xlsx@0.18.5 > /dev/null
cat > run.cjs <<'JS'
const xlsx = require("xlsx");
for (const raw of [false, true]) {
  const book = xlsx.read("3-4,12-2026,02/03/2026,22-11-2026,00125", { type: "string", raw });
  console.log(xlsx.utils.sheet_to_csv(book.Sheets.Sheet1));
}
JS
seen=$(node run.cjs)
echo "$seen"
[ "$seen" = "3/4/01,12-2026,2/3/26,22-11-2026,00125
3-4,12-2026,02/03/2026,22-11-2026,00125" ]
