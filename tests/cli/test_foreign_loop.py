#!/usr/bin/python3
"""samples/foreign_loop: it greets itself while others call it, on one thread, and
ends with nothing left on its loop, by itself and by a signal."""
import glob
import os
import select
import signal
import subprocess
import sys
import time

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
BUILD = os.environ.get("BUILD", "build")
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
SAMPLE = os.path.join(TOP, BUILD, "samples/foreign_loop/foreign_loop")
SCHEMA = os.path.join(TOP, "samples/greeter/greeter.proto")
END = ["the host is gone", "the loop is empty"]


def call(port, method, data):
    return subprocess.run(
        [MAYFLY, "call", "--schema", SCHEMA, "-d", data, "--timeout", "30s",
         "127.0.0.1:%d" % port, "helloworld.Greeter/" + method],
        capture_output=True, text=True, timeout=60)


class Sample:
    def __init__(self, *arguments):
        self.process = subprocess.Popen(
            [SAMPLE, SCHEMA, "127.0.0.1:0", *arguments], text=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.port = int(self.process.stdout.readline().split()[-1])

    def end(self):
        # communicate() would pass over what readline() has read ahead
        out, err = self.process.stdout.read(), self.process.stderr.read()
        return self.process.wait(60), out.splitlines(), err


def by_itself():
    code, lines, err = Sample("3").end()
    check("it ends after so many greetings", code == 0 and err == "" and
          lines == ["hello number %d" % n for n in (1, 2, 3)] + END,
          "%d %s %s" % (code, lines, err))


def by_signal():
    sample = Sample()
    try:
        hello = call(sample.port, "SayHello", '{"name": "ada"}')
        check("others call it", '"hello ada"' in hello.stdout, hello.stderr)
        # the sanitizers may have threads of their own
        names = [open(f).read().strip() for f in
                 glob.glob("/proc/%d/task/*/comm" % sample.process.pid)]
        check("no thread of mayfly's runs",
              not any(n.startswith("mayfly") for n in names), names)
        later = call(sample.port, "SayHelloLater", '{"delay_ms": 300}')
        check("a timer answers later", '"hello, at last"' in later.stdout,
              later.stderr)
        ready, _, _ = select.select([sample.process.stdout], [], [], 60)
        check("it greets itself meanwhile", ready and
              sample.process.stdout.readline().startswith("hello number"))
        waiting = subprocess.Popen(
            [MAYFLY, "call", "--schema", SCHEMA, "-d", '{"delay_ms": 700}',
             "127.0.0.1:%d" % sample.port, "helloworld.Greeter/SayHelloLater"],
            stdout=subprocess.PIPE, text=True)
        time.sleep(0.3)
        sample.process.send_signal(signal.SIGTERM)
        code, lines, err = sample.end()
        out, _ = waiting.communicate(timeout=60)
        check("a signal ends it", code == 0 and lines[-2:] == END,
              "%d %s %s" % (code, lines, err))
        check("the call under way was answered, or had not come yet",
              '"hello, at last"' in out or waiting.returncode == 64 + 14, out)
    finally:
        sample.process.kill()
        sample.process.wait()


def refused():
    r = subprocess.run([SAMPLE, "/none.proto", "127.0.0.1:0"],
                       capture_output=True, text=True, timeout=60)
    check("what cannot begin is said", r.returncode == 1 and "none" in r.stderr,
          r.stderr)


by_itself()
by_signal()
refused()
sys.exit(status())
