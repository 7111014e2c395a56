#!/usr/bin/python3
"""mayfly serve and mayfly call with each other."""
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
PROTO = os.path.join(TOP, "tests/cli/fly/fly.proto")
HANDLERS = os.path.join(TOP, "tests/cli/fly/fly.c")


class Server:
    def __init__(self, address="127.0.0.1:0", *options):
        self.p = subprocess.Popen(
            [MAYFLY, "serve", "-l", address, *options, PROTO, HANDLERS],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        line = self.p.stdout.readline()
        if not line.startswith("listening on "):
            raise SystemExit("serve: %r %s" % (line, self.p.communicate(10)))
        self.target = line[len("listening on "):].rstrip("\n")

    def end(self, number=signal.SIGTERM):
        """Exit code, the rest of standard output, standard error."""
        self.p.send_signal(number)
        try:
            out, err = self.p.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            self.p.kill()
            out, err = self.p.communicate()
        return self.p.returncode, out, err


def call(target, method, message=None, *options):
    arguments = [MAYFLY, "call", "--schema", PROTO]
    if message is not None:
        arguments += ["-d", message if isinstance(message, str) else
                      json.dumps(message)]
    return subprocess.run(arguments + [*options, target, method], text=True,
                          capture_output=True, timeout=120)


def replies(target, folder):
    r = call(target, "fly.Fly/Echo", {"text": "ada \u20ac", "number": 7})
    check("a call prints its reply, indented", r.returncode == 0 and r.stdout ==
          '{\n  "text": "ada \u20ac",\n  "number": 7\n}\n' and not r.stderr, r)
    r = call(target, "/fly.Fly/Echo")
    check("no -d is an empty message", (r.returncode, r.stdout) == (0, "{}\n"), r)
    r = call(target, "fly.Fly/Echo", {}, "-H", "X-One: a b ", "-H",
             "x-two-bin: YWJj")
    check("metadata is sent, in base64 for -bin", r.returncode == 0 and
          json.loads(r.stdout)["metadata"] == ["a b", "abc"], r)
    r = call(target, "fly.Fly/Echo", {"text": "{[]}\"\\:, ", "number": -1})
    check("text that looks like JSON stays as it is",
          json.loads(r.stdout)["text"] == "{[]}\"\\:, ", r)
    path = os.path.join(folder, "request.json")
    with open(path, "w") as f:
        json.dump({"text": "x" * (1 << 20)}, f)
    r = call(target, "fly.Fly/Echo", "@" + path)
    check("1 MiB from a file comes back", r.returncode == 0 and
          json.loads(r.stdout)["text"] == "x" * (1 << 20), r.stderr)
    with open(path, "w") as f:
        f.write('{\n  "text": 1\n}\n')
    r = call(target, "fly.Fly/Echo", "@" + path)
    check("an error in it names the file", r.returncode == 1 and
          r.stderr.startswith(path + ":2:11: "), r)
    r = call(target, "fly.Fly/Echo", "@" + path + ".none")
    check("a file that is not there is an error", r.returncode == 1, r)


def statuses(target):
    for status, name in ((1, "CANCELLED"), (5, "NOT_FOUND"), (13, "INTERNAL"),
                         (16, "UNAUTHENTICATED")):
        r = call(target, "fly.Fly/Fail", {"text": "no \u20ac", "number": status})
        check("%s is exit code %d" % (name, 64 + status), r.returncode ==
              64 + status and r.stdout == "" and r.stderr.startswith(
                  "mayfly: %s: no \u20ac\n" % name), r)
    check("trailers are printed, -bin as base64", "x-why: because\n" in r.stderr
          and "x-raw-bin: AQI=\n" in r.stderr, r)
    long = "y" * 3000
    r = call(target, "fly.Fly/Fail", {"text": long, "number": 3})
    check("a long message is not cut", long in r.stderr, r)
    r = call(target, "fly.Fly/Fail", {"text": "\x1b[2J\ttab", "number": 3})
    check("a message cannot steer the terminal", r.stderr.startswith(
        "mayfly: INVALID_ARGUMENT: \\x1b[2J\ttab\n"), r)
    r = call(target, "fly.Fly/Missing", {})
    check("a method without a handler is UNIMPLEMENTED",
          r.returncode == 64 + 12, r)
    r = call(target, "fly.Fly/None", {})
    check("a method the schema lacks is a failure", r.returncode == 1, r)
    r = call(target, "fly.Fly/Wait", {"number": 60000}, "--timeout", "100ms")
    check("a deadline that passes is exit code 68", r.returncode == 64 + 4 and
          "DEADLINE_EXCEEDED" in r.stderr, r)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    r = call("127.0.0.1:%d" % port, "fly.Fly/Echo", {})
    check("nobody listening is exit code 78", r.returncode == 64 + 14 and
          "UNAVAILABLE" in r.stderr, r)


def ends(folder):
    path = os.path.join(folder, "socket")
    s = Server("unix:" + path, "--receipt")
    check("a socket's path is announced", s.target == "unix:" + path, s.target)
    r = call(s.target, "fly.Fly/Echo", {"number": 1})
    check("and can be called", r.returncode == 0, r)
    code, out, err = s.end(signal.SIGINT)
    check("SIGINT ends it with 0", code == 0 and err == "", (code, err))
    check("and --receipt shows that nothing is left",
          "retained: 0 bytes in arenas" in out, out)

    s = Server("127.0.0.1:0", "--blocking")
    done = []
    t = threading.Thread(target=lambda: done.append(
        call(s.target, "fly.Fly/Wait", {"number": 700})))
    r = call(s.target, "fly.Fly/Echo", {})
    t.start()
    while call(s.target, "fly.Fly/Echo", {}).returncode != 0:
        pass
    r = call(s.target, "fly.Fly/Wait", {"number": 100})
    check("handlers that block run side by side", r.returncode == 0, r)
    t.join()
    code, out, err = s.end()
    check("a call under way is answered", done[0].returncode == 0, done[0])
    check("SIGTERM ends it with 0", code == 0 and out == "", (code, out, err))

    s = Server()
    r = subprocess.run([MAYFLY, "serve", "-l", s.target, PROTO, HANDLERS],
                       capture_output=True, text=True, timeout=60)
    check("an address in use is a failure", r.returncode == 1 and
          r.stderr.startswith("mayfly: ") and r.stdout == "", r)
    s.end()
    bad = os.path.join(folder, "bad.c")
    with open(bad, "w") as f:
        f.write('#include "fly.mf.h"\nint f(void) { return g; }\n')
    r = subprocess.run([MAYFLY, "serve", "-l", "127.0.0.1:0", PROTO, bad],
                       capture_output=True, text=True, timeout=60)
    check("an error in a handler is shown with its place", r.returncode == 1 and
          r.stderr.startswith(bad + ":2:"), r)
    with open(bad, "w") as f:
        f.write("int nothing;\n")
    r = subprocess.run([MAYFLY, "serve", "-l", "127.0.0.1:0", PROTO, bad],
                       capture_output=True, text=True, timeout=60)
    check("source without a handler is a failure", r.returncode == 1 and
          r.stderr.startswith("mayfly: "), r)


def main():
    if not os.path.exists(MAYFLY):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        s = Server()
        try:
            replies(s.target, folder)
            statuses(s.target)
        finally:
            code, out, err = s.end()
        check("the server ends with 0 and prints no more",
              (code, out, err) == (0, "", ""), (code, out, err))
        ends(folder)
    return status()


sys.exit(main())
