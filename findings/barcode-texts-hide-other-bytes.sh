#!/usr/bin/env bash
# zxing-cpp 3.1.1, pdf417gen 0.8.1 and aztec_code_generator 0.12 (PyPI), messages in ISO-8859-1 as passes have them.
#
# Guess before: the text that is read of a barcode is the message character by character, so comparing
# texts shows whether a barcode is right; and makers of barcodes take a str in the encoding that barcodes
# default to, ISO-8859-1.
# Seen: pdf417gen encodes a str as UTF-8, without saying so in the barcode, where aztec_code_generator
# takes ISO-8859-1. zxing-cpp guesses the encoding, so both barcodes give the same text and not the same
# bytes: a test of texts passes, a gate that compares bytes refuses. Control characters come back spelled
# out: the byte 0x00 of a rail ticket is the five characters `<NUL>` in `text`, unless text_mode is Plain.
# Of binary contents only `bytes` can be compared.
set -euo pipefail
dir=$(mktemp -d) && trap 'rm -rf "$dir"' EXIT && cd "$dir"

python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check \
  zxing-cpp==3.1.1 pdf417gen==0.8.1 aztec_code_generator==0.12 pillow==13.0.0
cat >probe.py <<'PYTHON'
import pdf417gen
import zxingcpp
from aztec_code_generator import AztecCode
from PIL import Image


def pdf417(message):
    return pdf417gen.render_image(pdf417gen.encode(message, columns=3), scale=3, padding=20).convert("L")


def aztec(message):
    AztecCode(message).save("aztec.png", module_size=4, border=4)
    return Image.open("aztec.png").convert("L")


seat = "Café § 42"
for maker in (pdf417, aztec):
    [read] = zxingcpp.read_barcodes(maker(seat))
    print(maker.__name__, "same text", read.text == seat, "same bytes", bytes(read.bytes) == seat.encode("latin-1"))
rail = b"#UT\x00\x1d\xff"
for mode in (None, zxingcpp.TextMode.Plain):
    [read] = zxingcpp.read_barcodes(aztec(rail), **({"text_mode": mode} if mode else {}))
    print("binary", ascii(read.text), "same bytes", bytes(read.bytes) == rail)
PYTHON
seen=$(venv/bin/python probe.py)
echo "$seen"
[[ "$seen" == "pdf417 same text True same bytes False
aztec same text True same bytes True
binary '#UT<NUL><GS>\\xff' same bytes True
binary '#UT\\x00\\x1d\\xff' same bytes True" ]]
