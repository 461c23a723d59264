#!/usr/bin/env bash
# pdf-lib 1.17.1 and pypdf 7.1.1 put a label with /Rotate onto a sheet as it is stored, not as it is shown.
#
# Versions: pdf-lib 1.17.1, pypdf 7.1.1, pypdfium2 5.15.2, reportlab 5.1.0, zxing-cpp 3.1.1, Node.js 20, Python 3.11.
# Guess: a page that is put onto another page looks as it does in a viewer.
# Behaviour: couriers store a label in portrait with /Rotate 90, to be shown in landscape. embedPdf() of pdf-lib and
#   merge_page() of pypdf ignore the entry: the label lies on its side, has the stored page's size (288 x 432 instead of
#   432 x 288), and is cut off by a cell made for what a viewer shows. pypdf's transfer_rotation_to_content() before the
#   merge writes the rotation into the page; since pypdf 7.0 only into one that belongs to a PdfWriter. pdf-lib has no
#   such call: rotate and move in drawPage().
# Output seen:
#   viewer: barcode at 90 degrees
#   pdf-lib, embedPdf: barcode at 0 degrees
#   pypdf, merge_page: barcode at 0 degrees
#   pypdf, transfer_rotation_to_content, merge_page: barcode at 90 degrees
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund pdf-lib@1.17.1 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pypdf==7.1.1 pypdfium2==5.15.2 reportlab==5.1.0 zxing-cpp==3.1.1 pillow==13.0.0
cat > run.cjs <<'JS'
const { readFileSync, writeFileSync } = require("fs");
const { PDFDocument } = require("pdf-lib");
(async () => {
  const sheet = await PDFDocument.create();
  const [label] = await sheet.embedPdf(readFileSync("label.pdf"));
  sheet.addPage([595, 842]).drawPage(label, { x: 20, y: 300 });
  writeFileSync("pdf-lib.pdf", await sheet.save());
})();
JS
cat > run.py <<'PYTHON'
import subprocess

import pypdf
import pypdfium2
import zxingcpp
from reportlab.graphics.barcode.code128 import Code128
from reportlab.pdfgen.canvas import Canvas

canvas = Canvas("stored.pdf", pagesize=(288, 432))
Code128("4048770000001", barHeight=60, barWidth=1.5).drawOn(canvas, 20, 300)
canvas.save()
writer = pypdf.PdfWriter()
writer.add_page(pypdf.PdfReader("stored.pdf").pages[0]).rotate(90)
writer.write("label.pdf")


def show(name, file):
    image = pypdfium2.PdfDocument(file)[0].render(scale=3).to_pil()
    [code] = zxingcpp.read_barcodes(image)
    print(f"{name}: barcode at {round(code.orientation / 90) * 90 % 360} degrees")


def merged(upright):
    label, sheet = pypdf.PdfWriter(clone_from="label.pdf").pages[0], pypdf.PdfWriter()
    if upright:
        label.transfer_rotation_to_content()
    sheet.add_blank_page(595, 842).merge_page(label)
    sheet.write("pypdf.pdf")
    return "pypdf.pdf"


subprocess.run(["node", "run.cjs"], check=True)
show("viewer", "label.pdf")
show("pdf-lib, embedPdf", "pdf-lib.pdf")
show("pypdf, merge_page", merged(False))
show("pypdf, transfer_rotation_to_content, merge_page", merged(True))
PYTHON
seen=$(venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "viewer: barcode at 90 degrees
pdf-lib, embedPdf: barcode at 0 degrees
pypdf, merge_page: barcode at 0 degrees
pypdf, transfer_rotation_to_content, merge_page: barcode at 90 degrees" ]
