#!/usr/bin/env bash
# karrio 2026.1.32: a weight of 504 g is 0.5 kg, and 505 g is 0.51 kg.
#
# Versions: karrio 2026.1.32, Python 3.11.
# Guess: a carrier library converts 504 g to 0.504 kg, and rounds, if at all, upwards or by the carrier's rule.
# Behaviour: Weight.KG is rounded to two decimals, to the nearest ten grams. Weights that
#   couriers bill in slabs of 500 g lose one: 504 g, which is two slabs, is declared as one, and 1004 g as two instead
#   of three. Below 5 g three decimals are kept. Weight.G of a value in kg is exact, so declare grams where the
#   carrier takes them.
# Output seen:
#   4 g: 0.004 kg
#   495 g: 0.49 kg
#   499 g: 0.5 kg
#   504 g: 0.5 kg
#   505 g: 0.51 kg
#   1004 g: 1.0 kg
#   0.504 kg: 504.0 g
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check karrio==2026.1.32
cat > "$folder/run.py" <<'PYTHON'
from karrio.core.units import Weight

for grams in (4, 495, 499, 504, 505, 1004):
    print(f"{grams} g: {Weight(grams, 'G').KG} kg")
print(f"0.504 kg: {Weight(0.504, 'KG').G} g")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py 2> /dev/null)
echo "$seen"
[ "$seen" = "4 g: 0.004 kg
495 g: 0.49 kg
499 g: 0.5 kg
504 g: 0.5 kg
505 g: 0.51 kg
1004 g: 1.0 kg
0.504 kg: 504.0 g" ]
