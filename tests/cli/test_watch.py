#!/usr/bin/python3
"""mayfly serve --watch: files are saved in the ways that editors have, while a gRPC
client calls without a pause. No call may fail, and each is answered by one version."""
import os
import queue
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

try:
    import grpc
except ImportError:
    sys.exit(77)

MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
PATIENCE = 60
SWAPPED = re.compile(r"swapped to version (\d+) \(build \d+\.\d ms, swap \d+ us\): "
                     r"version (\d+) (gave back [\d,]+ bytes, 0 retained|"
                     r"ends with its last call)$")

MAIN = """syntax = "proto3";
package watch;
import "part.proto";
service Watch {
  rpc Say(Request) returns (Reply);
  rpc Wait(Request) returns (Reply);
}
message Request {}
message Reply { string text = 1; int32 count = 2; Part part = 3; }
"""
PART = """syntax = "proto3";
package watch;
message Part { int32 size = 1; }
"""
HANDLERS = """#include <mayfly/handlers.h>
#include "main.mf.h"
#include "local.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

int mayfly_on_load(const mayfly_handover *from, void **ret_state, mayfly_error *err)
{
    *ret_state = from->state ? from->state : calloc(1, sizeof(int));
    return *ret_state ? 0 : MAYFLY_ENOMEM;
}

void mayfly_on_unload(void *state, int in_use)
{
    if (!in_use)
        free(state);
}

int watch_Watch_on_Say(void *state, mayfly_call *call, const watch_Request *q,
                       watch_Reply *r)
{
    r->text = mayfly_str_of("WORD/" LOCAL);
    r->count = ++*(int *)state;
    return 0;
}

int watch_Watch_on_Wait(void *state, mayfly_call *call, const watch_Request *q,
                        watch_Reply *r)
{
    FILE *began = fopen("FOLDER/began", "w");
    if (began)
        fclose(began);
    for (int i = 0; i < 600 && access("FOLDER/go", F_OK) != 0; i++)
        usleep(100000);
    r->text = mayfly_str_of("WORD/" LOCAL);
    return 0;
}
"""


def text_of(reply):
    """Field 1 of a reply, which comes first."""
    return reply[2:2 + reply[1]].decode() if reply else ""


def count_of(reply):
    rest, value, shift = reply[2 + reply[1]:], 0, 0
    for byte in rest[1:]:
        value |= (byte & 127) << shift
        shift += 7
        if byte < 128:
            break
    return value


class Files:
    """The files that are served, and ways to save one."""

    def __init__(self, top):
        self.top = top
        self.text = {}
        for name, text in (("main.proto", MAIN), ("part.proto", PART),
                           ("local.h", '#define LOCAL "a"\n'),
                           ("main.c", self.handlers("one"))):
            self.write(name, text)

    def handlers(self, word):
        return HANDLERS.replace("WORD", word).replace("FOLDER", self.top)

    def path(self, name):
        return os.path.join(self.top, name)

    def write(self, name, text):
        """In place, by a program that does nothing else meanwhile."""
        self.text[name] = text
        with open(self.top + ".saved", "w") as f:
            f.write(text)
        subprocess.run(["cp", self.top + ".saved", self.path(name)], check=True)

    def rename_over(self, name, text):
        self.text[name] = text
        with open(self.path(name + ".new"), "w") as f:
            f.write(text)
        os.rename(self.path(name + ".new"), self.path(name))

    def move_and_make(self, name, text):
        os.rename(self.path(name), self.path(name + "~"))
        time.sleep(0.2)  # it is not there for a moment
        self.write(name, text)


class Server:
    def __init__(self, files, *options):
        self.p = subprocess.Popen(
            [MAYFLY, "serve", "-l", "127.0.0.1:0", "--watch", *options,
             files.path("main.proto"), files.path("main.c")],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.out, self.err = queue.Queue(), queue.Queue()
        self.readers = [threading.Thread(target=self.read, args=a, daemon=True)
                        for a in ((self.p.stdout, self.out),
                                  (self.p.stderr, self.err))]
        for t in self.readers:
            t.start()
        self.target = self.line()[len("listening on "):]

    @staticmethod
    def read(stream, to):
        for line in stream:
            to.put(line.rstrip("\n"))
        to.put(None)

    def line(self, of=None):
        """The next line that was printed, "" when there is none for long."""
        try:
            return (of or self.out).get(timeout=PATIENCE) or ""
        except queue.Empty:
            return ""

    def swap(self, version):
        """Waits for the line of a swap to that version."""
        line = self.line()
        m = SWAPPED.match(line)
        return m is not None and int(m.group(1)) == version, line

    def refusal(self, version):
        """What is shown of files that are no good, without the last line."""
        lines = []
        while True:
            line = self.line(self.err)
            if line in ("", "mayfly: version %d goes on" % version):
                return lines if line else lines + ["(nothing)"]
            lines.append(line)

    def end(self):
        self.p.send_signal(signal.SIGTERM)
        try:
            self.p.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.p.kill()
            self.p.wait()
        for t in self.readers:
            t.join()
        left = list(self.out.queue) + list(self.err.queue)
        return self.p.returncode, [x for x in left if x is not None]


class Client(threading.Thread):
    """Calls one after the other until it is stopped."""

    def __init__(self, target):
        super().__init__()
        self.channel = grpc.insecure_channel(target)
        self.stopped = False
        self.replies, self.failures = [], []

    def call(self, method="Say", timeout=PATIENCE):
        return self.channel.unary_unary("/watch.Watch/" + method)(
            b"", timeout=timeout)

    def run(self):
        while not self.stopped:
            try:
                self.replies.append(self.call())
            except grpc.RpcError as e:
                self.failures.append(e)

    def end(self):
        self.stopped = True
        self.join()
        self.channel.close()


def good_and_bad(files, s, client):
    said = lambda: text_of(client.call())  # noqa: E731
    check("the first version answers", said() == "one/a", said())
    files.write("main.c", files.handlers("two"))
    check("a handler that is saved is swapped in", *s.swap(2))
    check("and answers from then on", said() == "two/a", said())
    before = count_of(client.call())
    check("with the state of the one before", before > 1, before)

    good = files.text["main.c"]
    files.write("main.c", good + "int nonsense = ];\n")
    line = good.count("\n") + 1
    lines = s.refusal(2)
    check("an error is shown with its place", len(lines) == 1 and
          lines[0].startswith("%s:%d: " % (files.path("main.c"), line)), lines)
    check("and the old version goes on", said() == "two/a", said())
    files.write("main.c", good)
    check("undone, it is as before", s.line() == "as before: version 2")

    files.write("main.proto", MAIN.replace("Part part", "Port part"))
    lines = s.refusal(2)
    check("an error in the schema is shown with line and column",
          any(x.startswith(files.path("main.proto") + ":9:") for x in lines) or
          any(x.startswith("main.proto:9:") for x in lines), lines)
    check("and the old version goes on then, too", said() == "two/a", said())
    files.write("main.proto", MAIN)
    check("undone, it is as before, too", s.line() == "as before: version 2")

    files.write("main.c", good + "int f(void) { return no_such_function(); }\n")
    lines = s.refusal(2)
    check("a name that is not there is named", len(lines) >= 1 and
          "no_such_function" in lines[0], lines)
    files.write("main.c", "int nothing;\n")
    lines = s.refusal(2)
    check("source without a handler is refused", "no handler" in " ".join(lines),
          lines)
    check("and the old one has not stopped", said() == "two/a", said())


def ways_to_save(files, s, client):
    said = lambda: text_of(client.call())  # noqa: E731
    files.rename_over("main.c", files.handlers("three"))
    check("a file that is renamed over another is swapped in", *s.swap(3))
    check("and answers", said() == "three/a", said())
    files.move_and_make("main.c", files.handlers("four"))
    check("a file that is gone for a moment is waited for", *s.swap(4))
    check("and answers, too", said() == "four/a", said())
    files.rename_over("part.proto", PART.replace("size = 1", "size = 2"))
    check("an import that has changed is a new version", *s.swap(5))
    files.rename_over("part.proto", PART.replace("size = 1", "size ="))
    lines = s.refusal(5)
    check("an error in an import is shown with its place",
          any("part.proto:3:" in x for x in lines), lines)
    files.rename_over("part.proto", PART)
    check("and its change back is a version", *s.swap(6))
    files.write("local.h", '#define LOCAL "b"\n')
    check("a header that has changed is a new version", *s.swap(7))
    check("of which the handlers are made", said() == "four/b", said())
    files.write("local.h", "#define LOCAL )\n")
    lines = s.refusal(7)
    check("an error in it is shown", any("main.c:" in x or "local.h:" in x
                                         for x in lines), lines)
    os.unlink(files.path("local.h"))
    lines = s.refusal(7)
    check("a header that is gone is an error in the end",
          any("local.h" in x for x in lines), lines)
    files.write("local.h", '#define LOCAL "c"\n')
    check("until it comes", *s.swap(8))
    check("and is seen", said() == "four/c", said())


def links_and_folders(files, s, client, folder):
    said = lambda: text_of(client.call())  # noqa: E731
    elsewhere = os.path.join(folder, "elsewhere.c")
    with open(elsewhere, "w") as f:
        f.write(files.handlers("five"))
    os.unlink(files.path("main.c"))
    os.symlink(elsewhere, files.path("main.c"))
    check("a link to another file is followed", *s.swap(9))
    files.write("main.c", files.handlers("six"))
    check("and what it leads to is watched", *s.swap(10))
    check("and answers", said() == "six/c", said())
    other = files.top + ".other"
    shutil.copytree(files.top, other, symlinks=True)
    with open(os.path.join(other, "local.h"), "w") as f:
        f.write('#define LOCAL "d"\n')
    os.rename(files.top, files.top + ".old")
    os.rename(other, files.top)
    check("another folder under the name is seen", *s.swap(11))
    check("with its files", said() == "six/d", said())
    files.write("local.h", '#define LOCAL "e"\n')
    check("and watched", *s.swap(12))
    check("as it was before", said() == "six/e", said())


def methods(files, s, client):
    files.write("main.proto", MAIN.replace(
        "rpc Wait", "rpc More(Request) returns (Reply);\n  rpc Wait"))
    check("a schema with one more method is a version", *s.swap(13))
    os.unlink(files.path("main.c"))
    files.write("main.c", files.handlers("seven") + """
int watch_Watch_on_More(void *state, mayfly_call *call, const watch_Request *q,
                        watch_Reply *r)
{
    r->text = mayfly_str_of("more");
    return 0;
}
""")
    check("its handler is another", *s.swap(14))
    check("and the method is served", text_of(client.call("More")) == "more")


def quick_saves(files, s, client):
    saves = 120
    for i in range(saves):
        way = files.write if i % 8 == 0 else files.rename_over
        way("main.c", files.handlers("quick%d" % i))
        time.sleep(0.003)
    last, swaps = "quick%d/e" % (saves - 1), 0
    end = time.monotonic() + PATIENCE
    while text_of(client.call()) != last and time.monotonic() < end:
        time.sleep(0.01)
    check("after many quick saves the last one answers",
          text_of(client.call()) == last, text_of(client.call()))
    version = 14
    while True:
        good, line = s.swap(version + 1)
        if not good:
            break
        version, swaps = version + 1, swaps + 1
        if text_of(client.call()) == last and s.out.empty():
            break
    check("saves close together are one swap", good and 1 <= swaps < saves / 4,
          (swaps, line))


def a_call_that_takes_long(folder):
    files = Files(os.path.join(folder, "long"))
    s = Server(files, "--blocking")
    client = Client(s.target)
    answer = []
    t = threading.Thread(target=lambda: answer.append(client.call("Wait")))
    t.start()
    end = time.monotonic() + PATIENCE
    while not os.path.exists(files.path("began")) and time.monotonic() < end:
        time.sleep(0.01)
    files.write("main.c", files.handlers("two"))
    good, line = s.swap(2)
    check("a version with a call is not waited for", good and
          line.endswith("version 1 ends with its last call"), line)
    check("new calls are answered by the new one",
          text_of(client.call()) == "two/a")
    open(files.path("go"), "w").close()
    t.join()
    check("the call under way by the old one", text_of(answer[0]) == "one/a",
          answer)
    line = s.line()
    check("and then that is told", re.match(
        r"version 1 gave back [\d,]+ bytes, 0 retained$", line), line)
    client.channel.close()
    code, left = s.end()
    check("it ends as without --watch", (code, left) == (0, []), (code, left))


def main():
    if not os.path.exists(MAYFLY):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        os.mkdir(os.path.join(folder, "src"))
        os.mkdir(os.path.join(folder, "long"))
        files = Files(os.path.join(folder, "src"))
        s = Server(files)
        client = Client(s.target)
        client.start()
        try:
            good_and_bad(files, s, client)
            ways_to_save(files, s, client)
            links_and_folders(files, s, client, folder)
            methods(files, s, client)
            quick_saves(files, s, client)
        finally:
            client.end()
            code, left = s.end()
        check("no call failed", client.failures == [], client.failures[:3])
        known = re.compile(r"(one|two|three|four|five|six|seven|quick\d+)/[a-e]$")
        odd = [r for r in client.replies if not known.match(text_of(r))]
        check("each was answered by one version", client.replies and odd == [],
              odd[:3])
        counts = [count_of(r) for r in client.replies]
        check("and the state went along", counts == sorted(set(counts)), counts[:20])
        # a last swap may have been told after its version had answered already
        left = [x for x in left if not SWAPPED.match(x)]
        check("SIGTERM ends it with 0, and nothing more is printed",
              (code, left) == (0, []), (code, left))
        a_call_that_takes_long(folder)
    return status()


sys.exit(main())
