#!/usr/bin/python3
"""Options structs can grow: each has its macro, none ends in padding, all are read
by mf_options_read and tried with other sizes in tests/api/options.c.

A member that comes later would lie in the padding of an older caller's struct,
whose bytes are anything. A last member `int reserved; /* 0 */` fills the place, and
the struct is then read as far as that. What ends in _info is filled in by mayfly, as far as
its size says, and has neither macro nor tries."""
import os
import pathlib
import re
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
CC = os.environ.get("CC", "gcc").split()
STRUCT = re.compile(
    r"typedef struct (\w+) \{\s*size_t size;(.*?)\n\} \1;", re.S)


def structs(folder):
    """name -> name of its last member."""
    found = {}
    for header in sorted(folder.glob("*.h")):
        text = re.sub(r"/\*.*?\*/", "", header.read_text(), flags=re.S)
        for name, body in STRUCT.findall(text):
            last = [m for m in body.split(";") if m.strip()][-1].strip()
            pointer = re.search(r"\(\*(\w+)\)", last)
            found[name] = pointer.group(1) if pointer else \
                re.search(r"(\w+)\s*(\[\w+\])?$", last).group(1)
    return found


def without_end(found, include):
    """Those that end in padding."""
    with tempfile.TemporaryDirectory() as folder:
        program = pathlib.Path(folder) / "ends"
        lines = [f'if (offsetof({name}, {last}) + sizeof(x_{name}.{last}) != '
                 f'sizeof x_{name}) puts("{name}");' for name, last in found.items()]
        source = "#include <stdio.h>\n" + include + "".join(
            f"static {name} x_{name};\n" for name in found) + \
            "int main(void) {\n" + "\n".join(lines) + "\nreturn 0; }\n"
        subprocess.run([*CC, "-x", "c", "-", "-o", program, f"-I{TOP}/include"],
                       input=source, text=True, check=True)
        return subprocess.run([program], capture_output=True, text=True,
                              check=True).stdout.split()


def by_themselves():
    """Places that look at a size without mf_options_read."""
    for folder in ("cache", "proxy", "compiler"):
        for path in sorted((TOP / folder).rglob("*.c")):
            for number, line in enumerate(path.read_text().splitlines(), 1):
                if re.search(r"->size\s*!=\s*sizeof|\.size\s*!=\s*sizeof", line):
                    yield f"{path.relative_to(TOP)}:{number}"


def main():
    found = structs(TOP / "include/mayfly")
    headers = "".join(h.read_text() for h in (TOP / "include/mayfly").glob("*.h"))
    tried = (TOP / "tests/api/options.c").read_text()
    padded = without_end(found, "#include <mayfly/mayfly.h>\n")
    told = without_end({"bad": "b"}, "#include <stddef.h>\n"
                       "typedef struct bad { size_t size; int b; } bad;\n")
    options = [n for n in found if not n.endswith("_info")]
    no_macro = [n for n in options if f"#define {n.upper()}(...)" not in headers]
    untried = [n for n in options if f"sizeof({n})" not in tried]
    own = list(by_themselves())
    checks = [
        ("options structs were found", len(found) >= 12 and
         found["mayfly_limits"] == "mappings_spare", list(found)),
        ("none ends in padding", not padded, padded),
        ("one that does would be found", told == ["bad"], told),
        ("each has a macro that sets its size", not no_macro, no_macro),
        ("each is tried with other sizes in tests/api/options.c", not untried, untried),
        ("sizes are looked at by mf_options_read only", not own, own),
    ]
    for number, (name, good, what) in enumerate(checks, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
        if not good:
            print("#", *what)
    return 0 if all(good for _, good, _ in checks) else 1


if __name__ == "__main__":
    raise SystemExit(main())
