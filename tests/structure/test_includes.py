#!/usr/bin/python3
"""Folders include only what they may; a vendor's header is included by one file or
two. The rules are those of docs/architecture.md."""
import os
import pathlib
import re
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent

# folder -> the project's folders it may include from ("mayfly" is include/mayfly)
MAY = {
    "include": {"mayfly"},
    "base": {"base", "mayfly"},
    "compiler": {"compiler", "base", "mayfly"},
    "cache": {"cache", "base", "mayfly"},
    "proxy": {"proxy", "cache", "compiler", "base", "mayfly"},
    "cli": {"cli", "mayfly"},
    "samples": {"samples", "mayfly"},
}
# vendor header (a prefix) -> (folder it belongs to, most files that may include it)
VENDORS = {
    "libtcc.h": ("compiler/arena", 1),
    "uthash.h": ("base", 1),
    "utlist.h": ("base", 1),
    "nghttp2/": ("proxy", 2),
    "uv.h": ("proxy", 2),
    "zlib.h": ("proxy", 2),
    "urcu": ("cache", 2),
    "openssl/": ("proxy", 2),
}
# samples that show how mayfly and a vendor's library go together
TOGETHER = {"samples/foreign_loop/": "uv.h"}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]', re.M)


def sources(top):
    for folder in MAY:
        for path in sorted((top / folder).rglob("*")):
            if path.suffix in (".c", ".h"):
                yield folder, path


def origin(top, path, quote, name):
    """The project's folder that a header comes from, or None for the system's."""
    if name.endswith(".mf.h"):
        return "generated"
    first = name.split("/")[0]
    if first == "mayfly":
        return "mayfly"
    if "/" in name and first in MAY:
        return first
    if quote == '"':
        resolved = pathlib.Path(os.path.normpath(path.parent / name))
        if resolved.exists():
            return resolved.relative_to(top).parts[0]
        return "generated"  # a header made by the build
    return None


def check(top):
    """All breaches as text."""
    breaches = []
    users = {vendor: set() for vendor in VENDORS}
    for folder, path in sources(top):
        text = path.read_text()
        where = path.relative_to(top)
        for quote, name in INCLUDE.findall(text):
            comes_from = origin(top, path, quote, name)
            if comes_from == "generated":
                if folder in ("include", "base", "cache"):
                    breaches.append(f"{where} includes the generated {name}")
            elif comes_from and comes_from not in MAY[folder]:
                breaches.append(f"{where} includes {name}")
            for vendor in VENDORS:
                shown = any(str(where).startswith(sample) and vendor == meets
                            for sample, meets in TOGETHER.items())
                if comes_from is None and name.startswith(vendor) and not shown:
                    users[vendor].add(str(where))
    for vendor, (folder, most) in VENDORS.items():
        strangers = [u for u in users[vendor] if not u.startswith(folder + "/")]
        breaches += [f"{u} includes {vendor}" for u in strangers]
        if len(users[vendor]) > most:
            breaches.append(f"{vendor} is included by {sorted(users[vendor])}")
    return breaches


def self_test():
    """The check finds what it is there for."""
    lines = {
        "base/a.c": '#include "cache/context/context.h"',
        "compiler/gen/a.c": '#include "cache/context/context.h"',
        "cache/a.c": ' # include "compiler/unit.h"',
        "cache/b.c": '#include "../compiler/unit.h"',
        "cli/a.c": '#include "base/buf.h"',
        "samples/x/a.c": '#include "proxy/transport/h2.h"',
        "samples/x/b.c": "#include <uv.h>",
        "samples/foreign_loop/b.c": "#include <nghttp2/nghttp2.h>",
        "include/mayfly/a.h": '#include "base/buf.h"',
        "proxy/a.c": "#include <uthash.h>",
        "compiler/arena/a.c": "#include <libtcc.h>",
        "compiler/arena/b.c": "#include <libtcc.h>",
    }
    with tempfile.TemporaryDirectory() as folder:
        top = pathlib.Path(folder)
        for name, line in lines.items():
            (top / name).parent.mkdir(parents=True, exist_ok=True)
            (top / name).write_text(line + "\n")
        (top / "compiler/unit.h").write_text("")
        (top / "proxy/good.c").write_text(
            '#include <uv.h>\n#include "cache/context/context.h"\n#include "compiler/unit.h"\n')
        (top / "samples/foreign_loop/good.c").write_text("#include <uv.h>\n")
        found = check(top)
    return len(found) == 11 and not any("good" in f for f in found), found


def main():
    works, found = self_test()
    print("ok 1 - breaches are found" if works else f"not ok 1 - found only {found}")
    breaches = check(TOP)
    for breach in breaches:
        print("#", breach)
    print("not ok 2 - the include graph" if breaches else "ok 2 - the include graph")
    return 0 if works and not breaches else 1


if __name__ == "__main__":
    raise SystemExit(main())
