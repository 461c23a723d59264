#!/usr/bin/env bash
# python-barcode 0.16.1: gs1_128 draws the parentheses of (00) into the barcode; bwip-js takes the same text as GS1 means it.
#
# Versions: python-barcode 0.16.1, Pillow 13.0.0, zxing-cpp 3.1.1, biip 5.2.0, bwip-js 4.11.4, Node.js 20, Python 3.11.
# Guess: a symbology named GS1-128 takes application identifiers in parentheses, as they are printed below the bars, and
#   separates a field of variable length from the next; or it refuses what is no GS1 message.
# Behaviour: python-barcode puts FNC1 before the text as it stands. With parentheses the code is read, is marked as GS1
#   (]C1), and is no message that a warehouse can parse. Without them a pallet's number (00) works, but a field of
#   variable length needs "\xf1" (Gs1_128.FNC1_CHAR) after it, or the next one becomes part of it. bwip-js requires the
#   parentheses and does both.
# Output seen:
#   python-barcode (00)106141412345678908: no GS1 message
#   python-barcode 00106141412345678908: 00=106141412345678908
#   python-barcode 0109521234543213 10AB-1 2177: 01=09521234543213 10=AB-12177
#   bwip-js (00)106141412345678908: 00=106141412345678908
#   bwip-js (01)09521234543213(10)AB-1(21)77: 01=09521234543213 10=AB-1 21=77
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund bwip-js@4.11.4 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check python-barcode==0.16.1 pillow==13.0.0 zxing-cpp==3.1.1 biip==5.2.0
cat > run.cjs <<'JS'
const { writeFileSync } = require("fs");
const bwip = require("bwip-js");
(async () => {
  const options = { bcid: "gs1-128", scale: 3, height: 20, paddingwidth: 15, paddingheight: 15, backgroundcolor: "ffffff" };
  for (const [at, text] of ["(00)106141412345678908", "(01)09521234543213(10)AB-1(21)77"].entries())
    writeFileSync(`bwip-js.${at}.png`, await bwip.toBuffer({ ...options, text }));
})();
JS
node run.cjs
cat > run.py <<'PYTHON'
import barcode
import biip
import zxingcpp
from barcode.writer import ImageWriter
from PIL import Image


def show(name, image):
    [code] = zxingcpp.read_barcodes(image.convert("RGB"))
    message = biip.parse(code.symbology_identifier + code.bytes.decode()).gs1_message
    fields = [f"{field.ai.ai}={field.value}" for field in message.element_strings] if message else ["no GS1 message"]
    print(f"{name}:", *fields)


for text in ("(00)106141412345678908", "00106141412345678908", "0109521234543213 10AB-1 2177"):
    image = barcode.get("gs1_128", text.replace(" ", ""), writer=ImageWriter()).render({"write_text": False})
    show(f"python-barcode {text}", image)
for at, text in enumerate(("(00)106141412345678908", "(01)09521234543213(10)AB-1(21)77")):
    show(f"bwip-js {text}", Image.open(f"bwip-js.{at}.png"))
PYTHON
seen=$(venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "python-barcode (00)106141412345678908: no GS1 message
python-barcode 00106141412345678908: 00=106141412345678908
python-barcode 0109521234543213 10AB-1 2177: 01=09521234543213 10=AB-12177
bwip-js (00)106141412345678908: 00=106141412345678908
bwip-js (01)09521234543213(10)AB-1(21)77: 01=09521234543213 10=AB-1 21=77" ]
