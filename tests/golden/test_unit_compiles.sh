#!/bin/bash
# The golden unit, and what mayfly makes of samples and of all schemas of the corpus,
# compile with gcc and clang without a warning: a later tier may build units with the system's compiler.
set -u
build=${BUILD:-build}
number=0
failed=0

# compile NAME COMPILER FILE...
compile() {
    local name=$1 compiler=$2
    shift 2
    number=$((number + 1))
    if "$compiler" -std=c11 -O2 -Wall -Wextra -Wconversion -pedantic -Werror -Iinclude \
        "-I$build/gen" -fsyntax-only "$@"; then
        echo "ok $number - $name with $compiler"
    else
        echo "not ok $number - $name with $compiler"
        failed=1
    fi
}

compilers=(gcc)
command -v clang > /dev/null && compilers+=(clang)
made=$(mktemp -d)
trap 'rm -rf "$made"' EXIT
mayfly=${MAYFLY:-$build/mayfly}
for schema in samples/greeter/greeter.proto tests/corpus/y_*.proto; do
    [ ! -x "$mayfly" ] || "$mayfly" compile --emit c "$schema" \
        -o "$made/$(basename "$schema" .proto).c" || failed=1
done
for compiler in "${compilers[@]}"; do
    compile 'the golden unit' "$compiler" tests/golden/unit/everything.c
    if [ -x "$mayfly" ]; then
        compile 'the greeter' "$compiler" "$made/greeter.c"
        compile 'the corpus' "$compiler" "$made"/y_*.c
    fi
done
echo "1..$number"
exit $failed
