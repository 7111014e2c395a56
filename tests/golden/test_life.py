#!/usr/bin/python3
"""The C that docs/life-of-a-stub.md shows is what is generated from the greeter."""
import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(os.environ.get("TOP", "."))
SCHEMA = TOP / "samples/greeter/greeter.proto"

page = (TOP / "docs/life-of-a-stub.md").read_text()
made = subprocess.run(
    [os.environ["MAYFLY"], "compile", "--emit", "c", str(SCHEMA)],
    check=True, capture_output=True, text=True).stdout
schema = SCHEMA.read_text()

blocks = re.findall(r"^```(c|proto)\n(.*?)^```", page, re.M | re.S)
failed = len(blocks) < 3
print(f"{'not ok' if failed else 'ok'} 1 - the page shows code")
for number, (language, text) in enumerate(blocks, 2):
    good = text in (made if language == "c" else schema)
    failed = failed or not good
    print(f"{'ok' if good else 'not ok'} {number} - {text.splitlines()[0]}")
raise SystemExit(failed)
