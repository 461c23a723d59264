#!/usr/bin/env bash
# reportlab 5.1.0: drawString(shaping=True) draws Hindi unshaped where rlbidi is missing; Paragraph shapes it.
#
# Versions: reportlab 5.1.0, uharfbuzz 0.57.0, pypdf 7.1.1, Python 3.11; the font of npm
#   @expo-google-fonts/noto-sans-devanagari 0.4.1.
# Guess: with uharfbuzz, which shapes, shaping=True shapes; without what it needs, it is an error.
# Behaviour: the option is dropped: no error, no warning, and the vowel signs and conjuncts of a name on a label are drawn
#   as a row of single letters. By reportlab's source (pdfgen/textobject.py), drawString shapes only in the branch that
#   could import rlbidi, the package for right-to-left text, which Hindi is not. Paragraph with shaping=1 needs uharfbuzz
#   alone. Look at what a page shows; its text reads as the letters that were given, also when they are drawn wrongly.
# Output seen:
#   drawString, shaping=True: as unshaped
#   Paragraph, shaping=1: shaped
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund @expo-google-fonts/noto-sans-devanagari@0.4.1 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check reportlab==5.1.0 uharfbuzz==0.57.0 pypdf==7.1.1
cat > run.py <<'PYTHON'
import glob

from pypdf import PdfReader
from reportlab.lib.styles import ParagraphStyle
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph

[font] = glob.glob("node_modules/@expo-google-fonts/noto-sans-devanagari/400Regular/*.ttf")
pdfmetrics.registerFont(TTFont("Hindi", font, shapable=True))
NAME = "किरण विद्यार्थी"


def drawn(how):
    """The glyphs that a page shows, as its text; shaped glyphs have other codes than letters."""
    canvas = Canvas("label.pdf")
    canvas.setFont("Hindi", 18)
    how(canvas)
    canvas.save()
    return "".join(PdfReader("label.pdf").pages[0].extract_text().split())


def paragraph(canvas):
    words = Paragraph(NAME, ParagraphStyle("Hindi", fontName="Hindi", fontSize=18, leading=22, shaping=1))
    words.wrapOn(canvas, 400, 100)
    words.drawOn(canvas, 20, 700)


unshaped = drawn(lambda canvas: canvas.drawString(20, 700, NAME))
by_string = drawn(lambda canvas: canvas.drawString(20, 700, NAME, shaping=True))
print("drawString, shaping=True:", "as unshaped" if by_string == unshaped else "shaped")
print("Paragraph, shaping=1:", "as unshaped" if drawn(paragraph) == unshaped else "shaped")
PYTHON
seen=$(venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "drawString, shaping=True: as unshaped
Paragraph, shaping=1: shaped" ]
