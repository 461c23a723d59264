#!/usr/bin/env bash
# django-localflavor 5.1: the field for Indian states refuses five of the names in the package's own list of states.
#
# Versions: django-localflavor 5.1, Django 5.2.19, pycountry 26.2.16, Python 3.11.
# Guess: INStateField accepts each state that INStateSelect offers, by code and by name, and returns its code.
# Behaviour: the list and the field are two tables. The list has Ladakh, Odisha and the merged Daman; the field has
#   Orissa, and returns CG for Chhattisgarh and UA for Uttarakhand, which the list calls CT and UT. Of the list's codes
#   four are refused, so a form of the two widgets together rejects what the user chose. Neither table is ISO 3166-2
#   of today: CT, OR, TG and UT were replaced by CG, OD, TS and UK.
# Output seen:
#   AN Andaman and Nicobar Islands: code AN, name refused
#   CT Chhattisgarh: code refused, name CG, not in ISO 3166-2
#   DH Dadra and Nagar Haveli and Daman and Diu: code refused, name refused
#   LA Ladakh: code refused, name refused
#   OR Odisha: code OR, name refused, not in ISO 3166-2
#   PY Puducherry: code PY, name refused
#   TG Telangana: code TG, name TG, not in ISO 3166-2
#   UT Uttarakhand: code refused, name UA, not in ISO 3166-2
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check django-localflavor==5.1 django==5.2.19 pycountry==26.2.16
cat > "$folder/run.py" <<'PYTHON'
import django
import pycountry
from django.conf import settings
from django.core.exceptions import ValidationError

settings.configure(USE_I18N=False)
django.setup()
from localflavor.in_.forms import INStateField
from localflavor.in_.in_states import STATE_CHOICES


def cleaned(value):
    try:
        return INStateField().clean(value)
    except ValidationError:
        return "refused"


iso = {subdivision.code.removeprefix("IN-") for subdivision in pycountry.subdivisions.get(country_code="IN")}
for code, name in sorted(STATE_CHOICES):
    by_code, by_name, today = cleaned(code), cleaned(str(name)), "" if code in iso else ", not in ISO 3166-2"
    if (by_code, by_name) != (code, code) or today:
        print(f"{code} {name}: code {by_code}, name {by_name}{today}")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "AN Andaman and Nicobar Islands: code AN, name refused
CT Chhattisgarh: code refused, name CG, not in ISO 3166-2
DH Dadra and Nagar Haveli and Daman and Diu: code refused, name refused
LA Ladakh: code refused, name refused
OR Odisha: code OR, name refused, not in ISO 3166-2
PY Puducherry: code PY, name refused
TG Telangana: code TG, name TG, not in ISO 3166-2
UT Uttarakhand: code refused, name UA, not in ISO 3166-2" ]
