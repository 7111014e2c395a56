#!/bin/bash
# `make deb`, into a folder of its own; the packages are installed into a root of their
# own, used, and taken off again. Neither the tree nor this machine's packages change.
# Skipped where Debian's tools are missing. It builds all of mayfly once more:
# seconds: 600
set -u
for tool in dpkg-buildpackage dh fakeroot; do
    command -v $tool > /dev/null || exit 77
done
[ "$(dpkg --print-architecture)" = amd64 ] || exit 77
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
n=0
failed=0

# says how a step ended, with its output when it failed
check() {
    local name=$1
    shift
    n=$((n + 1))
    if "$@" > "$dir/out" 2>&1; then
        echo "ok $n - $name"
    else
        echo "not ok $n - $name"
        tail -n 60 "$dir/out" | sed 's/^/# /'
        failed=1
    fi
}

tree_before=$(git status --porcelain 2> /dev/null)
installed_before=$(dpkg-query -W '*mayfly*' 2> /dev/null)
check "make deb" env DEB_BUILD_OPTIONS=noautodbgsym make -s deb DEBDIR="$dir/deb"
check "the tree is as it was" test "$(git status --porcelain 2> /dev/null)" = "$tree_before"
[ $failed = 0 ] || exit 1

version=$("$MAYFLY" --version | grep -o '[0-9.]*$')
so=$(sed -n 's/^SOVERSION = //p' Makefile)
debs=("$dir/deb/mayfly_${version}_amd64.deb" "$dir/deb/libmayfly${so}_${version}_amd64.deb"
    "$dir/deb/libmayfly-dev_${version}_amd64.deb")
check "three packages of this version" ls "${debs[@]}"
depends() { dpkg-deb -f "$dir/deb/$1_${version}_amd64.deb" Depends; }
check "the library needs what it is linked with" grep -E 'libc6 .*libnghttp2-14.*libuv1' \
    <(depends libmayfly$so)
check "the command stands alone" bash -c '! grep mayfly' < <(depends mayfly)
check "development needs the very library" grep -F "libmayfly$so (= $version)" \
    <(depends libmayfly-dev)
check "each says what it was built with" test 3 = "$(for deb in "${debs[@]}"; do
    dpkg-deb -f "$deb" Built-Using; done | grep -c '^tcc (= ')"
dpkg-deb -e "${debs[1]}" "$dir/control"
check "every symbol is told to those who link" diff tests/structure/symbols.txt \
    <(sed -n "s/^ \(mayfly_[a-z_0-9]*\)@MAYFLY_$so .*/\1/p" "$dir/control/symbols")
if command -v lintian > /dev/null; then
    check "lintian has no errors" lintian --allow-root --fail-on error "${debs[@]}"
fi

# A root with this machine's list of packages, so that dpkg looks at dependencies. Slim
# images tell dpkg to leave manuals and documentation out.
root=$dir/root
mkdir -p "$root/var/lib/dpkg/info" "$root/var/lib/dpkg/updates"
cp /var/lib/dpkg/status "$root/var/lib/dpkg/status"
ours() {
    fakeroot env PATH="$PATH:/usr/sbin:/sbin" dpkg --root="$root" --force-not-root \
        --log=/dev/null --path-include='/usr/share/*' "$@"
}
check "installs" ours -i "${debs[@]}"
lib=$root/usr/lib/x86_64-linux-gnu
export LD_LIBRARY_PATH=$lib PATH=$root/usr/bin:$PATH
check "the command runs" test "$(mayfly --version)" = "mayfly $version"
check "it compiles and runs C" bash -c 'cd samples/run && mayfly run words.c words.c'
if command -v man > /dev/null; then
    check "its manual is found" man -M "$root/usr/share/man" -w mayfly-call
    check "a function's page is found" bash -c \
        "man -M $root/usr/share/man 3 mayfly_unload | grep -q 'MAYFLY_CONTEXT(3)'"
fi
check "what pages name is there" test -f "$root/usr/share/doc/libmayfly-dev/receipts.md"

cp tests/structure/outside/user.c "$dir"
cd "$dir"
export PKG_CONFIG_PATH=$lib/pkgconfig PKG_CONFIG_SYSROOT_DIR=$root
gcc="gcc -std=c11 -Wall -Wextra -pedantic -Werror -O1"
check "shared: builds" $gcc -o shared user.c $(pkg-config --cflags --libs mayfly)
check "shared: runs" ./shared
static=$(pkg-config --static --cflags --libs mayfly)
check "static: builds" $gcc -o static user.c ${static/-lmayfly/-l:libmayfly.a}
check "static: runs" env -u LD_LIBRARY_PATH ./static
unset PKG_CONFIG_PATH PKG_CONFIG_SYSROOT_DIR
if command -v cmake > /dev/null; then
    cp -r "$root/usr/share/doc/libmayfly-dev/examples/cmake" project
    check "CMake: finds it" cmake -S project -B project/build \
        -DCMAKE_PREFIX_PATH="$root/usr"
    check "CMake: builds" cmake --build project/build
    check "CMake: uses what was installed" grep -F "$root/usr/bin/mayfly" -r project/build \
        --include=build.make
fi
cd "$TOP"

check "is taken off" ours --purge mayfly libmayfly$so libmayfly-dev
check "nothing is left" test -z "$(find "$root" -path "$root/var" -prune -o ! -type d -print)"
check "this machine has the packages it had" \
    test "$(dpkg-query -W '*mayfly*' 2> /dev/null)" = "$installed_before"
exit $failed
