#!/usr/bin/python3
"""What the command prints, against the files in tests/golden/cli.

Each case is a file: the command line, standard output, standard error and the exit
code. GOLDEN_UPDATE=1 writes them anew.
"""
import os
import subprocess
import sys

TOP = os.environ.get("TOP", os.getcwd())
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
KEPT = os.path.join(TOP, "tests/golden/cli")
COMMANDS = ["compile", "header", "describe", "encode", "decode", "call", "serve",
            "run", "stat", "why", "top", "load", "swap", "unload"]
GREETER = "samples/greeter/greeter.proto"

# name, arguments, standard input
CASES = [("help", ["--help"], "")]
CASES += [("help-" + c, [c, "--help"], "") for c in COMMANDS]
CASES += [
    ("version", ["--version"], ""),
    ("usage-none", [], ""),
    ("usage-command", ["fly"], ""),
    ("usage-option", ["compile", "--speed", "a.proto"], ""),
    ("usage-option-value", ["compile", "a.proto", "-o"], ""),
    ("usage-flag-value", ["compile", "a.proto", "--resident=1"], ""),
    ("usage-few", ["encode", GREETER], ""),
    ("usage-many", ["decode", "a", "b", "c"], ""),
    ("usage-emit", ["compile", "--emit", "rust", "a.proto"], ""),
    ("usage-format", ["compile", "--format=xml", "a.proto"], ""),
    ("usage-repeat", ["compile", "--repeat", "many", "a.proto"], ""),
    ("usage-call-schema", ["call", "127.0.0.1:1", "a.B/C"], ""),
    ("usage-call-method", ["call", "--schema", GREETER, "127.0.0.1:1", "C"], ""),
    ("usage-call-timeout", ["call", "--schema", GREETER, "--timeout", "soon",
                            "127.0.0.1:1", "a.B/C"], ""),
    ("usage-call-header", ["call", "--schema", GREETER, "-H", "no colon",
                           "127.0.0.1:1", "helloworld.Greeter/SayHello"], ""),
    ("usage-admin", ["stat"], ""),
    ("usage-admin-format", ["why", "--admin", "a", "--format", "xml", "b"], ""),
    ("usage-swap", ["swap", "--admin", "a", "b"], ""),
    ("usage-unload-wait", ["unload", "--admin", "a", "--wait", "61s", "b"], ""),
    ("usage-top-sort", ["top", "--admin", "a", "--sort", "size"], ""),
    ("usage-top-count", ["top", "--admin", "a", "--count", "0"], ""),
    ("error-admin", ["stat", "--admin", "tests/golden/cli/none.sock"], ""),
    ("later-stream", ["call", "--schema", GREETER, "-d", "@", "127.0.0.1:1",
                      "a.B/C"], ""),
    ("later-describe", ["describe", "127.0.0.1:50051"], ""),
    ("error-no-file", ["header", "tests/golden/cli/none.proto"], ""),
    ("error-schema", ["compile", "tests/golden/cli/bad.proto"], ""),
    ("error-handlers", ["serve", "-l", "127.0.0.1:0", GREETER,
                        "tests/golden/cli/bad.c"], ""),
    ("error-shape", ["serve", "-l", "127.0.0.1:0", GREETER,
                     "tests/golden/cli/shape.c"], ""),
    ("error-refused", ["serve", "-l", "127.0.0.1:0", GREETER,
                       "tests/golden/cli/refuses.c"], ""),
    ("error-type", ["encode", GREETER, "helloworld.Nothing"], "{}"),
    ("error-json", ["encode", GREETER, "helloworld.HelloRequest"],
     "{\n  \"name\": \"ada\",\n  \"nam\": 1\n}"),
    ("error-json-call", ["call", "--schema", GREETER, "-d", "{\"name\": 1}",
                         "127.0.0.1:1", "helloworld.Greeter/SayHello"], ""),
    ("error-bytes", ["decode", GREETER, "helloworld.HelloRequest"], "xyz"),
    ("error-method", ["call", "--schema", GREETER, "127.0.0.1:1",
                      "helloworld.Greeter/Nothing"], ""),
    ("error-target", ["call", "--schema", GREETER, "nowhere",
                      "helloworld.Greeter/SayHello"], ""),
    ("list", ["describe", GREETER], ""),
    ("list-message", ["describe", GREETER, "helloworld.HelloRequest"], ""),
    ("list-nothing", ["describe", GREETER, "helloworld.Nothing"], ""),
]


def shown(name, arguments, text):
    r = subprocess.run([MAYFLY] + arguments, input=text.encode(), cwd=TOP,
                       capture_output=True, timeout=60)
    line = " ".join("'%s'" % a if set(a) & set(" {\"") else a
                    for a in arguments)
    out = "$ mayfly %s\n%s" % (line, r.stdout.decode())
    if r.stderr:
        out += "--- standard error\n" + r.stderr.decode()
    return out + "--- exit code %d\n" % r.returncode


def main():
    if not os.path.exists(MAYFLY):
        return 77
    failed = 0
    for n, (name, arguments, text) in enumerate(CASES, 1):
        got = shown(name, arguments, text)
        path = os.path.join(KEPT, name + ".txt")
        if os.environ.get("GOLDEN_UPDATE"):
            with open(path, "w") as f:
                f.write(got)
        wanted = open(path).read() if os.path.exists(path) else ""
        print("%sok %d - %s" % ("" if got == wanted else "not ", n, name))
        if got != wanted:
            failed = 1
            print("# got:\n# " + got.replace("\n", "\n# "))
    return failed


sys.exit(main())
