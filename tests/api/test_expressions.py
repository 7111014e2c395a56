#!/usr/bin/python3
"""C source that makes no sense to its compiler: expressions of random types.

Structs, unions, bit-fields, functions, arrays, labels and numbers of all kinds are
added, called, indexed, assigned and given to assembly at random. Most of it is
wrong; each must end in an error or in a unit, never in a signal.

Writes TAP. EXPRESSIONS_SEED and EXPRESSIONS in the environment change the run.
"""
import os
import random
import subprocess
import sys
import tempfile

BUILD = os.environ.get("BUILD", "build")
SEED = int(os.environ.get("EXPRESSIONS_SEED", "1"))
COUNT = int(os.environ.get("EXPRESSIONS", "4000"))

HEAD = """
struct S { int a; double d; struct S *n; char arr[5]; };
struct B { int x : 3; unsigned y : 9; long long z : 40; };
union U { int i; float f; char c[12]; };
enum E { E0, E1 };
int fi(int a) { return a; } void fv(void) {} double fd(double d, ...) { return d; }
struct S fs(struct S s) { return s; } union U fu(void) { union U u = {1}; return u; }
long double fl(long double l) { return l; }
"""
LOCALS = """int i = 1; unsigned u = 2; char c = 3; short sh = 4; long long ll = 5; _Bool b = 1;
float f = 1; double d = 2; long double ld = 3; int *p = &i; int **pp = &p; struct S s = {1};
struct S *ps = &s; union U un = {1}; int arr[4] = {1}; struct S as[2]; int (*fp)(int) = fi;
void *vp = &s; struct B bf = {1}; enum E e = E1; int vla[i + 1]; static int si; int m[2][3];
"""
ATOMS = """i u c sh ll b f d ld p pp ps s un arr as fp vp bf.x bf.z ps->a ps->n s.a s.d un.f e
vla si m m[1] as[1] bf fi fv fs fd fu fl &&lab 0 1 -1 1.5 2.5f 3.0L 'a' "str" L"w" 0x7fffffff
1ull (struct@S){1} (int[]){1,2} (union@U){.f=1} E1 ((void*)0) __func__""".split()
BINARY = "+ - * / % << >> < > == != <= & | ^ && || , = += -= *= /= %= <<= &=".split()
UNARY = """- + ! ~ * & ++ -- sizeof@ (int) (double) (void) (char) (struct@S) (union@U)
(int*) (struct@S*) (long@double) (_Bool) (float) (long@long)""".split()
POSTFIX = "++ -- [0] [i] .a .d .x .z .arr .n .c .f ->a ->n (1) ()".split()
TYPES = ["int", "double", "struct S", "union U", "char", "void *", "struct B", "long double"]


class Maker:
    def __init__(self, seed):
        self.pick = random.Random(seed)

    def expression(self, depth):
        choice, one = self.pick.choice, lambda: self.expression(depth - 1)
        kind = self.pick.random()
        if depth <= 0 or kind < 0.12:
            return choice(ATOMS)
        if kind < 0.45:
            return f"({one()} {choice(BINARY)} {one()})"
        if kind < 0.62:
            return f"{choice(UNARY)}{one()}"
        if kind < 0.80:
            return f"({one()}){choice(POSTFIX)}"
        if kind < 0.86:
            return f"({one()} ? {one()} : {one()})"
        if kind < 0.92:
            return f"{choice(('fi', 'fv', 'fd', 'fs', 'fu', 'fp'))}({one()}, {one()})"
        return choice((f"_Generic({one()}, int: {one()}, default: {one()})",
                       f"({{ {one()}; {one()}; }})", f"sizeof({one()})",
                       f"__builtin_choose_expr(1, {one()}, {one()})",
                       f"(struct S){{ {one()}, {one()} }}",
                       f"__builtin_va_arg({one()}, struct S)"))

    def statement(self):
        choice, depth = self.pick.choice, self.pick.randint(1, 4)
        one = lambda: self.expression(depth)
        return choice((
            f"{one()};", f"{one()};", f"if ({one()}) {one()}; else {one()};",
            f"while ({one()}) {{ {one()}; break; }}", f"return {one()};",
            f"switch ({one()}) {{ case 1: {one()}; default: {one()}; }}",
            f"{choice(TYPES)} v = {one()};", f"int z[{one()}];", f"goto *{one()};",
            f"struct S w = {{ {one()}, .d = {one()}, .arr = {{ [2] = {one()} }} }};",
            f"__typeof__({one()}) q;",
            f'__asm__("nop" :: "{choice("rmgq")}"({one()}), "m"({one()}));',
            f'__asm__("nop" : "={choice("rm")}"({one()}));'))

    def source(self):
        text = HEAD
        if self.pick.random() < 0.15:
            text += f"{self.pick.choice(TYPES)} global = {self.expression(2)};\n"
        text += f"{self.pick.choice(TYPES)} function(int A, struct S B, ...)\n{{ {LOCALS}"
        text += f"lab: {self.statement()} {self.statement()} }}\n"
        return text.replace("@", " ")  # so that words can be split


def main():
    maker = Maker(SEED)
    data = b"".join(maker.source().encode() + b"\0" for _ in range(COUNT))
    with tempfile.NamedTemporaryFile(mode="r") as at_hand:
        done = subprocess.run([BUILD + "/tests/tools/load_c", at_hand.name], input=data,
                              capture_output=True, timeout=170)
        out = done.stdout.decode().split()
        ended = done.returncode == 0 and out and out[0] == str(COUNT)
        if not ended:
            print(f"# ended with {done.returncode} at", at_hand.read().replace("\n", "\n# "))
    print(f"# {COUNT} sources of seed {SEED}: {' '.join(out[1:])} good")
    print("ok" if ended else "not ok", "1 - every source ends in an error or a unit")
    both = ended and 0 < int(out[1]) < COUNT
    print("ok" if both else "not ok", "2 - there were good ones and bad ones")
    print("1..2")
    return 0 if ended and both else 1


if __name__ == "__main__":
    sys.exit(main())
