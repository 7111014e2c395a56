#!/usr/bin/python3
"""Writes small structs, and functions that take and return them, as C that two
compilers compile: tests/api/handlers_shapes.c includes it and loads it.

Each struct is a case: a typedef S0, S1, ..., functions that fill one in and look
into it, and, with names that begin with WHO, functions that take two, among other
arguments and after the registers are used up, and one that returns one. WHO##call
calls those of the other side, by pointers, and answers 0 when all arrived."""
import itertools
import sys

SIZES = {"char": 1, "short": 2, "int": 4, "long": 8, "float": 4, "double": 8}

# Beyond sequences of scalars: (declaration, members that are looked at)
MORE = [
    ("struct { float m[2]; }", "m[0] m[1]"),
    ("struct { float m[3]; }", "m[0] m[2]"),
    ("struct { float m[4]; }", "m[0] m[3]"),
    ("struct { double m[1]; }", "m[0]"),
    ("struct { double m[2]; }", "m[0] m[1]"),
    ("struct { int m[2]; }", "m[0] m[1]"),
    ("struct { int m[4]; }", "m[0] m[3]"),
    ("struct { char m[1]; }", "m[0]"),
    ("struct { char m[3]; }", "m[0] m[2]"),
    ("struct { char m[5]; }", "m[0] m[4]"),
    ("struct { char m[11]; }", "m[0] m[10]"),
    ("struct { char m[16]; }", "m[0] m[15]"),
    ("struct { char m[17]; }", "m[0] m[16]"),
    ("struct { short m[3]; }", "m[0] m[2]"),
    ("struct { float m[2]; int n[2]; }", "m[0] m[1] n[0] n[1]"),
    ("struct { float m[2]; double n; }", "m[0] m[1] n"),
    ("struct { double n; float m[2]; }", "m[0] m[1] n"),
    ("struct { double m, n, o; }", "m n o"),
    ("struct { double m, n; int o; }", "m n o"),
    ("struct { double m; char n[]; }", "m"),
    ("struct { double m; float n[]; }", "m"),
    ("struct { float m; float n[0]; }", "m"),
    ("struct { struct { float x; } a[2]; }", "a[0].x a[1].x"),
    ("struct { struct { float x, y; } a; float z; }", "a.x a.y z"),
    ("struct { struct { float x, y; } a; int z; }", "a.x a.y z"),
    ("struct { struct { double x; } a; struct { double y; } b; }", "a.x b.y"),
    ("struct { struct { double x; }; struct { double y; }; }", "x y"),
    ("struct { struct { long x; }; struct { double y; }; }", "x y"),
    ("struct { struct { struct { int x; } a; } a; double y; }", "a.a.x y"),
    ("struct { union { float f; int i; } u; float g; }", "u.f g"),
    ("struct { union { double f; long i; } u; double g; }", "u.f g"),
    ("struct { union { double f; float i; } u; double g; }", "u.f g"),
    ("union { int i; float f; }", "i"),
    ("union { long i; double f; }", "i"),
    ("union { float f; double d; }", "d"),
    ("union { double d[2]; long i; }", "d[0] d[1]"),
    ("union { double d[2]; float f; }", "d[0] d[1]"),
    ("union { long i[2]; double d; }", "i[0] i[1]"),
    ("union { char c[16]; double d[2]; }", "c[0] c[15]"),
    ("struct { long double m; }", "m"),
    ("struct { struct { long double m; } n; }", "n.m"),
    ("struct { long double m; int n; }", "m n"),
    ("struct { long double m, n; }", "m n"),
    ("struct { long double m; char n[]; }", "m"),
    ("union { long double m; }", "m"),
    ("union { long double m; double n; }", "m"),
    ("union { long double m; int n; }", "m"),
    ("union { long double m; char n[16]; }", "m"),
    ("struct { void *m; double n; }", "m n"),
    ("struct { void *m; void *n; }", "m n"),
    ("struct { void (*m)(void); double n; }", "m n"),
    ("struct { _Bool m; float n; }", "m n"),
    ("struct { _Bool m; double n; }", "m n"),
    ("struct { enum { A_ONE = 1 } m; float n; }", "n"),
    ("struct { enum { A_TWO = 2 } m; double n; }", "n"),
    ("struct { int m : 3; int n : 5; }", "m n"),
    ("struct { int m : 3; double n; }", "m n"),
    ("struct { double n; int m : 3; }", "m n"),
    ("struct { float n; int m : 3; }", "m n"),
    ("struct { long m : 40; long n : 40; }", "m n"),
    ("struct { long m : 40; int o; double n; }", "m n o"),
    ("struct { double n; int : 5; }", "n"),
    ("struct { float m; int : 5; float n; }", "m n"),
    ("struct { char m; int n; } __attribute__((packed))", "m n"),
    ("struct { char m; float n; } __attribute__((packed))", "m n"),
    ("struct { char m; double n; } __attribute__((packed))", "m n"),
    ("struct { char m; long n; } __attribute__((packed))", "m n"),
    ("struct { int m; double n; } __attribute__((packed))", "m n"),
    ("struct { char m; char n[5]; } __attribute__((packed))", "m n[4]"),
    ("struct { long m; } __attribute__((aligned(16)))", "m"),
    ("struct { double m; } __attribute__((aligned(16)))", "m"),
    ("struct { long m, n; } __attribute__((aligned(16)))", "m n"),
    ("struct { int m; } __attribute__((aligned(8)))", "m"),
    ("struct { long m[4]; } __attribute__((aligned(16)))", "m[0] m[3]"),
    ("struct { long m[4]; } __attribute__((aligned(32)))", "m[0] m[3]"),
]


def size(sequence):
    at, align = 0, 1
    for kind in sequence:
        align = max(align, SIZES[kind])
        at = -(-at // SIZES[kind]) * SIZES[kind] + SIZES[kind]
    return -(-at // align) * align


def cases():
    for n in range(1, 5):
        for sequence in itertools.product(SIZES, repeat=n):
            if size(sequence) <= 16:
                yield ("struct { %s }" % " ".join(
                    f"{kind} m{i};" for i, kind in enumerate(sequence)),
                    " ".join(f"m{i}" for i in range(n)))
    yield from MORE


def value(declaration, member, i):
    """Small and exact in every type; pointers are numbers too."""
    number = f"(salt + {3 * i})"
    if member in ("m", "n") and f"*{member}" in declaration:
        return f"(void *)(long){number}"
    if ":" in declaration or "_Bool m" in declaration and member == "m":
        return f"({number} & 1)"
    return number


def write(k, declaration, members):
    members = members.split()
    sets = " ".join(f"s->{m} = {value(declaration, m, i)};" for i, m in enumerate(members))
    same = " && ".join(f"s->{m} == {value(declaration, m, i)}"
                       for i, m in enumerate(members))
    take = f"int, double, S{k}, S{k}, int, double"
    late = f"{'long, ' * 5}{'double, ' * 7}S{k}, S{k}"
    return f"""typedef {declaration} S{k};
static void set{k}(S{k} *s, int salt) {{ {sets} }}
static int is{k}(const S{k} *s, int salt) {{ return {same}; }}
int WHO(take{k})(int a, double b, S{k} s, S{k} t, int z, double w);
int WHO(take{k})(int a, double b, S{k} s, S{k} t, int z, double w)
{{ return a == 1 && b == 2.5 && z == 3 && w == 4.5 && is{k}(&s, 5) && is{k}(&t, 8); }}
int WHO(late{k})(long a, long b, long c, long d, long e, double f, double g,
  double h, double i, double j, double k, double l, S{k} s, S{k} t);
int WHO(late{k})(long a, long b, long c, long d, long e, double f, double g,
  double h, double i, double j, double k, double l, S{k} s, S{k} t)
{{ return a + b + c + d + e == 15 && f + g + h + i + j + k + l == 28 &&
  is{k}(&s, 6) && is{k}(&t, 9); }}
S{k} WHO(make{k})(int salt);
S{k} WHO(make{k})(int salt) {{ S{k} s; set{k}(&s, salt); return s; }}
static int WHO(call{k})(const struct shape *other)
{{ S{k} s, t; int bad = 0;
  set{k}(&s, 5); set{k}(&t, 8);
  bad |= !((int (*)({take}))other->take)(1, 2.5, s, t, 3, 4.5);
  set{k}(&s, 6); set{k}(&t, 9);
  bad |= !((int (*)({late}))other->late)(1, 2, 3, 4, 5, 1, 2, 3, 4, 5, 6, 7, s, t) << 1;
  s = ((S{k} (*)(int))other->make)(7);
  return bad | !is{k}(&s, 7) << 2; }}
"""


def main():
    found = list(cases())
    print("/* Written by tests/api/shapes/generate.py. WHO(name) is defined by who "
          "includes this. */")
    print("struct shape { const char *text; void (*take)(void), (*late)(void),\n"
          "  (*make)(void); int (*call)(const struct shape *other); };")
    print(f"enum {{ SHAPES = {len(found)} }};")
    for k, case in enumerate(found):
        print(write(k, *case), end="")
    print("struct shape WHO(shapes)[] = {")
    for k, (declaration, _) in enumerate(found):
        print(f'{{"{declaration}", (void (*)(void))WHO(take{k}), '
              f"(void (*)(void))WHO(late{k}), (void (*)(void))WHO(make{k}), "
              f"WHO(call{k})}},")
    print("};")
    return 0


if __name__ == "__main__":
    sys.exit(main())
