#!/usr/bin/python3
"""mayfly run: arguments, output, exit codes, errors with their place, threads that
are left, and a sample that prints the same as when a compiler built it."""
import os
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
BUILD = os.environ.get("BUILD", "build")
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
WORDS = os.path.join(TOP, "samples/run/words.c")
BUILT = os.path.join(TOP, BUILD, "samples/run/words")


def run(*arguments, stdin="", cwd=None):
    return subprocess.run([MAYFLY, "run", *arguments], input=stdin, timeout=60,
                          capture_output=True, text=True, cwd=cwd)


def is_run(what, r, code, out=None, err=None):
    good = (r.returncode == code and (out is None or r.stdout == out) and
            (r.stderr == "" if err is None else err in r.stderr))
    check(what, good, "%d\n%s\n%s" % (r.returncode, r.stdout, r.stderr))


HEAD = """#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#include <pthread.h>
#include <signal.h>
"""


def source(text, *arguments, **more):
    return run(*arguments, "-", stdin=HEAD + text, **more)


def programs():
    r = run("-", "a", "-I", "--", "--help", stdin=HEAD + """
int main(int argc, char **argv) {
    for (int i = 0; i < argc; i++) printf("[%s]", argv[i]);
    return argc; }""")
    is_run("what is behind the file is the program's", r, 5, "[-][a][-I][--][--help]")
    is_run("main's value", source("int main(void) { return 300; }"), 300 & 255, "")
    is_run("exit below calls, and the order at the end", source("""
static void bye(void) { puts("bye"); }
static void last(void) { puts("last"); }
static void deep(int n) { if (n) deep(n - 1); else exit(3); }
__attribute__((constructor)) static void first(void) { puts("first"); }
__attribute__((destructor)) static void never(void) { puts("end"); }
int main(void) { atexit(last); atexit(bye); puts("main"); deep(100); return 1; }
"""), 3, "first\nmain\nbye\nlast\nend\n")
    is_run("_exit runs no handler", source("""
static void bye(void) { puts("bye"); }
int main(void) { atexit(bye); _exit(4); }"""), 4, "")
    is_run("a failed assert is told, and is no core", source("""
#include <assert.h>
int main(int argc, char **argv) { assert(argc == 7); return 0; }"""), 134, "",
           "stdin:8: main: Assertion `argc == 7' failed.")
    is_run("exit in a signal's handler", source("""
static void h(int n) { exit(n); }
int main(void) { signal(SIGINT, h); raise(SIGINT); return 0; }"""), 2, "")
    # a leak check in a forked child complains of the threads that are not there
    options = os.environ.get("ASAN_OPTIONS", "")
    os.environ["ASAN_OPTIONS"] = options + ":detect_leaks=0"
    is_run("a child of the program's", source("""
#include <sys/wait.h>
int main(void) { int s; pid_t p = fork();
    if (p == 0) exit(7);
    waitpid(p, &s, 0);
    p = fork();
    if (p == 0) _exit(8);
    int t; waitpid(p, &t, 0);
    return WEXITSTATUS(s) * 10 + WEXITSTATUS(t); }"""), 78, "")
    os.environ["ASAN_OPTIONS"] = options
    is_run("any function of libc and libm", source("""
#include <math.h>
#include <fenv.h>
int main(void) { fesetround(FE_TONEAREST); setenv("FLY", "may", 1);
    printf("%s %.1f\\n", getenv("FLY"), lgamma(1) + cbrt(27)); return 0; }"""),
           0, "may 3.0\n")
    r = source("""
static void *wait(void *a) { for (;;) pause(); return a; }
int main(void) { pthread_t t; pthread_create(&t, 0, wait, 0); puts("left");
    return 6; }""")
    is_run("a thread that is left is cancelled", r, 6, "left\n")
    r = source("""
static volatile unsigned long n;
void *busy(void *a) { for (;;) n++; return a; }
int main(void) { pthread_t t; return pthread_create(&t, 0, busy, 0) + 5; }""")
    is_run("one that does not end is named", r, 5, "",
           "mayfly: context \"stdin\" is still in use: 1 thread: busy (thread ")
    r = run("--receipt", "-", stdin="int main(void) { return 0; }")
    is_run("a receipt", r, 0, "", "context stdin: unloaded")


def options(folder):
    os.mkdir(folder + "/include")
    os.mkdir(folder + "/src")
    with open(folder + "/include/far.h", "w") as f:
        f.write('#include "../src/near.h"\n#define FAR (NEAR + 20)\n')
    with open(folder + "/src/near.h", "w") as f:
        f.write("#define NEAR 1\n")
    with open(folder + "/src/a.c", "w") as f:
        f.write('#!/usr/bin/env -S mayfly run\n#include "near.h"\n#include <far.h>\n'
                "#ifndef MORE\n#define MORE 0\n#endif\n"
                "const char *zlibVersion(void);\n"
                "int main(void) { return FAR + MORE + "
                "(zlibVersion()[0] == '1'); }\n")
    is_run("headers beside the file and by -I", run("-Iinclude", "-lz", "src/a.c", cwd=folder),
           22, "")
    is_run("the same by a path from elsewhere, -D and -l",
           run("-I", folder + "/include", "-D", "MORE=4", "-lz", "-l", "libm.so.6", "--",
               folder + "/src/a.c"), 26, "")
    is_run("no such header", run("src/a.c", cwd=folder), 1, "",
           "src/a.c:3: include file 'far.h' not found")
    is_run("no such library", run("-l", "fly_nowhere", "src/a.c", cwd=folder), 1, "",
           'mayfly: no library "fly_nowhere"')
    is_run("a define that is none", run("-D", "=1", "src/a.c", cwd=folder), 1, "",
           "not a define")


def errors():
    is_run("an error has its place", source("int main(void) {\n return x; }"), 1, "",
           "stdin:7: 'x' undeclared")
    r = source("int here(int), there(int);\nint main(void) { return here(there(1)); }")
    is_run("all names that are not found", r, 1, "", "here")
    check("... are told", "there" in r.stderr, r.stderr)
    is_run("a warning is told", source("int main(void) { char *p = 1; return !p; }"),
           0, "", "stdin:6: warning: ")
    is_run("no main", run("-", stdin="int x;"), 1, "", "defines no main")
    is_run("no file", run("/nowhere/a.c"), 1, "", "cannot read /nowhere/a.c")
    is_run("nothing to run", run(), 2, "", "too few arguments")
    is_run("an unknown option", run("-x", "a.c"), 2, "", "unknown option -x")


def sample():
    files = [WORDS, os.path.join(TOP, "LICENSE")]
    ours = run(WORDS, "-n", "3", *files)
    check("the sample counts", ours.returncode == 0 and ours.stderr == "" and
          ours.stdout.count("\n") == 4, ours.stdout + ours.stderr)
    if os.path.exists(BUILT):
        theirs = subprocess.run([BUILT, "-n", "3", *files], capture_output=True,
                                text=True, timeout=60)
        check("... as it does when built", ours.stdout == theirs.stdout,
              ours.stdout + theirs.stdout)
    r = run(WORDS, "/nowhere")
    is_run("the sample fails", r, 1, "      0 words, 0 different\n", "/nowhere: No such")
    is_run("the sample's usage", run(WORDS), 2, "", "usage: " + WORDS)


def main():
    if not os.path.exists(MAYFLY):
        return 77
    programs()
    errors()
    sample()
    with tempfile.TemporaryDirectory() as folder:
        options(folder)
    return status()


sys.exit(main())
