#!/usr/bin/python3
"""samples/counter: handlers that are source, swapped while they serve; what they have
counted goes on, and a version that is refused changes nothing."""
import json
import os
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
BUILD = os.path.join(TOP, os.environ.get("BUILD", "build"))
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
FOLDER = os.path.join(TOP, "samples/counter")
SCHEMA = os.path.join(FOLDER, "counter.proto")
FIRST = os.path.join(FOLDER, "handlers/first.c")
SECOND = os.path.join(FOLDER, "handlers/second.c")


class Host:
    def __init__(self, handlers):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "samples/counter/counter_host"), SCHEMA, "127.0.0.1:0",
             handlers], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.PIPE, text=True)

    def line(self):
        return self.process.stdout.readline().rstrip("\n")

    def swap(self, path):
        self.process.stdin.write(path + "\n")
        self.process.stdin.flush()

    def call(self, method, message):
        """(exit code, reply or what was said)."""
        done = subprocess.run(
            [MAYFLY, "call", "--schema", SCHEMA, "-d", json.dumps(message),
             "127.0.0.1:%d" % self.port, "counter.Counter/" + method],
            capture_output=True, text=True, timeout=60)
        if done.returncode:
            return done.returncode, done.stderr
        return 0, json.loads(done.stdout)

    def add(self, name, by=1):
        code, reply = self.call("Add", {"name": name, "by": by})
        return (reply["count"], reply["saidBy"]) if code == 0 else (code, reply)


def swaps(host, broken):
    check("the first version begins", host.line() == "first begins to count" and
          host.line() == "version 1 serves")
    host.port = int(host.line().split()[-1])
    check("and counts", [host.add("ada"), host.add("ada", 4), host.add("grace")] ==
          [("1", "first"), ("5", "first"), ("1", "first")])
    code, said = host.call("Total", {})
    check("it has no Total", code == 64 + 12, (code, said))

    host.swap(SECOND)
    lines = [host.line() for _ in range(3)]
    check("the second takes the counts over, the first leaves them", lines == [
        "second goes on with the counts that there are",
        "first is gone, the counts stay",
        "version 2 serves; 0 bytes of version 1 remain"], lines)
    check("and goes on", host.add("ada") == ("6", "second"))
    check("in its own way", host.add("linus")[0] == 64 + 5)
    reply = None
    for _ in range(500): # its timer looks again
        code, reply = host.call("Total", {})
        if code or reply.get("count") == "7":
            break
        time.sleep(0.01)
    check("and adds up in the background", reply == {"names": "2", "count": "7"}, reply)

    host.swap(broken)
    said = host.process.stderr.readline()
    check("a version that does not compile is told with its place",
          "refused: " in said and broken + ":3: " in said, said)
    check("and the second goes on", host.add("ada") == ("7", "second"))

    host.swap(FIRST)
    lines = [host.line() for _ in range(3)]
    check("back to the first, with all that was counted", lines == [
        "first goes on with the counts that there are",
        "second is gone, the counts stay",
        "version 3 serves; 0 bytes of version 2 remain"], lines)
    check("it takes names again", [host.add("ada"), host.add("linus")] ==
          [("8", "first"), ("1", "first")])


def under_load(host):
    """Swaps while somebody counts: nothing is lost, nothing is counted twice."""
    failures = []

    def count():
        for _ in range(40):
            reply = host.add("load")
            if reply[1] not in ("first", "second"):
                failures.append(reply)
    host.add("load", 1)
    threads = [threading.Thread(target=count) for _ in range(2)]
    for t in threads:
        t.start()
    n = 0
    while any(t.is_alive() for t in threads):
        host.swap(SECOND if n % 2 == 0 else FIRST)
        for _ in range(3):
            host.line()
        n += 1
    for t in threads:
        t.join()
    check("calls and swaps at the same time lose nothing",
          not failures and host.add("load")[0] == "82" and n > 2, (failures[:3], n))


def main():
    with tempfile.TemporaryDirectory(prefix="mayfly-counter-") as folder:
        broken = os.path.join(folder, "broken.c")
        with open(broken, "w") as f:
            f.write('#include "counter.mf.h"\n\nint f(void) { return nothing; }\n')
        host = Host(FIRST)
        try:
            swaps(host, broken)
            under_load(host)
            host.process.stdin.close()
            rest = host.process.stdout.read()
            code = host.process.wait(60)
            check("at the end the last one frees the counts",
                  code == 0 and rest.endswith("is gone, and the counts with it\n"),
                  (code, rest))
        finally:
            host.process.kill()
            host.process.wait()

    refused = Host(SECOND)
    out, err = refused.process.communicate("", timeout=60)
    check("the second alone refuses", refused.process.returncode == 1 and
          "answered 1: there are no counts to go on with" in err, (out, err))
    return status()


sys.exit(main())
