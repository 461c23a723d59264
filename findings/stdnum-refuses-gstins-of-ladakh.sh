#!/usr/bin/env bash
# python-stdnum 2.2: a GSTIN of Ladakh, or of "other territory", is invalid.
#
# Versions: python-stdnum 2.2, kramank 0.1.0, Python 3.11.
# Guess: the states of GST are those of today, or any two digits are accepted and the check digit decides.
# Behaviour: the first two digits must be 01 to 37. 38 is Ladakh, a territory since 2019, and 97 "other territory": sellers
#   there have GSTINs that stdnum calls InvalidComponent, although the check digit is right. 25, which was merged into 26
#   in 2020, is accepted. kramank, from 2026, accepts all of them.
# Output seen:
#   25 stdnum valid, kramank True
#   26 stdnum valid, kramank True
#   37 stdnum valid, kramank True
#   38 stdnum InvalidComponent, kramank True
#   97 stdnum InvalidComponent, kramank True
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check python-stdnum==2.2 kramank==0.1.0
cat > "$folder/run.py" <<'PYTHON'
import kramank
from stdnum import luhn
from stdnum.exceptions import ValidationError
from stdnum.in_ import gstin

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"


def outcome(number):
    try:
        gstin.validate(number)
    except ValidationError as error:
        return type(error).__name__
    return "valid"


for state in ("25", "26", "37", "38", "97"):
    number = f"{state}AAACA1234A1Z"  # an invented company
    number += luhn.calc_check_digit(number, ALPHABET)
    print(state, f"stdnum {outcome(number)}, kramank {kramank.validate_gstin(number)['valid']}")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "25 stdnum valid, kramank True
26 stdnum valid, kramank True
37 stdnum valid, kramank True
38 stdnum InvalidComponent, kramank True
97 stdnum InvalidComponent, kramank True" ]
