#!/usr/bin/python3
"""What the libraries export, and what they must not call.

symbols.txt is the list of functions the shared library exports; a change of it is a
change of the interface (docs/versions.md) and is made by hand: this test prints the
difference.
"""
import os
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))

# A library that prints, ends the process, or changes what belongs to all of it.
FORBIDDEN = set("""
printf vprintf puts putchar putc fputs fputc fputwc putwchar fprintf vfprintf fwrite
fflush dprintf vdprintf perror psignal syslog warn warnx err errx error
__printf_chk __vprintf_chk __fprintf_chk __vfprintf_chk __dprintf_chk
stdout stderr stdin
exit _exit _Exit quick_exit abort __assert_fail __assert raise kill atexit on_exit
signal sigaction sigprocmask sigaltstack bsd_signal
setenv putenv unsetenv clearenv setlocale chdir umask setrlimit mallopt
""".split())
# The table of names that handler source may use: their addresses as data, not calls.
TABLE = "compiler/arena/libc.o"
# What a program that is loaded changes, and what is put back for it.
ALLOWED = {"proxy/program/program_signals.o": {"sigaction"},
           # the fault handler that a host asks for
           "cache/context/fault.o": {"sigaction", "raise"}}


def nm(path, *options):
    out = subprocess.run(["nm", *options, str(path)], capture_output=True, text=True,
                         check=True).stdout
    return [line.split() for line in out.splitlines() if line and not line.endswith(":")]


def exported(so):
    """Names, and those of them that do not carry the soname's version."""
    versioned = [line[-1] for line in
                 nm(BUILD / "libmayfly.so", "-D", "--defined-only") if line[1] != "A"]
    return ({name.partition("@")[0] for name in versioned},
            [name for name in versioned if not name.endswith(f"@@MAYFLY_{so}")])


def soname():
    """The soname's number as the Makefile has it."""
    return re.search(r"^SOVERSION = (\d+)$", (TOP / "Makefile").read_text(),
                     re.M).group(1)


def declared():
    """Functions that the public headers mark with MAYFLY_API."""
    names = set()
    for header in (TOP / "include/mayfly").glob("*.h"):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        text = "\n".join(l for l in text.splitlines() if not l.startswith("#"))
        names.update(re.findall(r"MAYFLY_API\b[^;(]*?\b(mayfly_\w+)\s*\(", text))
    return names


def difference(name, have, want):
    for extra in sorted(have - want):
        print(f"# {name}: {extra} is too much")
    for lost in sorted(want - have):
        print(f"# {name}: {lost} is missing")
    return have == want


def library_objects():
    """What the library is linked from; the relinked libtcc, not its parts."""
    for folder in ("base", "compiler", "cache", "proxy", "gen"):
        for path in sorted((BUILD / folder).rglob("*.o")):
            if "libtcc" not in path.parent.name:
                yield path


def references(path, names):
    """(section, name) of each relocation against one of the names."""
    out = subprocess.run(["readelf", "-rW", str(path)], capture_output=True, text=True,
                         check=True).stdout
    section = ""
    for line in out.splitlines():
        head = re.match(r"Relocation section '\.rela(\S+)'", line)
        if head:
            section = head.group(1)
            continue
        words = line.split()
        if len(words) >= 5 and words[4] in names and not section.startswith(".debug"):
            yield section, words[4]


def calls_nothing_forbidden():
    objects = list(library_objects())
    good = any(o.name == "mf_libtcc.o" for o in objects)
    if not good:
        print("# the relinked libtcc was not looked at")
    for path in objects:
        where = str(path.relative_to(BUILD))
        found = {name for section, name in references(path, FORBIDDEN)
                 if where != TABLE or section.startswith(".text")}
        found -= ALLOWED.get(where, set())
        for name in sorted(found):
            print(f"# {where} uses {name}")
            good = False
    return good


def main():
    so = soname()
    have, unversioned = exported(so)
    if unversioned:
        print(f"# without MAYFLY_{so}: {unversioned}")
    wanted = (TOP / "tests/structure/symbols.txt").read_text().split()
    archive = {line[-1] for line in
               nm(BUILD / "libmayfly.a", "-g", "--defined-only") if len(line) == 3}
    dynamic = subprocess.run(["readelf", "-dlW", str(BUILD / "libmayfly.so")],
                             capture_output=True, text=True, check=True).stdout
    checks = [
        ("the shared library exports what symbols.txt lists",
         difference("exported", have, set(wanted))),
        ("symbols.txt is sorted", wanted == sorted(wanted)),
        ("every function of the headers is exported, and nothing else",
         difference("headers", have, declared())),
        ("the static library has the same global names",
         difference("archive", archive, have)),
        ("nothing prints, exits or changes what belongs to the process",
         calls_nothing_forbidden()),
        ("every name carries the soname's version", not unversioned),
        ("no text relocations, no executable stack, a soname",
         "TEXTREL" not in dynamic and f"soname: [libmayfly.so.{so}]" in dynamic and
         re.search(r"GNU_STACK.*RW ", dynamic) is not None),
        ("a forbidden name would be found",
         len(set(references(BUILD / "base/error.o", {"vsnprintf"}))) == 1),
    ]
    for number, (name, good) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    return 0 if all(good for _, good in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
