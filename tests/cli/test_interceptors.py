#!/usr/bin/python3
"""samples/interceptors: a client that adds a token, times its calls and keeps what does
not change, and a server that lets in who has the token."""
import os
import re
import subprocess
import sys

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
FOLDER = os.path.join(TOP, os.environ.get("BUILD", "build"), "samples/interceptors")
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
SCHEMA = os.path.join(TOP, "samples/interceptors/market.proto")
TIMES = re.compile(r"(\d+) calls: (\d+) from the cache, (\d+) failed; "
                   r"from ([\d.]+) to ([\d.]+) us$")


def client(port, token, *symbols):
    done = subprocess.run(
        [os.path.join(FOLDER, "market_client"), SCHEMA, "127.0.0.1:%d" % port, token,
         *symbols], capture_output=True, text=True, timeout=60)
    return done.returncode, done.stdout.splitlines(), done.stderr


def counts(line):
    m = TIMES.match(line)
    return m and tuple(int(m.group(i)) for i in (1, 2, 3))


def main():
    server = subprocess.Popen(
        [os.path.join(FOLDER, "market_server"), SCHEMA, "127.0.0.1:0"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        port = int(server.stdout.readline().split()[-1])
        code, lines, err = client(port, "sesame", "acme", "gear", "acme", "acme")
        check("who has the token is answered", code == 0 and lines[:4] == [
            "acme: acme Incorporated, says ada: 1000",
            "gear: gear Incorporated, says ada: 1001",
            "acme: acme Incorporated, says ada: 1002",
            "acme: acme Incorporated, says ada: 1003"], (code, lines, err))
        check("what was known came from the cache", counts(lines[4]) == (8, 2, 0), lines)
        times = [float(TIMES.match(lines[4]).group(i)) for i in (4, 5)]
        check("and calls were timed", 0 <= times[0] < times[1], lines[4])

        code, lines, err = client(port, "mellon", "acme")
        check("who has another one is not", code == 64 + 16 and
              err == "acme: UNAUTHENTICATED: not this token\n", (code, lines, err))
        check("which is a failed call", counts(lines[0]) == (1, 0, 1), lines)
        other = subprocess.run(
            [MAYFLY, "call", "--schema", SCHEMA, "-d", '{"symbol": "acme"}',
             "127.0.0.1:%d" % port, "market.Market/Price"],
            capture_output=True, text=True, timeout=60)
        check("nor who has none", other.returncode == 64 + 16 and
              "no token" in other.stderr, (other.returncode, other.stderr))
        other = subprocess.run(
            [MAYFLY, "call", "--schema", SCHEMA, "-d", '{"symbol": "acme"}',
             "-H", "token: sesame", "127.0.0.1:%d" % port, "market.Market/Price"],
            capture_output=True, text=True, timeout=60)
        check("any client with the token is", other.returncode == 0 and
              '"1004"' in other.stdout, (other.returncode, other.stderr))
        out, err = server.communicate(timeout=60)
        check("the cache has spared the server two calls",
              (server.returncode, out, err) == (0, "let in 7, turned away 2\n", ""),
              (server.returncode, out, err))
    finally:
        server.kill()
        server.wait()
    return status()


sys.exit(main())
