#!/usr/bin/env bash
# KDE's pass reader in Debian 12: libkpimpkpass5 and libkpimitinerary-bin 22.12.3, used by Itinerary and
# KMail. Needs Debian 12 and its package lists (apt-get update); installs nothing.
#
# Guess before: a value that is a JSON number is shown as its digits, a date by the date style, and a
# voided ticket is no confirmed reservation.
# Seen: the value of a number is an empty text, both as it is and as it is shown, so a row, a gate or a
# balance is a label without value; the same value as text is shown. `"voided": true` counts as not
# voided, and the extractor says ReservationConfirmed; only the text `"true"`, which Wallet does not take,
# is understood. Whoever wants a value to be seen there writes it as text, and says in a field that a
# ticket is void.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

# The reader and whatever it needs that is not there, unpacked beside the system.
mkdir packages root extractors
closure() { apt-cache depends --recurse --no-{recommends,suggests,conflicts,breaks,replaces,enhances} "$1" | grep '^[a-z0-9]' | sort -u; }
for package in $(closure libkpimitinerary-bin); do
  case $package in *fonts* | cdebconf | *elogind* | *-gles | *newt* | *textwrap* | *installer* | ttf-*) continue ;; esac
  dpkg-query --show "$package" >/dev/null 2>&1 || (cd packages && apt-get download --quiet "$package" >/dev/null 2>&1) || true
done
for package in packages/*.deb; do dpkg-deb --extract "$package" root; done
export LD_LIBRARY_PATH="$dir/root/usr/lib/$(uname -m)-linux-gnu"
extractor=$(find root /usr/lib -name kitinerary-extractor -type f 2>/dev/null | head -1)
compgen -G 'packages/libkpimpkpass5_22.12.3-*' >/dev/null || dpkg-query --show libkpimpkpass5 | grep --quiet 22.12.3

# An extractor of our own that tells what the library has read.
cat >extractors/probe.json <<'JSON'
{"mimeType": "application/vnd.apple.pkpass", "script": "probe.js", "function": "main", "filter": [
  {"mimeType": "application/vnd.apple.pkpass", "field": "passTypeIdentifier", "match": "pass.com.example.ticket", "scope": "Current"}]}
JSON
cat >extractors/probe.js <<'JS'
function main(pass) {
  var read = [];
  for (var key of ["gate", "row", "price"])
    read.push(key + "=[" + pass.field[key].value + "][" + pass.field[key].valueDisplayString + "]");
  return {"@type": "EventReservation", "reservationFor": {"@type": "Event", "startDate": "2027-03-01T20:00:00Z",
    "name": read.join(" ") + " voided=" + pass.isVoided}};
}
JS
cat >passes.py <<'PYTHON'
import json, zipfile

for name, voided in (("number", True), ("text", "true")):
    made = {
        "formatVersion": 1, "passTypeIdentifier": "pass.com.example.ticket", "serialNumber": "A", "voided": voided,
        "teamIdentifier": "ABCDE12345", "organizationName": "Example", "description": "Ticket",
        "relevantDate": "2027-03-01T20:00:00Z", "eventTicket": {"secondaryFields": [
            {"key": "gate", "label": "Gate", "value": "12"},
            {"key": "row", "label": "Row", "value": 12},
            {"key": "price", "label": "Price", "value": 42.5, "currencyCode": "EUR"}]},
    }
    with zipfile.ZipFile(name + ".pkpass", "w") as package:
        package.writestr("pass.json", json.dumps(made))
PYTHON
python3 passes.py
read_by() { "$extractor" "$@" 2>/dev/null | grep -oE '"(gate=[^"]*)"|Reservation(Confirmed|Cancelled)' | tr '\n' ' '; }
seen=$(read_by --additional-search-path "$dir/extractors" number.pkpass; echo
  read_by --additional-search-path "$dir/extractors" text.pkpass; echo
  rm extractors/*; read_by number.pkpass)
echo "$seen"
[[ "$seen" == '"gate=[12][12] row=[][] price=[][] voided=false" '*'
"gate=[12][12] row=[][] price=[][] voided=true" '*'
ReservationConfirmed '* ]]
