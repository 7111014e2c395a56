#!/usr/bin/python3
"""The codec judged by python3-protobuf.

tests/tools/codec decodes messages of t.Everything and encodes them again. Here
random messages, each truncation of some, and 100,000 corruptions are given to it
and to protobuf: both must accept or refuse alike, and what mayfly encodes must be
the same message. protobuf's Python stops at a stray end-group tag or tag 0 with a
warning and keeps what came before; here the warning counts as a refusal, which is
what protobuf's C++ makes of it.

Writes TAP. CODEC_SEED and CODEC_CORRUPTIONS in the environment change the run.
"""
import os
import random
import struct
import subprocess
import sys
import tempfile
import warnings

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf import struct_pb2, timestamp_pb2, wrappers_pb2  # noqa: F401
from google.protobuf.descriptor import FieldDescriptor as F
from google.protobuf.message import DecodeError

warned = []
warnings.simplefilter("always")
warnings.showwarning = lambda *args: warned.append(args)

BUILD = os.environ.get("BUILD", "build")
SEED = int(os.environ.get("CODEC_SEED", "20261120"))
CORRUPTIONS = int(os.environ.get("CODEC_CORRUPTIONS", "100000"))
rng = random.Random(SEED)
failures = 0
number = 0

# protobuf's C++ logs each string that is not UTF-8; only its lines go away.
sys.stderr = os.fdopen(os.dup(2), "w", buffering=1)
os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


def say(ok, name):
    global failures, number
    number += 1
    failures += not ok
    print(f"{'ok' if ok else 'not ok'} {number} - {name}")


def load():
    with tempfile.TemporaryDirectory() as folder:
        out = os.path.join(folder, "set")
        subprocess.run(["protoc", "-Itests/golden/unit", "--descriptor_set_out=" + out,
                        "everything.proto"], check=True)
        files = descriptor_pb2.FileDescriptorSet.FromString(open(out, "rb").read())
    pool = descriptor_pool.Default()
    for file in files.file:
        pool.Add(file)
    factory = message_factory.MessageFactory(pool)
    return factory.GetPrototype(pool.FindMessageTypeByName("t.Everything"))


# --- random messages ---------------------------------------------------------------

def integer(bits, signed):
    value = rng.getrandbits(rng.choice((1, 4, 7, 8, 14, 21, 28, 31, 32, 42, 49, 56,
                                        63, 64)))
    value &= (1 << bits) - 1
    if signed and value >> (bits - 1):
        value -= 1 << bits
    return -value if signed and rng.random() < 0.2 and value > -(1 << bits - 1) else value


def text():
    letters = "abcdefghij klmnop"
    if rng.random() < 0.2:
        letters += "äß€\u07ff\u0800\uffff\U00010000\U0010ffff\0"
    n = rng.choice((0, 1, 2, 3, 5, 8, 15, 16, 17, 40, 127, 128, 300))
    return "".join(rng.choices(letters, k=n))


def real(single):
    value = rng.choice((0.0, -0.0, 1.5, -2.25, float("inf"), float("-inf"), float("nan"),
                        1e-30, rng.uniform(-1e6, 1e6)))
    return struct.unpack("f", struct.pack("f", value))[0] if single else value


def value_of(field):
    kind = field.type
    if kind in (F.TYPE_INT32, F.TYPE_SINT32, F.TYPE_SFIXED32, F.TYPE_ENUM):
        return integer(32, True)
    if kind in (F.TYPE_INT64, F.TYPE_SINT64, F.TYPE_SFIXED64):
        return integer(64, True)
    if kind in (F.TYPE_UINT32, F.TYPE_FIXED32):
        return integer(32, False)
    if kind in (F.TYPE_UINT64, F.TYPE_FIXED64):
        return integer(64, False)
    if kind == F.TYPE_BOOL:
        return rng.random() < 0.5
    if kind == F.TYPE_FLOAT:
        return real(True)
    if kind == F.TYPE_DOUBLE:
        return real(False)
    if kind == F.TYPE_STRING:
        return text()
    return text().encode()


def is_map(field):
    return field.message_type is not None and field.message_type.GetOptions().map_entry


def fill(message, chance, depth):
    for field in message.DESCRIPTOR.fields:
        if rng.random() >= chance:
            continue
        at = getattr(message, field.name)
        count = rng.choice((1, 1, 2, 3, 9, 20)) if depth == 0 else rng.choice((1, 2))
        if is_map(field):
            key, value = (field.message_type.fields_by_name[n] for n in ("key", "value"))
            for _ in range(count):
                k = value_of(key)
                if value.message_type is None:
                    at[k] = value_of(value)
                else:
                    at[k].SetInParent()
                    if depth < 3:
                        fill(at[k], chance / 2, depth + 1)
        elif field.message_type is not None:
            for _ in range(count if field.label == F.LABEL_REPEATED else 1):
                sub = at.add() if field.label == F.LABEL_REPEATED else at
                sub.SetInParent()
                if depth < 3:
                    fill(sub, chance / 2, depth + 1)
        elif field.label == F.LABEL_REPEATED:
            at.extend(value_of(field) for _ in range(count))
        else:
            setattr(message, field.name, value_of(field))


def make(Everything):
    message = Everything()
    fill(message, rng.choice((0.03, 0.1, 0.3)), 0)
    return message.SerializeToString()


# --- judging ------------------------------------------------------------------------

def settle(message):
    """Looks at each map, so that protobuf drops the repeated keys."""
    for field, value in message.ListFields():
        if is_map(field):
            for key in value:
                if field.message_type.fields_by_name["value"].message_type is not None:
                    settle(value[key])
        elif field.message_type is not None:
            for sub in value if field.label == F.LABEL_REPEATED else (value,):
                settle(sub)


def canonical(Everything, wire):
    """The message in one form of bytes; None: refused."""
    message = Everything()
    warned.clear()
    try:
        message.ParseFromString(wire)
    except DecodeError:
        return None
    if warned:
        return None
    settle(message)
    return message.SerializeToString(deterministic=True)


def run(wires, *options):
    """(refused, bytes) for each message."""
    frames = b"".join(struct.pack("<I", len(w)) + w for w in wires)
    done = subprocess.run([BUILD + "/tests/tools/codec", *options], input=frames,
                          stdout=subprocess.PIPE, stderr=sys.stderr, check=False)
    if done.returncode != 0:
        print(f"# tests/tools/codec ended with {done.returncode}")
        sys.exit(1)
    at, out, answers = 0, done.stdout, []
    while at < len(out):
        size = struct.unpack_from("<I", out, at + 1)[0]
        answers.append((out[at], out[at + 5:at + 5 + size]))
        at += 5 + size
    assert len(answers) == len(wires)
    return answers


def same(Everything, wire, answer, exact):
    refused, out = answer
    want = canonical(Everything, wire)
    if refused:
        return want is None
    if exact and len(out) != len(want):
        return False
    return want is not None and canonical(Everything, out) == want


def judge(Everything, wires, name, *options, exact=False):
    """`exact`: what comes back is also as short as can be."""
    wrong = accepted = 0
    for wire, answer in zip(wires, run(wires, *options)):
        accepted += not answer[0]
        if not same(Everything, wire, answer, exact):
            wrong += 1
            if wrong <= 5:
                print(f"# {wire.hex()}: mayfly {answer}, protobuf "
                      f"{canonical(Everything, wire)}")
    print(f"# {name}: {len(wires)} messages, {accepted} accepted, {wrong} wrong")
    say(wrong == 0 and 0 < accepted, name)
    return accepted


def corrupt(wire, others):
    wire = bytearray(wire)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        at = rng.randrange(len(wire) + 1)
        what = rng.randrange(9)
        if what == 0 and at < len(wire):
            wire[at] = rng.getrandbits(8)
        elif what == 1 and at < len(wire):
            wire[at] ^= 1 << rng.randrange(8)
        elif what == 2:
            wire[at:at] = bytes((rng.choice((0, 1, 0x7f, 0x80, 0xff, rng.getrandbits(8))),))
        elif what == 3:
            del wire[at:at + rng.choice((1, 1, 2, 8))]
        elif what == 4:
            del wire[at:]
        elif what == 5:
            wire[at:at] = wire[at:at + rng.randrange(1, 40)]
        elif what == 6:
            wire += rng.choice(others)
        elif what == 7 and at < len(wire):
            wire[at] = rng.choice((0, 1, 2, 0x7f, 0x80, 0x81, 0xff, wire[at] ^ 0x80))
        else:
            other = rng.choice(others)
            start = rng.randrange(len(other) + 1)
            wire[at:at] = other[start:start + rng.randrange(1, 40)]
    return bytes(wire)


def varint(value):
    out = bytearray()
    while value > 0x7f:
        out.append(value & 0x7f | 0x80)
        value >>= 7
    return bytes(out) + bytes((value,))


def nest(levels, tag, inner=b""):
    for _ in range(levels):
        inner = tag + varint(len(inner)) + inner
    return inner


def special():
    """Hand-made ones: forms that no encoder writes, and limits."""
    yield b""
    for last in (0, 1, 2, 0x7f, 0x80):
        for tag in (b"\x08", b"\x10", b"\x18", b"\x28", b"\x38", b"\xc8\x06"):
            yield tag + b"\xff" * 9 + bytes((last,))
    for size in range(1, 12):
        yield b"\x10" + b"\x80" * size
        yield b"\x10" + b"\x81" * size + b"\x01"
        yield b"\x72" + b"\x81" + b"\x80" * size + b"\x00x"
        yield b"\x88" + b"\x80" * size + b"\x00\x05"
        yield b"\xfa\x01" + bytes((size + 1,)) + b"\xff" * size + b"\x01"
    for tag in range(256):
        yield bytes((tag,))
        yield bytes((tag, 0))
        yield bytes((tag, 1, 2, 3, 4, 5, 6, 7, 8))
        yield bytes((tag | 0x80, 1)) + b"\x01\x01"
        yield bytes((tag | 0x80, 2, 0))
    for levels in (1, 2, 98, 99, 100, 101, 102):
        yield nest(levels, b"\x8a\x01")
        yield nest(levels, b"\xfa\x02")
        yield nest(levels, b"\xe2\x01", b"\x08\x01")
        yield b"\xc3\x06" * levels + b"\xc4\x06" * levels
        yield nest(50, b"\x8a\x01", b"\xc3\x06" * (levels - 50) + b"\xc4\x06" * (levels - 50))
        # Maps.text: each level is a Maps, an entry, a child.
        maps = b""
        for _ in range(levels // 3):
            maps = nest(1, b"\xe2\x03", nest(1, b"\x12", nest(1, b"\x12", maps)))
        yield maps
    for size in (0x7fffffff, 0x7ffffff0, 0x7fffffef, 0x80000000, 0xffffffff, 1 << 34):
        yield b"\x72" + varint(size) + b"abc"
    # A oneof whose members replace and merge, singular messages that merge.
    parts = [b"\xd0\x01\x05", b"\xda\x01\x02ab", b"\xe2\x01\x02\x08\x07", b"\xe2\x01\x02\x10\x09",
             b"\xe9\x01" + b"\x01" * 8, b"\xf0\x01\x01", b"\xd2\x05\x04\x0a\x02\x08\x01",
             b"\xda\x05\x00"]
    for _ in range(300):
        yield b"".join(rng.choices(parts, k=rng.randrange(2, 6)))
    # UTF-8, at each length around the eight-byte steps.
    for bad in (b"\x80", b"\xc0\x80", b"\xc1\xbf", b"\xc2\x80", b"\xdf\xbf", b"\xe0\x80\x80",
                b"\xe0\xa0\x80", b"\xed\x9f\xbf", b"\xed\xa0\x80", b"\xef\xbf\xbf", b"\xf0\x80\x80\x80",
                b"\xf0\x90\x80\x80", b"\xf4\x8f\xbf\xbf", b"\xf4\x90\x80\x80", b"\xf5\x80\x80\x80",
                b"\xff", b"\xc3", b"\xe2\x82", b"\xf0\x9f\x98"):
        for before in range(20):
            for after in (0, 1, 7, 8, 9, 16):
                string = b"a" * before + bad + b"b" * after
                for tag in (b"\x72", b"\x9a\x01", b"\xda\x01", b"\xe2\x02", b"\x7a"):
                    yield tag + varint(len(string)) + string


def maps():
    """Maps whose keys come again."""
    # Map entries in every shape, unknown fields in them too.
    parts = [b"\x08\x01", b"\x08\x02", b"\x12\x01a", b"\x12\x00", b"\x18\x05", b"\x0a\x00", b"\x08\xff\x7f"]
    for _ in range(300):
        entries = b"".join(nest(1, b"\x0a", b"".join(rng.choices(parts, k=rng.randrange(4))))
                           for _ in range(rng.randrange(1, 12)))
        yield nest(1, b"\xe2\x03", entries)
    parts = [b"\x0a\x01k", b"\x0a\x01l", b"\x12\x02\x08\x01", b"\x12\x02\x10\x02", b"\x12\x00"]
    for _ in range(300):
        entries = b"".join(nest(1, b"\x12", b"".join(rng.choices(parts, k=rng.randrange(4))))
                           for _ in range(rng.randrange(1, 12)))
        yield nest(1, b"\xe2\x03", entries)
    # The same map in several pieces of a message that merges.
    for _ in range(100):
        yield b"".join(nest(1, b"\xe2\x03", b"".join(
            nest(1, b"\x0a", bytes((8, rng.randrange(30), 0x12, 1, rng.randrange(32, 127))))
            for _ in range(rng.randrange(1, 30)))) for _ in range(rng.randrange(1, 5)))


def main():
    Everything = load()
    wires = [make(Everything) for _ in range(3000)]
    answers = run(wires)
    wrong = [w for w, a in zip(wires, answers) if a != (0, w)]
    for wire in wrong[:5]:
        print(f"# {wire.hex()}")
    say(not wrong, "what protobuf wrote comes back byte for byte")
    answers = run(wires, "--plain")
    say(all(a == (0, w) for w, a in zip(wires, answers)), "the same as gcc made it, without pext")

    judge(Everything, list(special()), "unusual forms and limits")
    judge(Everything, list(special()), "unusual forms and limits as gcc made it, without pext", "--plain")

    judge(Everything, list(maps()), "keys that come again", exact=True)

    short = sorted(wires, key=len)
    samples = short[::150] + [w for w in short if 1000 < len(w) < 4000][:5]
    cut = [w[:n] for w in samples for n in range(len(w)) if n < 3000]
    judge(Everything, cut, "every truncation")

    small = [w for w in wires if len(w) < 600]
    corrupted = [corrupt(rng.choice(small), small) for _ in range(CORRUPTIONS)]
    accepted = judge(Everything, corrupted, "corruptions")
    say(CORRUPTIONS / 20 < accepted < CORRUPTIONS * 19 / 20,
        "corruptions are of both kinds")
    print(f"# seed {SEED}")
    print(f"1..{number}")
    return failures != 0


if __name__ == "__main__":
    sys.exit(main())
