#!/usr/bin/python3
"""JSON both ways, compared with Python's google.protobuf.json_format.

Random messages of tests/golden/json/rich.proto go four ways: Python's bytes
through mayfly's JSON and back through Python; Python's JSON through mayfly's bytes.
Both must end where they began, and both JSONs must say the same. Then JSON with
damage is given to both: they must agree on whether it is a message, and on which.
Where mayfly is stricter or more liberal on purpose, `DIFFERENT` says how.
"""
import json
import math
import os
import random
import re
import struct
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
TOP = os.environ.get("TOP", os.getcwd())
BUILD = os.environ.get("BUILD", "build")
ROUNDS = int(os.environ.get("ROUNDS", "1000"))
SEED = int(os.environ.get("SEED", "20240229"))
PROTO = "tests/golden/json/rich.proto"

from google.protobuf import descriptor, json_format  # noqa: E402

FD = descriptor.FieldDescriptor


class Peer:
    def __init__(self, kind):
        self.process = subprocess.Popen(
            [os.path.join(BUILD, "tests/tools/json_peer"), PROTO, kind],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=TOP)

    def ask(self, op, payload):
        p = self.process
        p.stdin.write(op + struct.pack("<I", len(payload)) + payload)
        p.stdin.flush()
        head = p.stdout.read(5)
        if len(head) != 5:
            raise SystemExit("json_peer ended: %r" % payload)
        return head[0] == 0, p.stdout.read(struct.unpack("<I", head[1:])[0])

    def close(self):
        self.process.stdin.close()
        return self.process.wait(30)


# --- random messages -----------------------------------------------------------

TEXTS = ["", "a", "ada", "\n\t\"\\/", "\x00", "\x7f", "\u00e9", "\u20ac",
         "\U0001f600", "</script>", "\u2028", "x" * 300]
DOUBLES = [0.0, -0.0, 1.0, -1.5, 0.1, 1e300, -1e-300, 5e-324, math.inf,
           -math.inf, math.nan, 1e15, 1e16, 123456789.125, 2.0 ** 53]
WRAPPERS = re.compile(r"google\.protobuf\.\w+Value$")


def integer(r, bits, signed):
    low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (
        0, (1 << bits) - 1)
    return r.choice([0, 1, low, high, r.randint(low, high), r.randint(0, 99)])


def floating(r, single):
    value = r.choice(DOUBLES + [struct.unpack("<d", r.randbytes(8))[0],
                                r.random(), float(r.randint(-9999, 9999))])
    if not single:
        return value
    if r.random() < 0.5:
        value = struct.unpack("<f", r.randbytes(4))[0]
    try:
        return struct.unpack("<f", struct.pack("<f", value))[0]
    except OverflowError:
        return 0.5


def scalar(r, field):
    t = field.type
    if t in (FD.TYPE_INT32, FD.TYPE_SINT32, FD.TYPE_SFIXED32):
        return integer(r, 32, True)
    if t in (FD.TYPE_INT64, FD.TYPE_SINT64, FD.TYPE_SFIXED64):
        return integer(r, 64, True)
    if t in (FD.TYPE_UINT32, FD.TYPE_FIXED32):
        return integer(r, 32, False)
    if t in (FD.TYPE_UINT64, FD.TYPE_FIXED64):
        return integer(r, 64, False)
    if t in (FD.TYPE_FLOAT, FD.TYPE_DOUBLE):
        return floating(r, t == FD.TYPE_FLOAT)
    if t == FD.TYPE_BOOL:
        return r.random() < 0.5
    if t == FD.TYPE_STRING:
        return r.choice(TEXTS)
    if t == FD.TYPE_BYTES:
        return r.randbytes(r.choice([0, 1, 2, 3, 20]))
    if field.enum_type.full_name == "google.protobuf.NullValue":
        return 0
    return r.choice([0, 1, -1, 2147483647, 5, -2147483648])


def fill_value(r, m, depth):
    kind = r.randrange(6 if depth > 0 else 4)
    if kind == 0:
        m.null_value = 0
    elif kind == 1:
        value = floating(r, False)
        m.number_value = value if math.isfinite(value) else 1.25
    elif kind == 2:
        m.string_value = r.choice(TEXTS)
    elif kind == 3:
        m.bool_value = r.random() < 0.5
    elif kind == 4:
        m.struct_value.SetInParent()
        fill_well_known(r, m.struct_value, depth - 1)
    else:
        m.list_value.SetInParent()
        fill_well_known(r, m.list_value, depth - 1)


def fill_well_known(r, m, depth):
    """True when m was one of those whose fields have rules."""
    name = m.DESCRIPTOR.full_name
    if name == "google.protobuf.Timestamp":
        m.seconds = r.choice([0, -1, -62135596800, 253402300799,
                              r.randint(-62135596800, 253402300799)])
        m.nanos = r.choice([0, 1, 999999999, 500000000, 1000, 12000000])
    elif name == "google.protobuf.Duration":
        sign = r.choice([-1, 1])
        m.seconds = sign * r.choice([0, 1, 315576000000, r.randint(0, 10 ** 9)])
        m.nanos = sign * r.choice([0, 1, 999999999, 500000000, 1000])
    elif name == "google.protobuf.FieldMask":
        m.paths.extend(r.sample(["a", "foo_bar", "a.b_c.d", "x1"],
                                r.randrange(4)))
    elif name == "google.protobuf.Struct":
        for _ in range(r.randrange(3)):
            fill_value(r, m.fields[r.choice(TEXTS)], depth)
    elif name == "google.protobuf.ListValue":
        for _ in range(r.randrange(3)):
            fill_value(r, m.values.add(), depth)
    elif name == "google.protobuf.Value":
        fill_value(r, m, depth)
    elif name == "google.protobuf.Any":
        if r.random() < 0.8:
            inner = r.choice(HELD)()
            fill(r, inner, depth - 1)
            m.Pack(inner)
    else:
        return False
    return True


def is_map(field):
    return (field.type == FD.TYPE_MESSAGE and
            field.message_type.GetOptions().map_entry)


def fill_map(r, m, field, depth):
    key = field.message_type.fields_by_name["key"]
    value = field.message_type.fields_by_name["value"]
    at = getattr(m, field.name)
    for _ in range(r.choice([0, 1, 2, 3, 12])):
        if value.type == FD.TYPE_MESSAGE:
            fill(r, at[scalar(r, key)], depth - 1)
        else:
            at[scalar(r, key)] = scalar(r, value)


def fill(r, m, depth):
    if fill_well_known(r, m, depth):
        return
    fields = list(m.DESCRIPTOR.fields)
    r.shuffle(fields)
    share = r.choice([0.1, 0.3, 0.9]) if len(fields) > 1 else 0.7
    for field in fields:
        if r.random() > share:
            continue
        if is_map(field):
            fill_map(r, m, field, depth)
        elif field.label == FD.LABEL_REPEATED:
            for _ in range(r.randrange(4)):
                if field.type == FD.TYPE_MESSAGE:
                    if depth > 0:
                        fill(r, getattr(m, field.name).add(), depth - 1)
                else:
                    getattr(m, field.name).append(scalar(r, field))
        elif field.type == FD.TYPE_MESSAGE:
            if depth > 0:
                sub = getattr(m, field.name)
                sub.SetInParent()
                fill(r, sub, depth - 1)
        else:
            setattr(m, field.name, scalar(r, field))


# --- comparing -------------------------------------------------------------------

def wire(m):
    return m.SerializeToString(deterministic=True)


def same(a, b):
    """Bytes of an Any may differ in the order of maps, so they are looked into:
    Python's text of both is compared, which shows NaN as NaN."""
    if wire(a) == wire(b):
        return True
    return (json_format.MessageToJson(a, sort_keys=True) ==
            json_format.MessageToJson(b, sort_keys=True))


def difference(a, b, path):
    """Where two JSON trees differ, or nothing."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        return next(filter(None, (difference(a[k], b[k], path + "." + k)
                                  for k in a)), None)
    if isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        return next(filter(None, (difference(x, y, "%s[%d]" % (path, i))
                                  for i, (x, y) in enumerate(zip(a, b)))), None)
    return None if a == b else "%s: %r, %r" % (path, a, b)


def round_trips(r, peer, failures):
    for i in range(ROUNDS):
        m = rich_pb2.Rich()
        fill(r, m, r.choice([1, 2, 4]))
        theirs = json_format.MessageToJson(m)
        good, ours = peer.ask(b"d", m.SerializeToString())
        if not good:
            failures.append("message %d: mayfly prints: %s\n%s" %
                            (i, ours.decode(), theirs))
            continue
        where = difference(json.loads(ours), json.loads(theirs), "")
        if where:
            failures.append("message %d printed differently: %s" % (i, where))
        for text in (theirs.encode(), ours):
            good, data = peer.ask(b"e", text)
            back = rich_pb2.Rich()
            if good:
                back.ParseFromString(data)
            if not good or not same(m, back):
                failures.append("message %d read differently: %s\n%s" % (
                    i, text.decode(), data.decode() if not good else back))


# Where the two disagree on purpose: what Python does; a test on the text, mayfly's
# error and Python's; why.
DIFFERENT = [
    ("accepts", lambda t, e, w: "is not base64" in e,
     "Python skips characters that are not base64"),
    ("accepts", lambda t, e, w: re.search(r"\((float|double|int32|uint32|int64|"
                                       r"uint64|s?int\d+|s?fixed\d+|enum)\)|"
                                       r"expected a number, found (true|false)",
                                       e),
     "Python takes booleans and fractions for enums, booleans for floats, "
     "'1_0', 'inf' and '+1' for numbers"),
    ("accepts", lambda t, e, w: re.search(r"is a message: expected an object, "
                                       r"found (a string|an array)", e),
     "Python takes an empty string or array for an empty message"),
    ("accepts", lambda t, e, w: "twice" in e,
     "Python lets a field be named in both spellings"),
    ("accepts", lambda t, e, w: "oneof" in e,
     "Python does not count null in a Value as setting a oneof"),
    ("accepts", lambda t, e, w: '"@type" and "value" only' in e,
     "Python skips what else stands in an Any"),
    ("accepts", lambda t, e, w: "not a timestamp" in e or "not a duration" in e,
     "Python's strptime and float are looser than RFC 3339"),
    ("refuses", lambda t, e, w: re.search(r'"1e3"|"2\.0"', t),
     "quoted whole numbers may have an exponent or a zero fraction"),
    ("accepts", lambda t, e, w: "surrogate" in e,
     "Python does not look at text that it skips"),
    ("refuses", lambda t, e, w: "RepeatedCompositeContainer" in w,
     "Python fails on null for a repeated Value"),
    ("refuses", lambda t, e, w: "null is not" in w or "NoneType" in w,
     "repeated and map NullValue are null, so null is read back"),
]

ATOMS = ["null", "true", "false", "0", "-1", "1.5", "1e3", "2.0", "1e400",
         "99999999999", "18446744073709551616", "\"\"", "\"x\"", "\"1\"",
         "\"-1\"", "\"1e3\"", "\"2.0\"", "\"NaN\"", "\"Infinity\"", "\"true\"",
         "\"YQ==\"", "\"-_\"", "\"1s\"", "\"-1.5s\"", "\"RED\"", "\"a,bC\"",
         "\"1970-01-01T00:00:00Z\"", "[]", "{}", "[1]", "[null]", "{\"a\":1}",
         "{\"1\":null}", "[[]]", "\"\\ud800\"", "\"\\u0041\"", "nul", "01", "",
         "\"\\x\"", "[1,]", "{\"a\"}", "'a'", "+1", ".5"]


def every_field():
    """Each field of each message with each atom, alone, in an array, as a map's
    value and, where it is a string, as a map's key."""
    paths = {"Rich": "%s", "Scalars": '{"scalars":%s}',
             "Lists": '{"lists":%s}', "Maps": '{"maps":%s}'}
    for name, outer in paths.items():
        for field in getattr(rich_pb2, name).DESCRIPTOR.fields:
            for atom in ATOMS:
                values = [atom, "[%s]" % atom, '{"1":%s}' % atom,
                          '{"true":%s}' % atom]
                if atom.startswith('"'):
                    values.append("{%s:%s}" % (atom, atom))
                    values.append('{"@type":"t/rich.Scalars","text":%s}' % atom)
                for value in values:
                    yield outer % ("{%s:%s}" % (json.dumps(field.json_name),
                                                value))


def nodes(tree, out):
    """Every place in a JSON tree, as (container, key)."""
    items = (tree.items() if isinstance(tree, dict) else
             enumerate(tree) if isinstance(tree, list) else ())
    for key, value in list(items):
        out.append((tree, key))
        nodes(value, out)
    return out


def damage(r, text):
    """Changes a value or a name or two; atoms are put in as text."""
    tree = json.loads(text)
    for _ in range(r.choice([1, 1, 2])):
        places = nodes(tree, [])
        if not places:
            break
        at, key = r.choice(places)
        kind = r.randrange(5)
        if kind < 2:
            at[key] = "@%d@" % r.randrange(len(ATOMS))
        elif kind == 2:
            other, name = r.choice(places)
            at[key] = json.loads(json.dumps(other[name]))
        elif kind == 3 and isinstance(at, dict):
            at[r.choice(["i32", "oneText", "1", "true", "@type", "value", "",
                         "snake_case_name", "one_flag"])] = at.pop(key)
        elif isinstance(at, dict):
            at["@%d@" % r.randrange(len(ATOMS))] = at[key]
    text = json.dumps(tree)
    return re.sub(r'"@(\d+)@"', lambda m: ATOMS[int(m[1])], text)


def parse_python(text):
    m = rich_pb2.Rich()
    try:
        json_format.Parse(text, m)
        return m, ""
    except (json_format.ParseError, ValueError, TypeError, KeyError,
            AttributeError, OverflowError, RecursionError) as e:
        return None, "%s: %s" % (type(e).__name__, e)


def agree(peer, text, failures, counts):
    """Both read the text as the same message, or neither does."""
    theirs, why = parse_python(text)
    good, data = peer.ask(b"e", text.encode())
    error = "" if good else data.decode()
    if good and theirs is not None:
        back = rich_pb2.Rich()
        back.ParseFromString(data)
        counts["both"] += 1
        if not same(theirs, back):
            failures.append("read differently: %s\n%s\n%s" %
                            (text, theirs, back))
    elif not good and theirs is None:
        counts["neither"] += 1
    else:
        python = "accepts" if theirs is not None else "refuses"
        for p, known, why_different in DIFFERENT:
            if p == python and known(text, error, why):
                counts[why_different] = counts.get(why_different, 0) + 1
                return
        failures.append("Python %s %s\n  %s\n  %s" %
                        (python, text, why, error))


def damaged(r, peer, failures, counts):
    for _ in range(ROUNDS * 2):
        m = rich_pb2.Rich()
        fill(r, m, r.choice([1, 2]))
        agree(peer, damage(r, json_format.MessageToJson(m, indent=None)),
              failures, counts)


def main():
    seed = SEED
    failures = []
    peer = Peer("rich.Rich")
    round_trips(random.Random(seed), peer, failures)
    print("%sok 1 - %d random messages both ways" %
          ("not " if failures else "", ROUNDS))
    for number, what in ((2, "every field with every value"),
                         (3, "damaged messages")):
        n = len(failures)
        counts = {"both": 0, "neither": 0}
        if number == 2:
            for text in every_field():
                agree(peer, text, failures, counts)
        else:
            damaged(random.Random(seed + 1), peer, failures, counts)
        print("%sok %d - %s: %d accepted, %d refused" %
              ("not " if len(failures) > n else "", number, what,
               counts.pop("both"), counts.pop("neither")))
        for why, times in sorted(counts.items()):
            print("# %5d times: %s" % (times, why))
    code = peer.close()
    print("%sok 4 - nothing is left" % ("not " if code else ""))
    for f in failures[:10]:
        print("# " + f[:1000].replace("\n", "\n# "))
    if len(failures) > 10:
        print("# and %d more" % (len(failures) - 10))
    return 1 if failures or code else 0


if not os.path.exists(os.environ.get("MAYFLY", os.path.join(BUILD, "mayfly"))):
    sys.exit(77)  # nothing is built that could load a schema
with tempfile.TemporaryDirectory() as folder:
    subprocess.check_call(["protoc", "-I", os.path.join(TOP, "tests/golden/json"),
                           "--python_out", folder, "rich.proto"])
    sys.path.insert(0, folder)
    import rich_pb2  # noqa: E402
    from google.protobuf import any_pb2, duration_pb2, empty_pb2  # noqa: E402
    from google.protobuf import struct_pb2, wrappers_pb2  # noqa: E402
    HELD = [rich_pb2.Scalars, rich_pb2.Lists, rich_pb2.Maps, rich_pb2.Rich,
            duration_pb2.Duration, struct_pb2.Value, struct_pb2.Struct,
            empty_pb2.Empty, wrappers_pb2.Int64Value, any_pb2.Any]
    sys.exit(main())
