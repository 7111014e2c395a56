#!/usr/bin/python3
"""Random schemas and messages, in C and as JSON, judged by python3-protobuf.

Each schema is taken twice: as it is, which is what gets loaded, and changed (fields
gone, renamed, moved, widened, unpacked), which is what a C program's header is made
from. What Python writes by the one must come back the same after the program has
decoded and encoded it by the other: by layout, or as unknown fields. And by way of
JSON, which the command reads and writes, the message must stay what it was.

Writes TAP. LAYOUTS_SEED and LAYOUTS_COUNT in the environment change the run.
"""
import concurrent.futures
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory
from google.protobuf.descriptor import FieldDescriptor as F

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
MAYFLY = os.path.abspath(os.environ.get("MAYFLY", os.path.join(BUILD, "mayfly")))
CC = os.environ.get("CC", "gcc").split()
SEED = int(os.environ.get("LAYOUTS_SEED", "1"))
COUNT = int(os.environ.get("LAYOUTS_COUNT", "8"))
LIBS = ["-luv", "-lnghttp2", "-lz", "-ldl", "-lm", "-lpthread"]
# what a library built with a sanitizer is linked with
SANITIZERS = {"asan": ["-fsanitize=address,undefined"], "tsan": ["-fsanitize=thread"]}

NUMBERS = """int32 int64 uint32 uint64 sint32 sint64 fixed32 fixed64 sfixed32 sfixed64
float double bool E""".split()
KEYS = NUMBERS[:10] + ["bool", "string"]
WIDER = {"int32": "int64", "uint32": "uint64"}

PROGRAM = r"""
#include <mayfly/mayfly.h>
#include "header.mf.h"
#include <stdio.h>
#include <string.h>

static char in[1 << 20];

int main(int argc, char **argv)
{
    const mayfly_layout *l = &mayfly_layout_header;
    mayfly_error err = MAYFLY_ERROR_INIT;
    mayfly_host *host;
    mayfly_context *context;
    uint32_t head[2]; /* number of the message, bytes */

    if (argc != 2 || mayfly_host_new(NULL, &host, &err) != 0 ||
        mayfly_load_file(host, "x", argv[1], NULL, &context, &err) != 0)
        return fprintf(stderr, "%s\n", err.message), 1;
    while (fread(head, sizeof head, 1, stdin) == 1) {
        mayfly_bytes wire = { (const uint8_t *)in, head[1] }, out = { NULL, 0 };
        mayfly_arena *arena;
        uint32_t i = 0;
        char name[32];
        void *m;
        if (head[1] > sizeof in || fread(in, 1, head[1], stdin) != head[1])
            return 1;
        snprintf(name, sizeof name, "p.M%u", (unsigned)head[0]);
        while (i < l->n_messages && strcmp(l->messages[i].full_name, name) != 0)
            i++;
        if (mayfly_arena_new(host, 0, &arena, &err) != 0 ||
            mayfly_decode(context, l, i, wire, arena, &m, &err) != 0 ||
            mayfly_encode(context, l, i, m, arena, &out, &err) != 0)
            return fprintf(stderr, "%s: %s\n", name, err.message), 1;
        head[1] = (uint32_t)out.len;
        fwrite(head + 1, sizeof head[1], 1, stdout);
        fwrite(out.ptr, 1, out.len, stdout);
        mayfly_arena_free(arena);
    }
    mayfly_context_unref(context);
    mayfly_host_free(host);
    return 0;
}
"""


def make_schema(pick):
    """A schema, and how many messages it has."""
    count = pick.randint(1, 5)
    types = NUMBERS + ["string", "bytes"] * 2 + [f"M{i}" for i in range(count)]
    text = 'syntax = "proto3";\npackage p;\n'
    text += "enum E { Z = 0; A = 1; B = -5; C = 2147483647; }\n"
    for i in range(count):
        numbers = pick.sample(range(1, 16), 15) + pick.sample(range(16, 3000), 90)
        numbers += pick.sample(range(20000, 1 << 29), 10)
        pick.shuffle(numbers)
        text += f"message M{i} {{\n"
        for _ in range(pick.choice((0, 1, 3, 8, 20, 90))):  # 64 has-bits are a word
            kind, name = pick.choice(types), f"f{len(numbers)} = {numbers.pop()}"
            label = pick.choice(("", "", "repeated ", "optional ", "optional ", "map"))
            packed = ""
            if label == "repeated " and kind in NUMBERS:
                packed = pick.choice(("", " [packed = false]"))
            if label == "map":
                kind, label = f"map<{pick.choice(KEYS)}, {kind}>", ""
            text += f"  {label}{kind} {name}{packed};\n"
        for o in range(pick.choice((0, 0, 1, 3))):
            members = "".join(f"{pick.choice(types)} f{len(numbers)} = {numbers.pop()}; "
                              for _ in range(pick.randint(1, 4)))
            text += f"  oneof o{o} {{ {members}}}\n"
        text += "}\n"
    return text, count


def change(pick, text):
    """Another version of the schema, with which it agrees on the wire."""
    def field(line):
        if pick.random() < 0.1:
            line = re.sub(r"\bf(\d+ =)", r"g\1", line)
        if pick.random() < 0.3:
            line = line.replace(" [packed = false]", "")
        kind = re.match(r"  (?:optional )?(u?int32) ", line)
        if kind and pick.random() < 0.3:
            line = line.replace(kind[1], WIDER[kind[1]], 1)
        return line

    def message(match):
        lines = [field(line) for line in match[2].splitlines() if pick.random() > 0.2]
        pick.shuffle(lines)
        return match[1] + "".join(line + "\n" for line in lines) + "}\n"
    return re.sub(r"(message \w+ \{\n)(.*?)^\}\n", message, text, flags=re.S | re.M)


def value_of(pick, field):
    bits = 32 if "32" in field_kind(field) else 64
    if field.type in (F.TYPE_FLOAT, F.TYPE_DOUBLE):
        value = pick.choice((0.0, 1.5, -2.25, float("inf"), pick.uniform(-1e6, 1e6)))
        return struct.unpack("f", struct.pack("f", value))[0]
    if field.type == F.TYPE_BOOL:
        return pick.random() < 0.5
    if field.type == F.TYPE_ENUM:
        return pick.choice((0, 1, -5, 2147483647, 77))
    if field.type == F.TYPE_STRING:
        return "".join(pick.choices("abcé€😀\0", k=pick.choice((0, 1, 5, 20, 130))))
    if field.type == F.TYPE_BYTES:
        return pick.randbytes(pick.choice((0, 1, 8, 130)))
    if field_kind(field).startswith(("u", "fixed")):
        return pick.choice((0, 1, (1 << bits) - 1, pick.getrandbits(bits - 7)))
    return pick.choice((0, 1, -1, (1 << bits - 1) - 1, -1 << bits - 1, -pick.getrandbits(20)))


def field_kind(field):
    return descriptor_pb2.FieldDescriptorProto.Type.Name(field.type)[5:].lower()


def fill(pick, message, depth=0):
    for field in message.DESCRIPTOR.fields:
        if pick.random() > (0.5 if depth == 0 else 0.15):
            continue
        at, kind = getattr(message, field.name), field.message_type
        inner = []
        if kind is not None and kind.GetOptions().map_entry:
            key, value = (kind.fields_by_name[n] for n in ("key", "value"))
            for _ in range(pick.randint(1, 3)):
                k = value_of(pick, key)
                if value.message_type is None:
                    at[k] = value_of(pick, value)
                else:
                    inner.append(at[k])
        elif kind is not None:
            repeated = field.label == F.LABEL_REPEATED
            inner = [at.add() for _ in range(pick.randint(1, 3))] if repeated else [at]
        elif field.label == F.LABEL_REPEATED:
            at.extend(value_of(pick, field) for _ in range(pick.randint(1, 6)))
        else:
            setattr(message, field.name, value_of(pick, field))
        for one in inner:
            one.SetInParent()
            if depth < 2:
                fill(pick, one, depth + 1)


def run(*command, data=b""):
    """What it writes; an error when it fails."""
    done = subprocess.run(command, input=data, capture_output=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{command[0]}: {done.stderr.decode()[:2000]}")
    return done.stdout


def canonical(message):
    return message.SerializeToString(deterministic=True)


def through_c(folder, messages):
    flags = [f for name, f in SANITIZERS.items() if name in os.path.basename(BUILD)]
    run(MAYFLY, "header", f"{folder}/header.proto", "-o", f"{folder}/header.mf.h")
    with open(f"{folder}/user.c", "w") as file:
        file.write(PROGRAM)
    run(*CC, "-std=c11", "-w", *sum(flags, []), f"-I{folder}", "-Iinclude", "-o",
        f"{folder}/user", f"{folder}/user.c", f"{BUILD}/libmayfly.a", *LIBS)
    data = b"".join(struct.pack("<II", i, len(w)) + w for i, w in
                    ((i, m.SerializeToString()) for i, m in messages))
    out, at = run(f"{folder}/user", f"{folder}/schema.proto", data=data), 0
    for i, message in messages:
        size = struct.unpack_from("<I", out, at)[0]
        back = type(message).FromString(out[at + 4:at + 4 + size])
        at += 4 + size
        if canonical(back) != canonical(message):
            return f"M{i} came back as\n{back}\ninstead of\n{message}"
    return ""


def through_json(folder, messages):
    schema = f"{folder}/schema.proto"
    for i, message in messages:
        text = run(MAYFLY, "decode", schema, f"p.M{i}", data=message.SerializeToString())
        read = json_format.Parse(text, type(message)())
        wire = run(MAYFLY, "encode", schema, f"p.M{i}",
                   data=json_format.MessageToJson(message).encode())
        if canonical(read) != canonical(message):
            return f"M{i} is not what its JSON says: {text.decode()}"
        if canonical(type(message).FromString(wire)) != canonical(message):
            return f"M{i} is encoded wrongly:\n{message}"
    return ""


def judge(folder, seed):
    """(wrong in C, wrong as JSON), each "" or what it is."""
    pick = random.Random(seed)
    folder = f"{folder}/{seed}"
    os.mkdir(folder)
    schema, count = make_schema(pick)
    for name, text in (("schema", schema), ("header", change(pick, schema))):
        with open(f"{folder}/{name}.proto", "w") as file:
            file.write(text)
    run("protoc", f"-I{folder}", f"--descriptor_set_out={folder}/set", "schema.proto")
    pool = descriptor_pool.DescriptorPool()
    with open(f"{folder}/set", "rb") as file:
        pool.Add(descriptor_pb2.FileDescriptorSet.FromString(file.read()).file[0])
    factory = message_factory.MessageFactory(pool)
    messages = []
    for i in range(count):
        make = factory.GetPrototype(pool.FindMessageTypeByName(f"p.M{i}"))
        for _ in range(3):
            messages.append((i, make()))
            fill(pick, messages[-1][1])
    answers = []
    for way in (through_c, through_json):
        try:
            answers.append(way(folder, messages))
        except (AssertionError, json_format.ParseError) as error:
            answers.append(str(error))
    return answers


def main():
    wrong = [0, 0]
    with tempfile.TemporaryDirectory() as folder, \
            concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        seeds = range(SEED, SEED + COUNT)
        for seed, found in zip(seeds, pool.map(lambda s: judge(folder, s), seeds)):
            for way, why in enumerate(found):
                wrong[way] += why != ""
                if why:
                    print(f"# seed {seed}: " + why.replace("\n", "\n# "))
    print(f"# {COUNT} schemas from seed {SEED}")
    for number, name in enumerate(("by another version's header", "as JSON"), 1):
        print(f"{'not ok' if wrong[number - 1] else 'ok'} {number} - "
              f"messages of random schemas {name}")
    print("1..2")
    return 1 if any(wrong) else 0


if __name__ == "__main__":
    sys.exit(main())
