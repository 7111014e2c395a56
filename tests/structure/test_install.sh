#!/bin/bash
# Installs into a folder of its own and builds programs against what was installed,
# found through pkg-config: shared, static, wholly static, and beside another libtcc.
set -u
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
        sed 's/^/# /' "$dir/out"
        failed=1
    fi
}

root=$dir/root
prefix=/opt/mayfly
check "make install" make -s BUILD="$(realpath --relative-to=. "$BUILD")" CC="$CC" \
    install DESTDIR="$root" PREFIX=$prefix
check "the files are there" ls $root$prefix/bin/mayfly \
    $root$prefix/lib/{libmayfly.a,libmayfly.so,libmayfly.so.0,pkgconfig/mayfly.pc} \
    $root$prefix/lib/cmake/mayfly/mayfly-config{,-version}.cmake \
    $root$prefix/include/mayfly/{mayfly,types,error,host}.h \
    $root$prefix/share/man/man1/mayfly{,-call}.1 \
    $root$prefix/share/man/man3/mayfly{,_host,_unload}.3 \
    $root$prefix/share/doc/mayfly/{LICENSE,NOTICE,CHANGELOG.md,versions.md} \
    $root$prefix/share/doc/mayfly/examples/{cmake/CMakeLists.txt,meson/meson.build} \
    $root$prefix/share/doc/mayfly/examples/man/host.c
check "no link leads nowhere" test -z "$(find "$root" -xtype l)"
check "templates were filled in" bash -c "! grep -rE '@[A-Z_]+@' $root --include=*.pc \
    --include=*.cmake --include=*.[13] | grep -vE '@(INPUT|BASENAME)@'"
check "nothing but public headers" test -z "$(cd "$root$prefix/include" &&
    find . -type f ! -path './mayfly/*.h')"

export PKG_CONFIG_PATH=$root$prefix/lib/pkgconfig
export PKG_CONFIG_SYSROOT_DIR=$root
version=$("$root$prefix/bin/mayfly" --version 2> /dev/null | grep -o '[0-9.]*$')
check "pkg-config tells the version" test "$(pkg-config --modversion mayfly)" = "$version"

# out of the tree, so that nothing of it is found by chance
cp tests/structure/outside/* "$dir"
cd "$dir"
gcc="gcc -std=c11 -Wall -Wextra -pedantic -Werror -O1"
flags=$(pkg-config --cflags --libs mayfly)
static=$(pkg-config --static --cflags --libs mayfly)
# the archive by its name, the system's libraries as they come
archive=${static/-lmayfly/-l:libmayfly.a}

check "shared: builds" $gcc -o shared user.c $flags -Wl,-rpath,"$root$prefix/lib"
check "shared: runs" ./shared
check "shared: uses the shared library" grep -q libmayfly.so.0 <(readelf -d shared)
check "static: builds" $gcc -o static user.c ${archive/-luv_a/-luv}
check "static: runs" ./static
check "static: needs no shared library of ours" bash -c '! readelf -d static | grep mayfly'
# the C library warns that name lookup stays dynamic; that is no error
check "wholly static: builds" $gcc -static -o whole user.c $static
check "wholly static: runs" ./whole
check "beside another libtcc: builds" $gcc -DWITH_LIBTCC -o both user.c \
    ${archive/-luv_a/-luv} -ltcc -ldl
check "beside another libtcc: both work" ./both
check "beside another libtcc, shared: builds" $gcc -DWITH_LIBTCC -o both_shared user.c \
    $flags -ltcc -ldl -Wl,-rpath,"$root$prefix/lib"
check "beside another libtcc, shared: both work" ./both_shared
check "C++: builds" g++ -std=c++17 -Wall -Wextra -pedantic -Werror -o cpp user.cc $flags \
    -Wl,-rpath,"$root$prefix/lib"
check "C++: runs" ./cpp

cd "$TOP"
check "make uninstall" make -s BUILD="$(realpath --relative-to=. "$BUILD")" CC="$CC" \
    uninstall DESTDIR="$root" PREFIX=$prefix
check "nothing is left" test -z "$(find "$root" ! -type d)"
exit $failed
