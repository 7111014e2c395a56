#!/usr/bin/python3
"""encode, decode, compile, header: files, exit codes, and Python's protobuf."""
import json
import os
import stat
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
from tap import check, status  # noqa: E402

TOP = os.environ.get("TOP", os.getcwd())
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", "build/mayfly"))
GREETER = os.path.join(TOP, "samples/greeter/greeter.proto")
RICH = os.path.join(TOP, "tests/golden/json/rich.proto")
REQUEST = "helloworld.HelloRequest"


def run(*arguments, stdin=b"", **more):
    r = subprocess.run([MAYFLY] + list(arguments), input=stdin, timeout=120,
                       stdout=more.pop("stdout", subprocess.PIPE),
                       stderr=subprocess.PIPE, **more)
    r.text = (r.stderr or b"").decode()
    return r


def conversions(folder):
    text = {"name": "ada \u20ac", "titles": ["a", "", "\n"], "times": 0}
    r = run("encode", GREETER, REQUEST, stdin=json.dumps(text).encode())
    check("JSON is encoded", r.returncode == 0, r.text)
    wire = r.stdout
    r = run("decode", GREETER, REQUEST, stdin=wire)
    check("and decoded to the same", r.returncode == 0 and
          json.loads(r.stdout) == text and r.stdout.endswith(b"}\n"), r)
    check("standard error stays empty", r.text == "", r.text)

    subprocess.check_call(["protoc", "-I", os.path.dirname(GREETER),
                           "--python_out", folder, "greeter.proto"])
    sys.path.insert(0, folder)
    import greeter_pb2
    m = greeter_pb2.HelloRequest()
    m.ParseFromString(wire)
    check("Python reads the bytes", m.name == text["name"] and
          list(m.titles) == text["titles"] and m.HasField("times"), m)
    big = greeter_pb2.HelloRequest(name="x" * (1 << 20))
    r = run("decode", GREETER, REQUEST, stdin=big.SerializeToString())
    check("1 MiB of Python's bytes is decoded", r.returncode == 0 and
          len(json.loads(r.stdout)["name"]) == 1 << 20, r.text)
    r = run("encode", GREETER, REQUEST, stdin=r.stdout)
    check("and encoded", r.stdout == big.SerializeToString(), r.text)
    r = run("encode", GREETER, REQUEST, stdin=b"{}")
    check("an empty message has no bytes", r.returncode == 0 and
          r.stdout == b"", r)
    r = run("decode", GREETER, REQUEST, stdin=b"")
    check("and no bytes are an empty message", r.stdout == b"{}\n", r)
    r = run("encode", "-I", os.path.dirname(RICH), RICH,
            "rich.Rich", stdin=b'{"timestamp": "1970-01-01T00:00:01Z"}')
    check("imports of well-known types are found", r.returncode == 0 and
          r.stdout == b"\x72\x02\x08\x01", r)
    for bad in (b"", b"{", b"[]", b'{"name": 1}', b'{"name": "a"} x',
                b"\xff", b'{"times": 1e99}'):
        r = run("encode", GREETER, REQUEST, stdin=bad)
        check("%r is refused with its place" % bad, r.returncode == 1 and
              r.text.startswith("stdin:1:") and r.stdout == b"", r)
    r = run("decode", GREETER, REQUEST, stdin=wire[:-1])
    check("cut bytes are refused", r.returncode == 1 and
          r.text.startswith("mayfly: "), r)


def files(folder):
    out = os.path.join(folder, "greeter.mf.h")
    old = os.umask(0o027)
    r = run("header", GREETER, "-o", out)
    os.umask(old)
    text = open(out).read()
    check("a header is written", r.returncode == 0 and r.stdout == b"" and
          "helloworld_HelloRequest" in text, r.text)
    check("with the rights of a new file",
          stat.S_IMODE(os.stat(out).st_mode) == 0o640)
    r = run("compile", GREETER, "--emit", "header")
    check("compile --emit header gives the same", r.stdout.decode() == text)
    r = run("header", os.path.join(TOP, "tests/golden/cli/bad.proto"), "-o", out)
    check("a schema with errors fails", r.returncode == 1 and
          "bad.proto:5:18: " in r.text, r.text)
    check("and leaves the old file", open(out).read() == text)
    check("and nothing beside it", sorted(os.listdir(folder)) ==
          sorted(set(os.listdir(folder)) & {"greeter.mf.h", "greeter_pb2.py"}),
          os.listdir(folder))
    r = run("header", GREETER, "-o", os.path.join(folder, "no/such.h"))
    check("a folder that is not there is an error", r.returncode == 1 and
          "cannot write" in r.text, r.text)
    with open("/dev/full", "wb") as full:
        r = run("header", GREETER, stdout=full)
    check("a full disk is an error", r.returncode == 1 and
          "No space left" in r.text, r.text)
    r = run("header", GREETER, "-o", "/dev/null")
    check("a device is written to in place", r.returncode == 0 and
          stat.S_ISCHR(os.stat("/dev/null").st_mode))
    r = run("compile", "--emit", "c", GREETER)
    check("--emit c gives the unit", r.returncode == 0 and
          b"helloworld_HelloRequest" in r.stdout, r.text)
    r = run("compile", "--emit", "descriptor", "-I", os.path.dirname(GREETER),
            "-I", os.path.dirname(RICH), GREETER, RICH)
    from google.protobuf import descriptor_pb2
    files = descriptor_pb2.FileDescriptorSet.FromString(r.stdout).file
    names = [f.name for f in files]
    check("--emit descriptor has imports before importers",
          "greeter.proto" in names and names.index(
              "google/protobuf/any.proto") < names.index("rich.proto"), names)


def reports():
    r = run("compile", GREETER)
    check("the report is text", r.returncode == 0 and b"compile arena" in
          r.stdout and b"retained: 0 bytes in arenas" in r.stdout, r)
    r = run("compile", GREETER, "--format", "json", "--repeat", "20")
    j = json.loads(r.stdout) if r.returncode == 0 else {}
    names = [p["name"] for p in j.get("phases", [])]
    check("or JSON, with the four phases", names == [
        "before", "compiled", "arena dropped", "unloaded"], r)
    check("cycles counts the repeats", j.get("cycles") == 20, r.stdout)
    p = dict(zip(names, j["phases"]))
    check("the compiler's arena was used and dropped",
          p["compiled"]["compile_arena_bytes"] > 100000 and
          p["arena dropped"]["compile_arena_bytes"] == 0 and
          p["arena dropped"]["code_arena_bytes"] > 0 and
          p["unloaded"]["code_arena_bytes"] == 0, p)
    check("every phase has what the report promises", all(
        {"compile_arena_bytes", "code_arena_bytes", "private_dirty_kib",
         "mappings", "kinds"} <= set(q) for q in j["phases"]), p)
    check("nothing is retained in arenas after 20 cycles",
          j["retained"]["arena_bytes"] == 0, j["retained"])
    check("the times are there", set(j["times_us"]) >= {
        "load", "generate", "compile", "unload"} and
        j["times_us"]["compile"] > 0, j["times_us"])
    r = run("compile", GREETER, "--format", "json", "--resident")
    j = json.loads(r.stdout)
    check("resident keeps the compiler's arena while loaded", j["resident"] and
          j["phases"][2]["compile_arena_bytes"] > 100000 and
          j["phases"][3]["compile_arena_bytes"] == 0, j["phases"][2])
    other = j["beside"]
    types = [{x["type"]: x for x in p["map"]} for p in j["phases"]]
    check("each phase has the process by types of mappings, and descriptors",
          types[1]["compile arenas"]["resident_kib"] > 100 and
          types[1]["code zone"]["size_kib"] * 1024 ==
          j["phases"][1]["code_arena_bytes"] and
          "code zone" not in types[3] and "compile arenas" not in types[3] and
          all(sum(p["descriptor_kinds"].values()) == p["descriptors"]
              for p in j["phases"]), types)
    check("beside it stands the disposable run", not other["resident"] and
          other["phases"][2]["compile_arena_bytes"] == 0 and
          other["phases"][2]["code_arena_bytes"] ==
          j["phases"][2]["code_arena_bytes"], other["phases"][2])
    check("both verdicts are clean", all(
        x["verdict"]["clean"] and x["verdict"]["retained_by_mayfly_bytes"] == 0
        and isinstance(x["verdict"]["process_allocator"]["used_kib"], int)
        for x in (j, other)), j["verdict"])
    r = run("compile", GREETER, "--resident")
    check("and in text the columns of both", r.returncode == 0 and
          r.stdout.count(b"disposable") >= 4 and
          r.stdout.count(b"verdict: clean") == 2, r.text)
    r = run("compile", GREETER, RICH, "--format", "json")
    check("several schemas give an array", r.returncode == 0 and
          [x["context"] for x in json.loads(r.stdout)] == ["greeter", "rich"],
          r.text)
    r = run("compile", GREETER, RICH)
    check("or reports one after the other", r.stdout.count(b"retained:") == 2)
    r = run("compile", "--emit", "header", GREETER, RICH)
    check("but one header is of one schema", r.returncode == 2, r.text)


def main():
    if not os.path.exists(MAYFLY):
        return 77
    with tempfile.TemporaryDirectory() as folder:
        conversions(folder)
        files(folder)
        reports()
    return status()


sys.exit(main())
