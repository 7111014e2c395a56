#!/usr/bin/python3
"""Schemas made of names that meet each other, against protoc and compilers.

Words of C and C++, of mayfly's own helpers, and of each other are put together at
random: messages within messages, enums, oneofs, maps, services. What protoc accepts
mayfly must accept, with the same descriptors, and refuse alike; the header of each
must compile as C11 and C++17, the unit's C as C11, and libtcc must take it.

Writes TAP. NAMES_SEED and NAMES_COUNT in the environment change the run.
"""
import concurrent.futures
import os
import random
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", os.path.join(BUILD, "mayfly")))
INCLUDE = ["-I", os.path.abspath("include"), "-I", os.path.join(BUILD, "gen")]
SEED = int(os.environ.get("NAMES_SEED", "1"))
COUNT = int(os.environ.get("NAMES_COUNT", "150"))
STRICT = ["-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only"]
LANGUAGES = [["gcc", "-std=c11"], ["g++", "-std=c++17", "-x", "c++"]]

WORDS = """Foo Bar foo bar Foo_Bar A a array add set has clear init encode decode new
free serve handlers on start reply case kind NONE tables layout of size n ptr items len
value key Entry FooEntry mayfly mf MF M str bytes __ _ _A x X x1 MAYFLY_H err call m c int
class template this operator NULL EOF errno stdin I complex bool true and or not xor typeof
inline restrict _Bool noreturn alignas static_assert main assert offsetof linux unix i386
INT_MAX int32_t uint8_t size_t FILE E1 E_1 json request out ret text wire mayfly_has unknown
mayfly_unknown_fields begin MAYFLY_STR MAYFLY_ARRAY_OF stream message int32 state host""".split()
SCALARS = ["int32", "string", "bytes", "bool", "double"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.words = self.random.sample(WORDS, 40)  # so that they meet

    def name(self):
        pick = self.random
        words = [pick.choice(self.words) for _ in range(pick.choice((1, 1, 1, 2, 2, 3)))]
        text = pick.choice(("", "_")).join(words)
        return pick.choice((text,) * 6 + (text.upper(), text.lower()))

    def enum(self, indent):
        name = self.name()
        values = "".join(f" {self.name()} = {i};" for i in range(self.random.randint(1, 4)))
        return f"{indent}enum {name} {{{values} }}\n", name

    def field(self, types, number):
        kind = self.random.choice(SCALARS + types * 2)
        label = self.random.choice(("", "", "repeated ", "optional ", "map"))
        if label == "map":
            key = self.random.choice(("int32", "string", "bool"))
            return f"map<{key}, {kind}> {self.name()} = {number};"
        return f"{label}{kind} {self.name()} = {number};"

    def message(self, types, depth=0):
        indent, name, known, text = "  " * depth, self.name(), list(types), ""
        for _ in range(self.random.randint(0, 2) if depth < 3 else 0):
            if self.random.random() < 0.3:
                part, inner = self.enum(indent + "  ")
            else:
                part, inner = self.message(known, depth + 1)
            text += part
            known.append(inner)
        number = 1
        for number in range(1, self.random.randint(1, 6)):
            text += f"{indent}  {self.field(known, number)}\n"
        if self.random.random() < 0.5:
            members = "".join(
                f" {self.random.choice(SCALARS + known)} "
                f"{self.random.choice((name, self.name()))} = {number + i};"
                for i in range(1, self.random.randint(2, 4)))
            text += f"{indent}  oneof {self.name()} {{{members} }}\n"
        return f"{indent}message {name} {{\n{text}{indent}}}\n", name

    def schema(self):
        text, types, messages = 'syntax = "proto3";\n', [], []
        if self.random.random() < 0.5:
            text += f"package {self.name()}.{self.name()};\n"
        for _ in range(self.random.randint(1, 4)):
            is_enum = self.random.random() < 0.25
            part, name = self.enum("") if is_enum else self.message(types)
            text += part
            types.append(name)
            if not is_enum:
                messages.append(name)
        for _ in range(self.random.choice((0, 1, 2)) if messages else 0):
            methods = "".join(
                f"  rpc {self.name()}({self.random.choice(messages)})"
                f" returns ({self.random.choice(messages)});\n"
                for _ in range(self.random.randint(0, 4)))
            text += f"service {self.name()} {{\n{methods}}}\n"
        return text


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, errors="replace",
                          timeout=120)
    return done.returncode, done.stderr


def read(path):
    with open(path, "rb") as file:
        return descriptor_pb2.FileDescriptorSet.FromString(file.read())


def judge(folder, seed):
    """(accepted, what is wrong or "")"""
    base = f"{folder}/s{seed}"
    with open(base + ".proto", "w") as file:
        file.write(Maker(seed).schema())
    theirs, why = run("protoc", f"-I{folder}", f"--descriptor_set_out={base}.pb",
                      base + ".proto")
    ours, said = run(MAYFLY, "compile", "--emit", "descriptor", "-o", base + ".set",
                     base + ".proto")
    if (theirs == 0) != (ours == 0) or ours not in (0, 1):
        return False, f"protoc: {theirs} {why}mayfly: {ours} {said}"
    if ours:
        return False, ""
    if read(base + ".pb") != read(base + ".set"):
        return True, "the descriptors differ"
    for kind, end in (("header", ".mf.h"), ("c", ".unit.c")):
        code, said = run(MAYFLY, "compile", "--emit", kind, "-o", base + end, base + ".proto")
        if code:
            return True, f"--emit {kind}: {said}"
    with open(base + ".c", "w") as file:
        file.write(f'#include "s{seed}.mf.h"\nint main(void) {{ return 0; }}\n')
    jobs = [(language, base + ".c") for language in LANGUAGES]
    jobs.append((LANGUAGES[0], base + ".unit.c"))
    for language, path in jobs:
        code, said = run(*language, *STRICT, *INCLUDE, path)
        if code:
            return True, f"{' '.join(language)}: {said[:2000]}"
    code, said = run(MAYFLY, "compile", base + ".proto")
    return True, f"compile: {said}" if code else ""


def main():
    accepted = wrong = 0
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        seeds = range(SEED, SEED + COUNT)
        for seed, (good, why) in zip(seeds, pool.map(lambda s: judge(folder, s), seeds)):
            accepted += good
            if why:
                wrong += 1
                print(f"# seed {seed}: " + why.replace("\n", "\n# "))
    print(f"# {COUNT} schemas from seed {SEED}, {accepted} accepted, {wrong} wrong")
    tests = [("names are as protoc and the compilers want them", wrong == 0),
             ("there were good schemas and bad ones", 0 < accepted < COUNT)]
    for number, (name, good) in enumerate(tests, 1):
        print(f"{'ok' if good else 'not ok'} {number} - {name}")
    print(f"1..{len(tests)}")
    return 0 if all(good for _, good in tests) else 1


if __name__ == "__main__":
    sys.exit(main())
