#!/usr/bin/python3
"""samples/live: a service that is replaced while it is called, and goes back."""
import os
import subprocess
import sys

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
SAMPLE = os.path.join(TOP, os.environ.get("BUILD", "build"), "samples/live/live")
EXPECTED = """\
  to begin with                version 1 answers
versions/2/2.c is version 2
  after the swap               version 2 answers
versions/broken.c is refused:
  versions/broken.c:7: ';' expected (got "}")
versions/wrong.c is refused:
  prices@3: its own test has failed
  after two that are no good   version 2 answers
back to version 1
  version 2 is gone: 0 bytes retained
  after going back             version 1 answers
0 calls have failed
"""


def main():
    if not os.path.exists(SAMPLE):
        return 77
    r = subprocess.run([SAMPLE, os.path.join(TOP, "samples/live")], text=True,
                       capture_output=True, timeout=120)
    check("a service is replaced, and goes back", (r.returncode, r.stdout, r.stderr) ==
          (0, EXPECTED, ""), r)
    r = subprocess.run([SAMPLE], text=True, capture_output=True, timeout=120)
    check("it tells how it is used", r.returncode == 2 and "usage" in r.stderr, r)
    return status()


sys.exit(main())
