#!/usr/bin/python3
"""mayfly compile on several schemas and on folders: what is wrong among them is told
at the end, the rest is compiled; a bar on a terminal, and nowhere else."""
import json
import os
import pty
import re
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
GOOD = """syntax = "proto3";
package %s;
service Store { rpc Get (Key) returns (Key); }
message Key { string name = 1; }
"""
BAD = """syntax = "proto3";
message A { Missing a = 1; }
message B { string b = 0; }
"""


class Run:
    def __init__(self, *arguments, cwd):
        r = subprocess.run([MAYFLY, *arguments], cwd=cwd, capture_output=True,
                           stdin=subprocess.DEVNULL, timeout=120)
        self.code, self.out, self.err = r.returncode, r.stdout.decode(), r.stderr.decode()
        self.text = f"{arguments}: {self.code}\n{self.out}\n{self.err}"


def put(folder, name, text):
    path = os.path.join(folder, name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as f:
        f.write(text)


def make(folder, units):
    for i in range(units):
        put(folder, f"all/d{i % 3}/s{i:03}.proto", GOOD % f"p{i}")
    put(folder, "all/bad.proto", BAD)
    put(folder, "all/d1/bad.proto", BAD)
    put(folder, "all/notes.txt", "no schema")
    put(folder, "all/d\"1/quote.proto", GOOD % "quoted")
    put(folder, "one.proto", GOOD % "one")
    put(folder, "two.proto", GOOD % "two")
    put(folder, "wrong.proto", BAD)
    os.symlink("..", os.path.join(folder, "all/d2/up"))


ERRORS = ["all/bad.proto:2:13: \"Missing\" is not defined",
          "all/bad.proto:3:24: field numbers begin with 1",
          "all/d1/bad.proto:2:13: \"Missing\" is not defined",
          "all/d1/bad.proto:3:24: field numbers begin with 1"]


def folders(folder, units):
    r = Run("compile", "all", cwd=folder)
    lines = r.out.splitlines()
    check("a folder is compiled as one job", r.code == 1 and len(lines) == 2 and
          lines[0].startswith(f"loaded {units + 1} of {units + 3} schemas in ") and
          re.fullmatch(r"unloaded in [\d.]+ ms: 0 bytes retained", lines[1]), r.text)
    check("what is wrong is told, sorted", r.err.splitlines() ==
          ERRORS + [f"mayfly: 2 of {units + 3} schemas failed"], r.text)
    check("no bar where no terminal is", "\r" not in r.err and "\033" not in r.err, r.err)

    r = Run("compile", "all", "--format", "json", "--repeat", "3", "-o", "report.json",
            cwd=folder)
    with open(os.path.join(folder, "report.json"), encoding="utf-8") as f:
        j = json.load(f)
    by_unit = {u["unit"]: u for u in j["units"]}
    check("the report is written though some failed", r.code == 1 and r.out == "", r.text)
    check("it has each unit", len(by_unit) == units + 3 and
          [u["path"] for u in j["units"]] == sorted(u["path"] for u in j["units"]) and
          "d\"1/quote" in by_unit, j)
    check("and what is wrong with some", by_unit["d1/bad"]["error"]["code"] ==
          "MAYFLY_ESCHEMA" and by_unit["d1/bad"]["error"]["line"] == 2 and
          [f["line"] for f in by_unit["d1/bad"]["findings"]] == [2, 3] and
          "error" not in by_unit["d1/s001"], by_unit["d1/bad"])
    check("and the whole", j["loaded"] == units + 1 and j["failed"] == 2 and
          j["cycles"] == 3 and j["times_us"]["load"] > 0 and
          j["bytes"]["code"] >= 4096 * units and j["retained"] == {"arena_bytes": 0}, j)

    r = Run("compile", "one.proto", "all/d0", "-I", ".", cwd=folder)
    check("files and folders are one job", r.code == 0 and r.err == "" and
          f"loaded {units // 3 + 1} of {units // 3 + 1} " in r.out, r.text)
    os.mkdir(os.path.join(folder, "empty"))
    r = Run("compile", "empty", "--format=json", cwd=folder)
    check("an empty folder is nothing", r.code == 0 and
          json.loads(r.out)["units"] == [], r.text)
    r = Run("compile", "--emit", "list", "all", cwd=folder)
    check("a folder is reported only", r.code == 2 and "not folders" in r.err, r.text)
    r = Run("compile", "--resident", "all", cwd=folder)
    check("and has no second run", r.code == 2 and "not folders" in r.err, r.text)


def several(folder):
    r = Run("compile", "one.proto", "wrong.proto", "two.proto", "absent.proto",
            cwd=folder)
    check("the rest of several is compiled", r.code == 1 and
          r.out.count("retained:") == 2 and "context two" in r.out and
          r.out.endswith("\n2 of 4 schemas compiled\n"), r.text)
    told = r.err.splitlines()
    check("and what is wrong told", told[:2] == [
        "wrong.proto:2:13: \"Missing\" is not defined",
        "wrong.proto:3:24: field numbers begin with 1"] and len(told) == 3 and
        told[2].startswith("mayfly: absent.proto"), r.text)
    r = Run("compile", "one.proto", "wrong.proto", "--format", "json", cwd=folder)
    j = json.loads(r.out)
    check("in a list as well", r.code == 1 and j[0]["context"] == "one" and
          "phases" in j[0] and j[1] == {"context": "wrong", "path": "wrong.proto",
                                        "failed": True}, r.text)
    r = Run("compile", "wrong.proto", cwd=folder)
    check("one that is wrong has no report", r.code == 1 and r.out == "" and
          len(r.err.splitlines()) == 2, r.text)


def on_terminal(folder, *arguments):
    """What the command writes to a terminal of 60 columns as its standard error."""
    ours, theirs = pty.openpty()
    import fcntl
    import struct
    import termios
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 60, 0, 0))
    p = subprocess.Popen([MAYFLY, *arguments], cwd=folder, stdin=subprocess.DEVNULL,
                         stdout=subprocess.PIPE, stderr=theirs)
    os.close(theirs)
    written = b""
    while True:
        try:
            some = os.read(ours, 65536)
        except OSError:  # the last one has closed it
            break
        if not some:
            break
        written += some
    os.close(ours)
    out = p.stdout.read().decode()
    p.stdout.close()
    return p.wait(60), out, written.decode()


def bars(folder, units):
    for arguments, total in ((("compile", "all"), units + 3),
                             (("compile", "one.proto", "two.proto", "wrong.proto"), 3)):
        code, out, written = on_terminal(folder, *arguments)
        drawn = re.findall(r"\r\033\[K(\[[#.]{24}\] [^\r]*)", written)
        check(f"a bar on a terminal: {arguments[1]}", code == 1 and drawn and
              all(f" of {total}" in d for d in drawn) and
              max(len(d) for d in drawn) < 60, written)
        check("it is gone before anything else is written", "\r\033[K" in written and
              "[" not in written.rpartition("\r\033[K")[2] and
              "is not defined" in written.rpartition("\r\033[K")[2], written)
        check("and is not in the report", "\r" not in out and "#" not in out, out)
    code, out, written = on_terminal(folder, "compile", "one.proto")
    check("one schema has no bar", code == 0 and written == "", written)


def main():
    if not os.path.exists(MAYFLY):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        units = 60
        make(folder, units)
        folders(folder, units)
        several(folder)
        bars(folder, units)
    return status()


if __name__ == "__main__":
    sys.exit(main())
