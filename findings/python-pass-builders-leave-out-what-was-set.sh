#!/usr/bin/env bash
# wallet-py3k 0.0.4 and py-pkpass 1.0.2 (PyPI), a pass that expires, with two barcodes and a price.
#
# Guess before: an attribute that Pass has, or that Wallet's documents name, reaches pass.json or is an
# error; a Decimal becomes a number.
# Seen: wallet-py3k writes no expirationDate, since the attribute that it reads is spelled otherwise; the
# one that is set is an ordinary Python attribute that nobody looks at, so its passes never expire.
# Neither writes `barcodes` that are set, though py-pkpass has an attribute of that name. Either writes a
# Decimal as text, so that a currency stands beside a value that is no number, and an empty changeMessage
# into each field.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check wallet-py3k==0.0.4 py-pkpass==1.0.2
cat >probe.py <<'PYTHON'
import json
from decimal import Decimal

import py_pkpass.models
import wallet.models

for library in (wallet.models, py_pkpass.models):
    card = library.StoreCard()
    card.primaryFields.append(library.CurrencyField("balance", Decimal("12.50"), "Balance", "EUR"))
    made = library.Pass(card, passTypeIdentifier="pass.com.example.loyalty", organizationName="Example", teamIdentifier="ABCDE12345")
    made.serialNumber = "A"
    made.expirationDate = "2027-01-01T00:00:00Z"
    made.barcodes = [library.Barcode("A", library.BarcodeFormat.QR), library.Barcode("A", library.BarcodeFormat.PDF417)]
    written = json.loads(made._createPassJson())
    field = written["storeCard"]["primaryFields"][0]
    print(
        library.__name__, "expires", written.get("expirationDate"), "barcodes", written.get("barcodes"),
        "value", repr(field["value"]), field["currencyCode"], "changeMessage", repr(field["changeMessage"]),
    )
PYTHON
seen=$(venv/bin/python probe.py)
echo "$seen"
[[ "$seen" == "wallet.models expires None barcodes None value '12.50' EUR changeMessage ''
py_pkpass.models expires 2027-01-01T00:00:00Z barcodes None value '12.50' EUR changeMessage ''" ]]
