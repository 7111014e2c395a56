#!/bin/bash
# The golden unit, and what mayfly makes of samples, compile with gcc and clang
# without a warning: a later tier may build units with the system's compiler.
set -u
build=${BUILD:-build}
number=0
failed=0

# compile NAME FILE COMPILER
compile() {
    number=$((number + 1))
    if "$3" -std=c11 -O2 -Wall -Wextra -Wconversion -pedantic -Werror -Iinclude \
        "-I$build/gen" -fsyntax-only -x c "$2"; then
        echo "ok $number - $1 with $3"
    else
        echo "not ok $number - $1 with $3"
        failed=1
    fi
}

compilers=(gcc)
command -v clang > /dev/null && compilers+=(clang)
made=$(mktemp)
trap 'rm -f "$made"' EXIT
for compiler in "${compilers[@]}"; do
    compile 'the golden unit' tests/golden/unit/everything.c "$compiler"
    if [ -x "${MAYFLY:-$build/mayfly}" ]; then
        "${MAYFLY:-$build/mayfly}" compile --emit c samples/greeter/greeter.proto \
            -o "$made"
        compile 'the greeter' "$made" "$compiler"
    fi
done
echo "1..$number"
exit $failed
