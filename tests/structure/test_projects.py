#!/usr/bin/python3
"""Projects of users, built out of the tree by CMake and Meson against an installed
mayfly: shared and static, run, and built again when a schema changes.

The projects are those that are installed as examples, and a larger one for CMake
whose schemas import each other. Skipped where a tool is missing."""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))

IMPORTS = {
    "CMakeLists.txt": """
cmake_minimum_required(VERSION 3.16)
project(imports C CXX)
find_package(mayfly 0.1 REQUIRED)
add_subdirectory(sub)
""",
    "sub/CMakeLists.txt": """
add_executable(shop shop.c)
target_link_libraries(shop PRIVATE mayfly::static)
mayfly_header(shop protos/shop/shop.proto shop/item.proto
  google/protobuf/timestamp.proto IMPORT_DIRS protos)
add_library(parts STATIC parts.cc)
target_link_libraries(parts PUBLIC mayfly::mayfly)
mayfly_header(parts protos/plain.proto)
""",
    "sub/protos/shop/shop.proto": """
syntax = "proto3";
package shop;
import "shop/item.proto";
import "google/protobuf/timestamp.proto";
message Order { repeated Item items = 1; google.protobuf.Timestamp at = 2; }
""",
    "sub/protos/shop/item.proto": """
syntax = "proto3";
package shop;
message Item { string name = 1; }
""",
    "sub/protos/plain.proto": """
syntax = "proto3";
message Plain { int32 number = 1; }
""",
    "sub/shop.c": """
#include "shop/shop.mf.h"
#include <stdio.h>
int main(void)
{
    shop_Item items[] = {{.name = MAYFLY_STR("tea")}};
    google_protobuf_Timestamp at = {.seconds = 5};
    shop_Order order = {.items = {items, 1, 0}, .at = &at};
    printf("%s %d %s\\n", order.items.items[0].name.ptr, (int)order.at->seconds,
           mayfly_version());
    return 0;
}
""",
    "sub/parts.cc": """
#include "plain.mf.h"
int number(const Plain *plain) { return plain->number; }
""",
}

checks = []


class Failed(Exception):
    pass


def check(name, function, *arguments):
    try:
        function(*arguments)
        good = True
    except Failed as failure:
        good = False
        print("#   " + str(failure).replace("\n", "\n#   "))
    checks.append(good)
    print(f"{'ok' if good else 'not ok'} {len(checks)} - {name}")


def run(command, folder, environment=None):
    done = subprocess.run(command, cwd=folder, env=environment, text=True,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    if done.returncode:
        raise Failed(f"{command}: exit code {done.returncode}\n{done.stdout}")
    return done.stdout


def expect(condition, text):
    if not condition:
        raise Failed(text)


def add_field(schema):
    text = schema.read_text()
    schema.write_text(re.sub(r"(message HelloRequest \{|message Item \{)",
                             r"\1 string added = 99;", text))
    later = schema.stat().st_mtime + 2 # whatever the clock of the file system
    os.utime(schema, (later, later))


def headers(folder):
    return sorted(folder.rglob("*.mf.h"))


class World:
    def __init__(self, scratch):
        self.scratch = scratch
        self.prefix = scratch / "prefix"
        self.environment = {k: v for k, v in os.environ.items()
                            if not k.startswith(("MAKE", "CMAKE", "CFLAGS", "LDFLAGS"))}
        self.environment.update(PKG_CONFIG_PATH=str(self.prefix / "lib/pkgconfig"),
                                LD_LIBRARY_PATH=str(self.prefix / "lib"))
        run(["make", "-s", f"BUILD={os.path.relpath(BUILD, TOP)}", "install",
             f"PREFIX={self.prefix}"], TOP, self.environment)

    def copy(self, kind, name):
        target = self.scratch / name
        shutil.copytree(self.prefix / "share/doc/mayfly/examples" / kind, target)
        return target

    def runs(self, program, shared):
        """The client was linked as it should be, and works: nobody is there to answer."""
        needed = run(["readelf", "-d", str(program)], self.scratch)
        expect(("libmayfly.so" in needed) == shared, f"{program.name} needs:\n{needed}")
        done = subprocess.run([program, "greeter.proto", "unix:nobody.socket", "ada"],
                              cwd=program.parent.parent, env=self.environment,
                              capture_output=True, text=True)
        expect(done.returncode == 64 + 14, # UNAVAILABLE
               f"exit code {done.returncode}\n{done.stdout}{done.stderr}")

    def rebuilds(self, project, build, command):
        """A changed schema makes its header again; nothing changed makes nothing."""
        header, = headers(build)
        before = header.stat().st_mtime_ns
        run(command, project, self.environment)
        expect(header.stat().st_mtime_ns == before, "made without need")
        add_field(project / "greeter.proto")
        run(command, project, self.environment)
        expect("added" in header.read_text(), "not made again")

    # --- CMake

    def cmake(self, generator, library):
        shared = library != "mayfly::static"
        project = self.copy("cmake", f"cmake-{generator[:4]}-{library[8:]}")
        listing = project / "CMakeLists.txt"
        listing.write_text(listing.read_text().replace("mayfly::mayfly", library))
        build = project / "build"
        run(["cmake", "-S", ".", "-B", "build", "-G", generator, "-Wdev", "-Werror=dev",
             f"-DCMAKE_PREFIX_PATH={self.prefix}"], project, self.environment)
        command = ["cmake", "--build", "build"]
        run(command, project, self.environment)
        self.runs(build / "greeter_client", shared)
        self.rebuilds(project, build, command)

    def cmake_moved(self):
        """What was installed works from another place."""
        moved = self.scratch / "moved"
        shutil.copytree(self.prefix, moved, symlinks=True)
        project = self.copy("cmake", "cmake-moved")
        run(["cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={moved}"], project,
            self.environment)
        cache = run(["cmake", "--build", "build", "-v"], project, self.environment)
        expect(f"{moved}/bin/mayfly" in cache and f"{moved}/include" in cache, cache)
        expect(str(self.prefix) not in cache, cache)

    def cmake_imports(self):
        project = self.scratch / "imports"
        for name, text in IMPORTS.items():
            path = project / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text.lstrip())
        run(["cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}"],
            project, self.environment)
        command = ["cmake", "--build", "build"]
        run(command, project, self.environment)
        printed = run([str(project / "build/sub/shop")], project)
        expect(printed.startswith("tea 5 "), printed)
        made = [str(h.relative_to(project / "build/sub/mayfly"))
                for h in headers(project / "build")]
        expect(made == ["parts/plain.mf.h", "shop/google/protobuf/timestamp.mf.h",
                        "shop/shop/item.mf.h", "shop/shop/shop.mf.h"], str(made))
        header = project / "build/sub/mayfly/shop/shop/shop.mf.h"
        before = header.stat().st_mtime_ns
        add_field(project / "sub/protos/shop/item.proto")
        run(command, project, self.environment)
        expect("added" in (header.parent / "item.mf.h").read_text(), "item: not made again")
        expect(header.stat().st_mtime_ns != before, "what imports it: not made again")

    def cmake_refuses(self):
        """Another version is not taken, and a schema that is wrong ends the build."""
        have = run([str(self.prefix / "bin/mayfly"), "--version"], TOP).split()[1]
        major, minor, patch = (int(n) for n in have.split("."))
        for version, good in (
                (f"{major}.{minor}", True), (have, True),
                (f"{major}.{minor}.{patch + 1}", False), (f"{major}.{minor + 1}", False),
                (f"{major + 1}.0", False)):
            project = self.scratch / f"version-{version}"
            project.mkdir()
            (project / "CMakeLists.txt").write_text(
                "cmake_minimum_required(VERSION 3.16)\nproject(version NONE)\n"
                f"find_package(mayfly {version})\n"
                "message(STATUS \"found: ${mayfly_FOUND} ${mayfly_VERSION}\")\n")
            said = run(["cmake", "-S", ".", "-B", "build",
                        f"-DCMAKE_PREFIX_PATH={self.prefix}"], project, self.environment)
            expect((f"found: 1 {have}" in said) == good, f"{version}:\n{said}")
        project = self.copy("cmake", "cmake-wrong")
        (project / "greeter.proto").write_text('syntax = "proto3";\nmessage A { B b = 1; }\n')
        run(["cmake", "-S", ".", "-B", "build", f"-DCMAKE_PREFIX_PATH={self.prefix}"],
            project, self.environment)
        try:
            run(["cmake", "--build", "build"], project, self.environment)
        except Failed as failure:
            expect('greeter.proto:2:13: "B" is not defined' in str(failure), str(failure))
        else:
            raise Failed("a wrong schema was built")

    # --- Meson

    def meson(self, static):
        project = self.copy("meson", f"meson-{'static' if static else 'shared'}")
        if static:
            listing = project / "meson.build"
            listing.write_text(listing.read_text().replace(
                "version: '>=0.1'", "version: '>=0.1', static: true"))
        build = project / "build"
        run(["meson", "setup", "--fatal-meson-warnings", "build"], project,
            self.environment)
        command = ["meson", "compile", "-C", "build"]
        run(command, project, self.environment)
        self.runs(build / "greeter_client", not static)
        self.rebuilds(project, build, command)


def main():
    cmake, meson, ninja = (shutil.which(t) for t in ("cmake", "meson", "ninja"))
    if not cmake and not (meson and ninja):
        return 77
    with tempfile.TemporaryDirectory(prefix="mayfly-projects-") as scratch:
        world = World(pathlib.Path(scratch))
        if cmake:
            check("CMake, shared", world.cmake, "Unix Makefiles", "mayfly::mayfly")
            check("CMake, static", world.cmake, "Unix Makefiles", "mayfly::static")
            check("CMake, installed files that were moved", world.cmake_moved)
            check("CMake, schemas that import others", world.cmake_imports)
            check("CMake refuses what is wrong", world.cmake_refuses)
        else:
            print("ok - CMake # SKIP no cmake")
        if cmake and ninja:
            check("CMake with Ninja", world.cmake, "Ninja", "mayfly::shared")
        if meson and ninja:
            check("Meson, shared", world.meson, False)
            check("Meson, static", world.meson, True)
        else:
            print("ok - Meson # SKIP no meson or ninja")
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
