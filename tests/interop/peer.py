"""Starts tests/interop/rpc_peer.c as a server, and calls with it."""
import os
import subprocess
import sys

BUILD = os.environ.get("BUILD", "build")
PROGRAM = os.path.join(BUILD, "tests/interop/rpc_peer")


class Server:
    def __init__(self, address="127.0.0.1:0", command="serve"):
        self.process = subprocess.Popen(
            [PROGRAM, command, address], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.port = int(self.process.stdout.readline())
        self.target = "127.0.0.1:%d" % self.port

    def said(self, line):
        """Waits until the server writes this line to its standard error."""
        while True:
            got = self.process.stderr.readline().decode().strip()
            if not got:
                raise AssertionError("the server ended")
            if got.startswith(line):
                return got

    def stop(self):
        """Ends it; 0 unless a sanitizer or a crash says otherwise."""
        self.process.stdin.close()
        code = self.process.wait(60)
        text = self.process.stderr.read().decode()
        if "ERROR" in text or "WARNING" in text:
            raise AssertionError(text)
        return code


class Answer:
    pass


def call(target, path, request=b"", timeout_ms=10000, metadata=(), command="call"):
    words = [w for pair in metadata for w in pair]
    run = subprocess.run([PROGRAM, command, target, path, str(timeout_ms)] + words,
                         input=request, stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, timeout=60)
    if run.returncode != 0:
        raise AssertionError(run.stderr.decode())
    answer = Answer()
    answer.metadata, answer.trailers = [], []
    line, rest = run.stdout.split(b"\n", 1)
    answer.status = int(line)
    while rest:
        line, rest = rest.split(b"\n", 1)
        name, size = line.decode().rsplit(" ", 1)
        value, rest = rest[:int(size)], rest[int(size) + 1:]
        if name == "message":
            answer.message = value
        elif name == "reply":
            answer.reply = value
        elif name.startswith("metadata:"):
            answer.metadata.append((name[9:], value))
        else:
            answer.trailers.append((name[8:], value))
    return answer


class Checks:
    """Runs tests, functions, and writes TAP."""

    def __init__(self):
        self.number, self.failed = 0, 0

    def run(self, test, *args):
        self.number += 1
        name = test.__name__.replace("_", " ")
        try:
            test(*args)
            print("ok %d - %s" % (self.number, name))
        except Exception as e:  # noqa: BLE001
            self.failed += 1
            print("not ok %d - %s" % (self.number, name))
            print("# %s: %s" % (type(e).__name__, str(e)[:2000]))
        sys.stdout.flush()

    def run_all(self, names, prefix, *args):
        """Those of a module whose names begin so, in their order."""
        for name, test in list(names.items()):
            if name.startswith(prefix):
                self.run(test, *args)
