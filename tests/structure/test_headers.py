#!/usr/bin/python3
"""Each public header compiles by itself as C11, C17 and C++17, with gcc and clang,
without a warning; each internal header as C11."""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
LANGUAGES = [
    ("gcc", "c11", "c"), ("gcc", "c17", "c"), ("g++", "c++17", "c++"),
    ("clang", "c11", "c"), ("clang", "c17", "c"), ("clang++", "c++17", "c++"),
]


def compiles(compiler, standard, language, header, flags):
    with tempfile.TemporaryDirectory() as folder:
        source = pathlib.Path(folder) / ("one.c" if language == "c" else "one.cc")
        # twice: a header guards itself
        source.write_text(f"#include {header}\n#include {header}\n"
                          "int main(void);\nint main(void) { return 0; }\n"
                          if language == "c" else
                          f"#include {header}\n#include {header}\n"
                          "int main() { return 0; }\n")
        done = subprocess.run(
            [compiler, f"-std={standard}", *STRICT, *flags, str(source)],
            capture_output=True, text=True)
    return done.returncode == 0, done.stderr


def main():
    public = sorted((TOP / "include/mayfly").glob("*.h"))
    # without a guard a header is a template, made to be included in the midst of a file
    internal = sorted(h for folder in ("base", "compiler", "cache", "proxy", "cli")
                      for h in (TOP / folder).rglob("*.h")
                      if "#ifndef MF_" in h.read_text() or
                      "#ifndef MAYFLY_" in h.read_text())
    include = [f"-I{TOP / 'include'}"]
    everything = include + [f"-I{TOP}", "-D_GNU_SOURCE",
                            f"-I{os.environ.get('BUILD', 'build')}/gen"]
    jobs = []
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for compiler, standard, language in LANGUAGES:
            found = [(h, pool.submit(compiles, compiler, standard, language,
                                     f"<mayfly/{h.name}>", include)) for h in public]
            jobs.append((f"public headers with {compiler} as {standard}", compiler, found))
        found = [(h, pool.submit(compiles, "gcc", "c11", "c",
                                 f'"{h.relative_to(TOP)}"', everything))
                 for h in internal]
        jobs.append(("internal headers", "gcc", found))
    failed = 0
    for number, (name, compiler, found) in enumerate(jobs, 1):
        if not shutil.which(compiler):
            print(f"ok {number} - {name} # SKIP no {compiler}")
            continue
        bad = [(h, job.result()[1]) for h, job in found if not job.result()[0]]
        for header, text in bad:
            print(f"# {header.relative_to(TOP)}:")
            print("\n".join(text.splitlines()[:12]))
        print(f"{'not ok' if bad else 'ok'} {number} - {name}")
        failed += bool(bad)
    good, _ = compiles("gcc", "c11", "c", "<mayfly/no_such_header.h>", include)
    print(f"{'not ok' if good else 'ok'} {len(jobs) + 1} - a bad header is noticed")
    return 1 if failed or good else 0


if __name__ == "__main__":
    raise SystemExit(main())
