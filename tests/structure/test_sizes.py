#!/usr/bin/python3
"""No file above 600 lines, no function above 100; no marks of unfinished work and
no paths of somebody's machine in what belongs to the project."""
import pathlib
import re
import subprocess

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
FILE_MAX, FUNCTION_MAX = 600, 100
# data that is kept as it came out of something
DATA = re.compile(r"^tests/(golden|corpus|data|fuzz/corpus)/.*|.*\.(txt|json|bin)$")
UNFINISHED = re.compile(r"\b(TO" r"DO|FIX" r"ME|X" r"XX)\b")
PATHS = re.compile(r"/tmp/m" r"f\b|/wor" r"k/|/hom" r"e/\w")


def long_functions(text):
    """(name, lines) of each function; braces stand in the first column."""
    lines = text.splitlines()
    start = None
    for number, line in enumerate(lines):
        if line == "{":
            start = number
        elif line == "}" and start is not None:
            if number - start + 1 > FUNCTION_MAX:
                yield lines[start - 1], number - start + 1
            start = None


def main():
    files = subprocess.run(["git", "ls-files"], cwd=TOP, capture_output=True, text=True)
    if files.returncode != 0:
        print("ok 1 # SKIP not a git tree")
        return 0
    too_long, functions, marks, paths = [], [], [], []
    for name in files.stdout.splitlines():
        path = TOP / name
        if not path.is_file():
            continue
        try:
            text = path.read_text()
        except UnicodeDecodeError:
            continue
        if UNFINISHED.search(text):
            marks.append(name)
        if PATHS.search(text):
            paths.append(name)
        if DATA.match(name):
            continue
        if text.count("\n") > FILE_MAX:
            too_long.append(f"{name}: {text.count(chr(10))} lines")
        if path.suffix == ".c" and not name.startswith("tests/"):
            functions += [f"{name}: {head}: {n} lines" for head, n in
                          long_functions(text)]
    made_up = "int f(void)\n{\n" + ";\n" * FUNCTION_MAX + "}\n"
    checks = [
        (f"no file has more than {FILE_MAX} lines", too_long),
        (f"no function has more than {FUNCTION_MAX} lines", functions),
        ("no marks of unfinished work", marks),
        ("no paths of a machine", paths),
        ("a long function is found", [] if list(long_functions(made_up)) else ["no"]),
    ]
    for number, (name, bad) in enumerate(checks, 1):
        for line in bad:
            print("#", line)
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
    return 1 if any(bad for _, bad in checks) else 0


if __name__ == "__main__":
    raise SystemExit(main())
