#!/usr/bin/python3
"""gdb's backtraces go from a function of the host through code that was compiled at
run time down to main, with one host and with several."""
import os
import re
import shutil
import subprocess
import sys

PROGRAM = os.path.join(os.environ.get("BUILD", "build"), "tests/api/backtrace")
STOPS = 8  # look_back is called so often: by the hosts one by one, all, and what is left


def frames(text):
    """The functions of each backtrace."""
    traces = []
    for number, name in re.findall(r"^#(\d+) +(?:0x[0-9a-f]+ in )?(\S+) \(", text, re.M):
        if number == "0":
            traces.append([])
        traces[-1].append(name)
    return traces


def main():
    if not shutil.which("gdb") or not os.path.exists(PROGRAM):
        return 77
    commands = ["set debuginfod enabled off", "set pagination off", "break look_back", "run"]
    commands += ["bt", "continue"] * STOPS
    arguments = ["gdb", "-batch", "-nx"]
    for command in commands:
        arguments += ["-ex", command]
    done = subprocess.run(arguments + [PROGRAM], capture_output=True, text=True,
                          timeout=120)
    if "ptrace" in done.stderr and "not permitted" in done.stderr:
        return 77
    traces = frames(done.stdout)
    print("1..2")
    enough = len(traces) == STOPS
    print("ok 1" if enough else "not ok 1", "- gdb stops where it was told to")
    through = all("main" in t and t[:4] == ["look_back", "mayfly_code", "mayfly_code", "trace"]
                  for t in traces)
    good = enough and through
    print("ok 2" if good else "not ok 2", "- every trace goes through generated code to main")
    if not good:
        print("# " + (done.stdout + done.stderr).replace("\n", "\n# "))
    return 0 if good else 1


sys.exit(main())
