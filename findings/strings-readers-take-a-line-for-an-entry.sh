#!/usr/bin/env bash
# dotstrings 3.1.5, localizable 0.1.3 and openstep-plist 0.5.2 (PyPI), a pass.strings as Apple's format allows it.
#
# Guess before: readers differ in encodings, if at all; whitespace between entries does not matter, and
# escapes are read.
# Seen: two entries on one line are one entry for dotstrings, whose key holds the first entry and half of
# the second, without an error. It hands out `\"` and `\n` as they stand in the file, too. localizable
# reads those, but leaves `\U00e9` as six characters. openstep-plist reads all of it. Change messages
# that are looked up in such a table are found by one reader and missing in the next.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check dotstrings==3.1.5 localizable==0.1.3 openstep-plist==0.5.2
printf '%s\n' '"GATE" = "Gate %@"; "SEAT" = "Seat %@";' >one-line.strings
printf '%s\n' '"CAFE" = "Caf\U00e9 \"%@\"";' >escapes.strings
cat >probe.py <<'PYTHON'
import dotstrings
import localizable
import openstep_plist

readers = {
    "dotstrings": lambda path: {entry.key: entry.value for entry in dotstrings.load(path)},
    "localizable": lambda path: {entry["key"]: entry["value"] for entry in localizable.parse_strings(filename=path)},
    "openstep-plist": lambda path: dict(openstep_plist.load(open(path, encoding="utf-8"))),
}
for name, read in readers.items():
    print(name, ascii(read("one-line.strings")), ascii(read("escapes.strings")["CAFE"]))
PYTHON
seen=$(venv/bin/python probe.py)
echo "$seen"
expected=$(cat <<'EXPECTED'
dotstrings {'GATE" = "Gate %@"; "SEAT': 'Seat %@'} 'Caf\\U00e9 \\"%@\\"'
localizable {'GATE': 'Gate %@', 'SEAT': 'Seat %@'} 'Caf\\U00e9 "%@"'
openstep-plist {'GATE': 'Gate %@', 'SEAT': 'Seat %@'} 'Caf\xe9 "%@"'
EXPECTED
)
[[ "$seen" == "$expected" ]]
