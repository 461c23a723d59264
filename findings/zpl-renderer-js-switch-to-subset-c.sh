#!/usr/bin/env bash
# zpl-renderer-js 3.4.0: the preview of a label has another Code 128 than the label: a switch to subset C becomes FNC4.
#
# Versions: zpl-renderer-js 3.4.0, zxing-cpp 3.1.1, Pillow 13.0.0, Node.js 20, Python 3.11.
# Guess: a renderer of ZPL draws the barcode that the printer prints, or reports what it does not support.
# Behaviour: by Zebra's manual, >5 in ^FD switches to subset C, in which a symbol is two digits; generators use it to
#   shorten waybills with letters. The renderer draws FNC4 and stays in subset B: the barcode reads AB, a plus-minus sign
#   and all digits but the first. Without it, with a start in
#   subset C (>;) and for the switch from C to B (>6), the barcode is right. Nothing is reported.
# Output seen:
#   ^FDAB123456 AB123456
#   ^FD>:AB>5123456 AB±23456
#   ^FD>;404877>6AB 404877AB
#   ^FD>;40487700000012 40487700000012
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund zpl-renderer-js@3.4.0 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check zxing-cpp==3.1.1 pillow==13.0.0
cat > run.mjs <<'JS'
import { writeFileSync } from "fs";
import { ready } from "zpl-renderer-js";

const { api } = await ready;
const fields = ["AB123456", ">:AB>5123456", ">;404877>6AB", ">;40487700000012"];
for (const [at, field] of fields.entries()) {
  const label = `^XA^FO50,50^BY2^BCN,100,N,N,N^FD${field}^FS^XZ`;
  writeFileSync(`${at}.png`, Buffer.from(await api.zplToBase64Async(label, 101.6, 152.4, 8), "base64"));
}
writeFileSync("fields.json", JSON.stringify(fields));
process.exit(0);
JS
node run.mjs
seen=$(venv/bin/python -c "
import json
import zxingcpp
from PIL import Image
for at, field in enumerate(json.load(open('fields.json'))):
    print('^FD' + field, *(code.text for code in zxingcpp.read_barcodes(Image.open(f'{at}.png'))))
")
echo "$seen"
[ "$seen" = "^FDAB123456 AB123456
^FD>:AB>5123456 AB±23456
^FD>;404877>6AB 404877AB
^FD>;40487700000012 40487700000012" ]
