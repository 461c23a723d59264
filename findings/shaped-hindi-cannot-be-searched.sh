#!/usr/bin/env bash
# fpdf2 2.8.9 and reportlab 5.1.0: Hindi on a label is drawn correctly, and read back as other text.
#
# Versions: fpdf2 2.8.9, reportlab 5.1.0, uharfbuzz 0.57.0, pypdf 7.1.1, pypdfium2 5.15.2, Python 3.11; the font of npm
#   @expo-google-fonts/noto-sans-devanagari 0.4.1.
# Guess: a PDF with a shaped text maps its glyphs back to letters, as browsers' PDFs do, so a name on a sheet of labels can
#   be searched, copied and checked by a test.
# Behaviour: a glyph of its own for a conjunct or a moved vowel sign has no letter. fpdf2 maps it to a control character,
#   reportlab to one of the private use area; what follows is out of order. Names without such glyphs survive. Unshaped
#   text reads back, and looks wrong. To find a label, put the waybill on it in digits; to test one, compare pictures.
# Output seen:
#   fpdf2, pypdf: किरण no, control characters
#   fpdf2, pdfium: किरण no, control characters
#   reportlab, pypdf: किरण no, private use
#   reportlab, pdfium: किरण no, private use
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @expo-google-fonts/noto-sans-devanagari@0.4.1 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check fpdf2==2.8.9 reportlab==5.1.0 uharfbuzz==0.57.0 pypdf==7.1.1 pypdfium2==5.15.2
cat > run.py <<'PYTHON'
import glob
import unicodedata

import pypdfium2
from fpdf import FPDF
from pypdf import PdfReader
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

[font] = glob.glob("node_modules/@expo-google-fonts/noto-sans-devanagari/400Regular/*.ttf")
NAME = "किरण विद्यार्थी"

label = FPDF()
label.add_page()
label.add_font("Hindi", fname=font)
label.set_font("Hindi", size=18)
label.set_text_shaping(True)
label.cell(text=NAME)
label.output("fpdf2.pdf")

pdfmetrics.registerFont(TTFont("Hindi", font, shapable=True))
canvas = Canvas("reportlab.pdf")
words = Paragraph(NAME, ParagraphStyle("Hindi", fontName="Hindi", fontSize=18, leading=22, shaping=1))
words.wrapOn(canvas, 400, 100)
words.drawOn(canvas, 20, 700)
canvas.save()

for file in ("fpdf2", "reportlab"):
    texts = {
        "pypdf": PdfReader(f"{file}.pdf").pages[0].extract_text(),
        "pdfium": pypdfium2.PdfDocument(f"{file}.pdf")[0].get_textpage().get_text_bounded(),
    }
    for reader, text in texts.items():
        kinds = {unicodedata.category(character) for character in text.strip()}
        strange = ["control characters"] * ("Cc" in kinds) + ["private use"] * ("Co" in kinds)
        print(f"{file}, {reader}: किरण {'yes' if 'किरण' in text else 'no'}, {', '.join(strange) or 'letters only'}")
PYTHON
seen=$(venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "fpdf2, pypdf: किरण no, control characters
fpdf2, pdfium: किरण no, control characters
reportlab, pypdf: किरण no, private use
reportlab, pdfium: किरण no, private use" ]
