#!/usr/bin/python3
"""The manual pages: complete, without warnings, and every example in them is run.

Against an installed mayfly. In the pages each block of code has a comment in front
that tells what it is (docs/man/README.md): `session` and `program` are run and what
they print is compared, "..." standing for anything; a `fragment` has to be part of a
program of the same page, names and all; a `project` is a file that test_projects.py
builds; a `declaration` is what the header says."""
import os
import pathlib
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import time

TOP = pathlib.Path(__file__).resolve().parent.parent.parent
BUILD = pathlib.Path(os.environ.get("BUILD", TOP / "build"))
SECONDS = 30  # for one command of an example
BLOCK = re.compile(r'^(?:\.\\" (\w+)(?: (\S+))?\n)?(?:\.RS 4\n)?\.EX\n(.*?)\n\.EE$', re.M | re.S)

checks = []


def check(name, problems):
    problems = list(problems)
    checks.append(not problems)
    print(f"{'not ok' if problems else 'ok'} {len(checks)} - {name}")
    for problem in problems:
        print("#   " + str(problem).replace("\n", "\n#   "))


def install(root):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("MAKE")}
    subprocess.run(["make", "-s", f"BUILD={os.path.relpath(BUILD, TOP)}", "install",
                    f"PREFIX={root}"], cwd=TOP, env=environment, check=True)
    environment.update(
        PATH=f"{root}/bin:{os.environ['PATH']}", LC_ALL="C.UTF-8", MANWIDTH="80",
        LD_LIBRARY_PATH=f"{root}/lib", PKG_CONFIG_PATH=f"{root}/lib/pkgconfig")
    return environment


# --- what the pages say ---------------------------------------------------------------

def plain(text):
    """Code of a page as it was before it became roff."""
    for roff, character in ((r"\(aq", "'"), (r"\(ga", "`"), (r"\(ha", "^"),
                            (r"\(ti", "~"), (r"\-", "-"), (r"\&", ""), (r"\e", "\\")):
        text = text.replace(roff, character)
    return text


def blocks(page):
    """(kind, text) of each block of code; a source's kind has its name."""
    return [(f"{kind} {name}".strip(), plain(text))
            for kind, name, text in BLOCK.findall(page.read_text())]


def words(text):
    """A text without fonts and breaks, to look for something in."""
    text = re.sub(r"\\f.", "", plain(text))
    return " ".join(re.sub(r"^\.(PP|nf|fi|B|BR)\b", "", text, flags=re.M).split())


def missing_pages(man):
    yield from (f"no page for {name}" for name in
                (TOP / "tests/structure/symbols.txt").read_text().split()
                if not (man / "man3" / f"{name}.3").exists())
    yield from (f"no page for {header.name}"
                for header in (TOP / "include/mayfly").glob("*.h")
                if not (man / "man3" / ("mayfly.3" if header.stem == "mayfly" else
                                        f"mayfly_{header.stem}.3")).exists())
    listed = (man / "man3/mayfly.3").read_text()
    yield from (f"mayfly.h does not say when to read {header.name}"
                for header in (TOP / "include/mayfly").glob("*.h")
                if header.stem != "mayfly" and
                f".BR mayfly_{header.stem} (3)\n" not in listed)
    for link in (man / "man3").glob("*.3"):
        target = re.match(r"\.so (\S+)\n$", link.read_text())
        if target and not (man / target.group(1)).exists():
            yield f"{link.name} leads nowhere: {target.group(1)}"


def lost_of_headers(man):
    """Declarations and error codes that a header has and its page has not."""
    for header in sorted((TOP / "include/mayfly").glob("*.h")):
        if header.stem == "mayfly":
            continue
        text = header.read_text()
        page = words((man / "man3" / f"mayfly_{header.stem}.3").read_text())
        code = re.sub(r"/\*.*?\*/", "", text, flags=re.S)
        code = re.sub(r"^#(.*\\\n)*.*$", "", code, flags=re.M)
        declared = re.findall(r"MAYFLY_API ([^;]+);", code, flags=re.S)
        for declaration in declared:
            declaration = re.sub(r"\s*MAYFLY_PRINTF\([^)]*\)", "", declaration)
            if " ".join(declaration.split()) + ";" not in page:
                yield f"{header.name}: {declaration}"
        for macro in re.findall(r"^#define (\w+)\(\.\.\.\)", text, flags=re.M):
            if f"#define {macro}(...)" not in page:
                yield f"{header.name}: {macro}"
        for errors in re.findall(r"\*\s.*?Errors: (.*?)\*/", text, flags=re.S):
            for name in re.findall(r"\bE[A-Z]{2,}\b", errors):
                if f"MAYFLY_{name}" not in page:
                    yield f"{header.name}: {name}"


def other_options(man, environment):
    """Options that the help of a command has and its page has not, or the reverse."""
    listing = subprocess.run(["mayfly", "--help"], env=environment, check=True,
                             capture_output=True, text=True).stdout
    commands = re.findall(r"^  ([a-z-]+) +\w", listing, flags=re.M)
    if len(commands) < 8:
        yield f"only these commands were found: {commands}"
    front = (man / "man1/mayfly.1").read_text()
    for command in commands:
        page = man / "man1" / f"mayfly-{command}.1"
        if f"mayfly\\-{command} (1)" not in front or not page.exists():
            yield f"no page for {command}"
            continue
        text = subprocess.run(["mayfly", command, "--help"], env=environment, check=True,
                              capture_output=True, text=True).stdout
        helped = {" ".join(o.split()) for o in
                  re.findall(r"^  (-.*?)(?:  .*)?$", text, flags=re.M)}
        paged = {words(o) for o in
                 re.findall(r"^\.TP\n(\\fB\\-.*)$", page.read_text(), flags=re.M)}
        if helped != paged:
            yield f"{command}: {sorted(helped ^ paged)}"


def warnings(pages, environment):
    tools = [["man", "--warnings", "-E", "UTF-8", "-l"], ["groff", "-man", "-ww", "-Tutf8"]]
    if shutil.which("mandoc"):
        tools.append(["mandoc", "-Tlint", "-Wwarning"])
    for tool in tools:
        for page in pages:
            done = subprocess.run([*tool, str(page)], env=environment,
                                  capture_output=True, text=True)
            said = done.stderr + (done.stdout if tool[0] == "mandoc" else "")
            if done.returncode or said:
                yield f"{tool[0]}: {page.name}: {said}"
            if tool[0] == "man" and re.search(r"\\[-f]|\\\(", done.stdout):
                yield f"{page.name} shows what was to be roff"


def unnamed(pages):
    """Pages that apropos would not find."""
    for page in pages:
        done = subprocess.run(["lexgrog", str(page)], capture_output=True, text=True)
        if done.returncode or f'"{page.stem} - ' not in done.stdout:
            yield f"{page.name}: {done.stdout}{done.stderr}"


# --- running --------------------------------------------------------------------------

def matches(shown, printed):
    pattern = ""
    for line in shown.splitlines():
        if line.strip() == "...":
            pattern += r"(?:.*\n)*?"
        else:
            pattern += re.escape(line).replace(r"\.\.\.", ".*") + r"[ ]*\n"
    return re.fullmatch(pattern, printed) is not None


def folder(environment):
    """What an example finds where it is run."""
    path = pathlib.Path(tempfile.mkdtemp(prefix="mayfly-man-"))
    for source in [*(TOP / "samples/greeter").iterdir(), TOP / "samples/run/words.c",
                   TOP / "LICENSE"]:
        shutil.copy(source, path)
    return path


class Shell:
    """One shell for all sessions of a page; what it leaves behind is killed."""

    def __init__(self, environment):
        self.folder = folder(environment)
        self.process = subprocess.Popen(
            ["bash", "--norc"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, cwd=self.folder, env=environment,
            start_new_session=True)
        os.set_blocking(self.process.stdout.fileno(), False)
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.process.stdout, selectors.EVENT_READ)
        self.process.stdin.write(b"back() { return $1; }\n")
        self.n = 0

    def close(self):
        self.selector.close()
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()
        shutil.rmtree(self.folder)

    def run(self, command, shown):
        """What it prints. What is shown is waited for, for it may come from a
        command in the background."""
        self.n += 1
        mark = f"\n--- end {self.n}\n"
        self.process.stdin.write(
            f"{command}\ncode=$?; printf '\\n--- end {self.n}\\n'; back $code\n".encode())
        self.process.stdin.flush()
        printed = ""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if mark in printed and matches(shown, printed.replace(mark, "", 1)):
                break
            if self.selector.select(end - time.monotonic()):
                part = self.process.stdout.read()
                if not part:
                    break
                printed += part.decode(errors="replace")
        return printed.replace(mark, "", 1)


def commands(session):
    """(command, what is shown below it)."""
    found = []
    for line in session.splitlines():
        if found and not is_whole(found[-1][0]):
            found[-1][0] += "\n" + line
        elif line.startswith("$ "):
            found.append([line[2:], ""])
        elif found:
            found[-1][1] += line + "\n"
        else:
            raise ValueError(f"no command before {line}")
    return found


def is_whole(command):
    return not command.endswith("\\") and subprocess.run(
        ["bash", "-n", "-c", command], capture_output=True).returncode == 0


def run_sessions(page, environment):
    sessions = [text for kind, text in blocks(page) if kind == "session"]
    if not sessions:
        return
    shell = Shell(environment)
    for kind, text in blocks(page):
        if kind.startswith("source "):
            (shell.folder / kind.split()[1]).write_text(text + "\n")
    try:
        for session in sessions:
            for command, shown in commands(session):
                printed = shell.run(command, shown)
                if not matches(shown, printed):
                    yield f"{page.name}: $ {command}\nshown:\n{shown}printed:\n{printed}"
    finally:
        shell.close()


def run_program(page, text, shown, environment):
    """(problem or None, what it prints)."""
    path = folder(environment)
    try:
        source = path / (page.stem.replace("mayfly_", "") + ".c")
        source.write_text(text + "\n")
        script = ("mayfly header greeter.proto -o greeter.mf.h && "
                  f"gcc -O1 -Wall -Wextra -Werror -o program {source} "
                  "$(pkg-config --cflags --libs mayfly libuv) -lpthread && ./program")
        done = subprocess.run(["bash", "-c", script], cwd=path, env=environment,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              stdin=subprocess.DEVNULL, timeout=SECONDS)
        printed = done.stdout.decode(errors="replace")
        if done.returncode:
            return f"{page.name}: exit code {done.returncode}\n{printed}", printed
        if shown is not None and not matches(shown, printed):
            return f"{page.name}: shown:\n{shown}\nprinted:\n{printed}", printed
        return None, printed
    finally:
        shutil.rmtree(path)


def run_programs(pages, environment, printed):
    """Problems; fills in what each page's programs are and print, as one text."""
    for page in pages:
        found = blocks(page)
        for i, (kind, text) in enumerate(found):
            if kind.startswith("source "): # its sessions were run
                printed[page.name] = printed.get(page.name, "") + text + "\n"
            if kind != "program":
                continue
            shown = found[i + 1][1] if found[i + 1:] and found[i + 1][0] == "output" else None
            problem, said = run_program(page, text, shown, environment)
            printed[page.name] = printed.get(page.name, "") + text + "\n" + said
            if problem:
                yield problem


def tokens(code):
    """Without white space; texts and numbers may be others."""
    found = re.findall(r'"(?:\\.|[^"\\])*"|[A-Za-z_]\w*|[\d.]*\d\w*|[^\s\w]',
                       re.sub(r"/\*.*?\*/", "", code, flags=re.S))
    return ['""' if t[0] == '"' else "0" if t[0].isdigit() else t for t in found]


def is_part(fragment, program):
    """Whether each statement of a fragment is in the program."""
    have = tokens(program)
    for statement in re.split(r"\.\.\.|[;{}]\s*\n|[;{}]\s*$|\)\s*\n", fragment):
        want = tokens(statement)
        while want and want[-1] in ";{}":
            want.pop()
        if not any(have[i:i + len(want)] == want
                   for i in range(len(have) - len(want) + 1)):
            return False
    return True


def unproved(pages, printed, examples):
    for page in pages:
        for kind, text in blocks(page):
            if kind.split()[0] not in ("session", "program", "output", "source",
                                       "fragment", "project", "declaration"):
                yield f"{page.name}: a block of no known kind:\n{text}"
            elif kind == "fragment" and not is_part(text, printed.get(page.name, "")):
                yield f"{page.name}: in no program of the page:\n{text}"
            elif kind == "project" and text.strip() not in examples:
                yield f"{page.name}: no installed example:\n{text}"
        text = page.read_text()
        if text.count("\n.EX\n") != len(BLOCK.findall(text)):
            yield f"{page.name}: some blocks were not found"


def tells_apart():
    """The checks above notice what is wrong."""
    if matches("a\n...\nb ... c\n", "a\nx\ny\nb 17 d\n") or not \
            matches("a\n...\nb ... c\n", "a\nx\ny\nb 17 c\n"):
        yield "matches"
    program = 'int main(void) { f(x, "abc", 12); g(); }'
    if not is_part('f(x, "", 7);\n...\ng();', program) or is_part("f(y);", program) or \
            is_part('g();\nf(x, 7);', program):
        yield "is_part"


def main():
    for tool in ("man", "groff", "lexgrog"):
        if not shutil.which(tool):
            print(f"ok 1 - manual pages # SKIP no {tool}")
            return 77
    with tempfile.TemporaryDirectory(prefix="mayfly-man-") as root:
        environment = install(root)
        man = pathlib.Path(root) / "share/man"
        pages = sorted(p for p in man.rglob("*.[13]")
                       if not p.read_text().startswith(".so "))
        examples = [p.read_text().strip() for p in
                    (pathlib.Path(root) / "share/doc/mayfly/examples").rglob("*")
                    if p.is_file()]
        printed = {}
        check("every function, header and command has a page", missing_pages(man))
        check("pages say what headers say", lost_of_headers(man))
        check("pages of commands have the options of their help",
              other_options(man, environment))
        check("pages have no warnings", warnings(pages, environment))
        check("pages have a name and a purpose", unnamed(pages))
        for page in pages:
            if any(kind == "session" for kind, _ in blocks(page)):
                check(f"examples of {page.name}", run_sessions(page, environment))
        check("programs run and print what is shown",
              run_programs(pages, environment, printed))
        check("each block of code was run, or is part of what was",
              unproved(pages, printed, examples))
        check("a wrong one would be noticed", tells_apart())
    return 0 if all(checks) else 1


if __name__ == "__main__":
    sys.exit(main())
