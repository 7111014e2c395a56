#!/usr/bin/python3
"""The schema front end against protoc.

tests/corpus/y_*.proto and Debian's own .proto files are accepted by both, and the
descriptor sets are equal, compared as parsed messages. tests/corpus/n_*.proto are
refused by both, unless their first line says "protoc accepts it"; where mayfly
refuses them stands there too.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

TOP = pathlib.Path(os.environ.get("TOP", "."))
DUMP = pathlib.Path(os.environ.get("BUILD", "build")) / "tests/tools/schema_dump"
CORPUS = TOP / "tests/corpus"
SYSTEM = pathlib.Path("/usr/include")

count = 0
failed = 0


def report(ok, name, why=""):
    global count, failed
    count += 1
    failed += not ok
    print(f"{'ok' if ok else 'not ok'} {count} - {name}", flush=True)
    if not ok and why:
        print("# " + why.replace("\n", "\n# "), flush=True)


def protoc(folder, names):
    """(descriptor set, "") or (None, what protoc says)."""
    with tempfile.NamedTemporaryFile() as out:
        run = subprocess.run(
            ["protoc", f"-I{folder}", "--include_imports",
             f"--descriptor_set_out={out.name}", *names],
            capture_output=True, errors="replace")
        if run.returncode != 0:
            return None, run.stderr
        with open(out.name, "rb") as made:
            return made.read(), run.stderr


def mayfly(folder, names):
    run = subprocess.run([DUMP, "-I", folder, *names], capture_output=True)
    if run.returncode != 0:
        return None, run.stderr.decode(errors="replace")
    return run.stdout, run.stderr.decode(errors="replace")


def difference(ours, theirs):
    """"" when both descriptor sets say the same."""
    a, b = descriptor_pb2.FileDescriptorSet(), descriptor_pb2.FileDescriptorSet()
    a.ParseFromString(ours)
    b.ParseFromString(theirs)
    names = [f.name for f in a.file], [f.name for f in b.file]
    if names[0] != names[1]:
        return f"files {names[0]} instead of {names[1]}"
    for x, y in zip(a.file, b.file):
        if x == y:
            continue
        left, right = str(x).splitlines(), str(y).splitlines()
        for n, (l, r) in enumerate(zip(left + [""], right + [""])):
            if l != r:
                return (f"{x.name}: line {n} of the text form: "
                        f"{l.strip()} instead of {r.strip()}")
        return f"{x.name}: differs"
    return ""


def same(name, folder, names):
    ours, said = mayfly(folder, names)
    theirs, protoc_said = protoc(folder, names)
    if ours is None or theirs is None:
        report(False, name, "mayfly: " + said + "\nprotoc: " + protoc_said)
        return
    why = difference(ours, theirs)
    report(not why, name, why)


def refused(path):
    with open(path, "rb") as text:
        first = text.readline().decode()
    want = re.search(r"refused at ([\w.]+:)?(\d+:\d+)", first)
    ours, said = mayfly(CORPUS, [path.name])
    place = f"{CORPUS / (want[1] or path.name + ':')}"
    start = f"{place.rstrip(':')}:{want[2]}: "
    report(ours is None and said.startswith(start), f"{path.name} refused",
           f"wanted {start}\nsaid {said}")
    theirs, said = protoc(CORPUS, [path.name])
    accepts = "protoc accepts it" in first
    report((theirs is not None) == accepts, f"{path.name} by protoc", said)


def main():
    if not shutil.which("protoc"):
        return 77
    for path in sorted(CORPUS.glob("y_*.proto")):
        same(path.name, CORPUS, [path.name])
    for path in sorted(CORPUS.glob("n_*.proto")):
        refused(path)
    system = []
    for path in sorted((SYSTEM / "google/protobuf").glob("*.proto")):
        name = str(path.relative_to(SYSTEM))
        # descriptor.proto is proto2; it is known all the same
        system.append(name)
        same(name, SYSTEM, [name])
        # as built in, without the file
        with tempfile.TemporaryDirectory() as empty:
            theirs, _ = protoc(SYSTEM, [name])
            ours, said = mayfly(empty, [name])
            why = said if ours is None else difference(ours, theirs)
            report(not why, f"{name} built in", why)
    same("all of Debian's files", SYSTEM, system)
    same("the corpus in one set", CORPUS,
         ["y_imports.proto", "y_greeter.proto", "y_map.proto"])
    print(f"1..{count}")
    return failed != 0


if __name__ == "__main__":
    sys.exit(main())
