"""From assembler or C source to a bootable image, with whichever compiler is there.

GNU assembler syntax, as LLVM and binutils both read it. An x86 image is an i386 ELF, whatever modes its code runs in:
multiboot loaders take nothing else. So `.code64` has all 64-bit instructions, but an absolute symbol reference has 32
bits at most: `mov $table, %edi` or `lea table(%rip), %rdi`, never `movabs $table, %rdi`. An arm image starts in A32;
`.thumb` is for the source to say.
"""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from vmm.arch import ARCHITECTURES, DEFAULT, named
from vmm.errors import VmmError, unknown
from vmm.installing import into_python, into_system
from vmm.output import OutputFile
from vmm.scratch import scratch
from vmm.sources import SOURCES, bundled

if TYPE_CHECKING:
    from vmm.arch.target import Target


class AssemblyError(VmmError):
    """The source is wrong: one line `file:line:column: message` for each error the tools reported."""

    def __str__(self) -> str:
        return "\n".join(self.args)


# A handler may run on any stack at any moment, and there is no runtime to supply what a compiler expects of one.
C_FLAGS = (
    "-O1", "-ffreestanding", "-fno-pic", "-fno-stack-protector", "-fno-asynchronous-unwind-tables",
    "-fno-sanitize=all", "-fno-omit-frame-pointer",
)  # fmt: skip


@dataclass(frozen=True)
class Tool:
    """A compiler that also assembles, and the linker that goes with it."""

    compiler: tuple[str, ...]
    linker: tuple[str, ...]
    c_flags: tuple[str, ...] = ()
    """For C sources, besides those of the architecture."""


PAGES = ("-z", "max-page-size=4096")
"""Else linkers for ARM fill files up to 64 KiB."""
_UNTAME = re.compile(r"""^-|[\x00-\x1f\x7f"'\\\\$#%*?:;|<>`]""")
"""What tools take for an option, or write otherwise than it is: zig's lists of files, and make's rules."""
_MARKER = re.compile(r"\s*(?://|/\*|\*|@|#|;)\s*vmm:\s*(?P<arch>\w+)\s*(?:\*/)?\s*")
_INCLUDED = re.compile(r'\s*#\s*include\s+["<](?P<arch>\w+)/')
_MARKED_WITHIN = 5
_NASM = (".asm", ".nasm", ".nas")
"""How sources end that another assembler is for."""


def arch_of(source: Path) -> str:
    """The architecture that a source is written for, as vmm.arch calls it.

    A comment line among the first five says it (`// vmm: arm64`, `@ vmm: arm`); failing that the first header of one
    architecture does (`#include "arm64/guest.h"`); failing that it is the default's. VmmError for a source that
    cannot be read and for an unknown architecture in the comment.
    """
    _check(source)
    try:
        lines = source.read_text(encoding="utf-8-sig", errors="replace").splitlines()
    except OSError as error:
        raise VmmError(f"{source}: cannot read the source: {error.strerror}") from error
    for number, line in enumerate(lines[:_MARKED_WITHIN], 1):
        if match := _MARKER.fullmatch(line):
            if match["arch"] not in ARCHITECTURES:
                raise VmmError(f"{source}:{number}: {unknown('architecture', match['arch'], ARCHITECTURES)}")
            return match["arch"]
    included = (match["arch"] for line in lines if (match := _INCLUDED.match(line)))
    return next((arch for arch in included if arch in ARCHITECTURES), DEFAULT)


def find(arch: str = DEFAULT) -> Tool:
    """The first tool that can build for `arch`: $VMM_CC, ziglang, clang with lld, gcc, a cross gcc; VmmError where
    there is none.
    """
    target = named(arch).target()
    for candidate in CANDIDATES:
        tool = candidate(target)
        if tool is not None:
            return tool
    raise VmmError(f"no assembler for {arch} found; {_remedy()}")


def _remedy() -> str:
    """What brings one for every architecture."""
    commands = [command for command in (into_python("ziglang"), into_system("clang", "lld")) if command]
    if not commands:
        return "install clang and lld with the system's package manager, or ziglang into a virtual environment"
    return f"to install one: {', or '.join(commands)}"


def assemble(
    source: Path,
    *more: Path,
    include: Sequence[Path] = (),
    arch: str = DEFAULT,
    out: Path | None = None,
    text_address: int | None = None,
    keep_debug: bool = True,
    script: Path | None = None,
    defines: Sequence[str] = (),
) -> Path:
    """Build one image from `.S`, `.s` and `.c` files; returns its path, `out` or one in a new temporary directory.

    The image depends on the sources and the tool alone, not on where either lies. `#include` looks beside the first
    source, in `include`, then in the headers that come with vmm. `script` is a linker script in place of the one that
    comes with vmm, `text_address` (bytes, physical) replaces its start of `.text`, `defines` are names
    that the preprocessor knows. Raises AssemblyError for errors in
    the sources, VmmError for all else. A temporary directory is the caller's to remove.
    """
    sources = (source, *more)
    for path in sources:
        _check(path)
    if script and not script.is_file():
        raise VmmError(f"{script}: no such linker script")
    tool = find(arch)
    headers = bundled() / "include"
    with scratch() as directory:
        build = _Build(tool, source.parent, directory, named(arch).target(), [*include, headers], defines)
        for path in sources:
            build.compile(path)
        options = ["-T", _beside(source, script) if script else str(headers / arch / "guest.ld")]
        if text_address is not None:
            options.append(f"-Ttext={text_address:#x}")
        if not keep_debug:
            options.append("--strip-debug")
        image = directory / "image.elf"
        build.link(options, image)
        target = out or Path(tempfile.mkdtemp(prefix="vmm-")) / f"{source.stem}.elf"
        try:
            with OutputFile("image", target, inputs=[*sources, *([script] if script else [])]) as file:
                file.write(image.read_bytes())
        except BaseException:
            if out is None:
                shutil.rmtree(target.parent, ignore_errors=True)
            raise
    return target


def _beside(source: Path, other: Path) -> str:
    """Another file, for tools that run in the directory of the source: what they report is relative to it."""
    return f"./{os.path.relpath(other.resolve(), source.parent.resolve())}"


def _check(source: Path) -> None:
    if not source.exists():
        raise VmmError(f"{source}: no such file")
    if not source.is_file():
        raise VmmError(f"{source}: not a file")
    if source.suffix not in SOURCES:
        nasm = "; what is nasm's it assembles: nasm -f elf32" if source.suffix in _NASM else ""
        raise VmmError(f"{source}: not a source file; expected one of {', '.join(SOURCES)}{nasm}")


class _Build:
    """One run of the tools. They run in the first source's directory, so that what they report is relative to it."""

    def __init__(
        self, tool: Tool, directory: Path, scratch: Path, target: Target, include: Sequence[Path],
        defines: Sequence[str],
    ) -> None:  # fmt: skip
        self.tool = tool
        self.directory = directory
        self.scratch = scratch
        self.target = target
        self.include = [path.resolve() for path in include]
        self.defines = [f"-D{name}" for name in defines]
        self.objects: list[str] = []
        self.origin: dict[str, str] = {}  # object file -> its source, relative to `directory`; of aliases, too

    def compile(self, source: Path) -> None:
        base = self.directory.resolve()
        flags = ["-I.", *self.defines, *(f"-I{path}" for path in self.include), "-g", f"-ffile-prefix-map={base}=."]
        flags += [f"-ffile-prefix-map={path}={path.name}" for path in self.include]
        if source.suffix == ".c":
            flags += [*C_FLAGS, *self.target.c_flags, *self.tool.c_flags]
        output = str(self.scratch / f"{len(self.objects)}.o")
        name = real = os.path.relpath(source.resolve(), base)
        if _UNTAME.search(name):
            name = self.alias(source, real)
            flags.append(f"-ffile-prefix-map={Path(name).parent}=.")
        self.objects.append(output)
        self.origin[output] = real
        done = self.run([*self.tool.compiler, *flags, "-c", name, "-o", output])
        if done.returncode != 0:
            preprocess = [*self.tool.compiler, *flags, "-E", name]
            raise self.error(done, self.tool.compiler, lambda: self.run(preprocess).stdout)

    def alias(self, source: Path, real: str) -> str:
        """A path to the source by a name that every tool takes."""
        name = _UNTAME.sub("_", source.name)
        link = self.scratch / str(len(self.objects)) / name
        link.parent.mkdir()
        link.symlink_to(source.resolve())
        self.origin |= dict.fromkeys((str(link), name), real)
        return str(link)

    def link(self, options: Sequence[str], out: Path) -> None:
        fixed = [*self.target.linker, "-static", "--build-id=none", *PAGES]
        done = self.run([*self.tool.linker, *fixed, *options, *self.objects, "-o", str(out)])
        if done.returncode != 0:
            raise self.error(done, self.tool.linker, lambda: "")

    def run(self, command: Sequence[str]) -> subprocess.CompletedProcess[str]:
        # zig keys its cache by what the preprocessor reads and misses .include and .incbin: it must not outlive a run.
        private = {name: str(self.scratch) for name in ("ZIG_GLOBAL_CACHE_DIR", "ZIG_LOCAL_CACHE_DIR", "TMPDIR")}
        return _run(command, self.directory, private)

    def error(
        self, done: subprocess.CompletedProcess[str], tool: Sequence[str], preprocessed: Callable[[], str]
    ) -> VmmError:
        """What `tool` complained of, in terms of the sources."""
        found = [self.place(diagnostic, preprocessed) for diagnostic in diagnostics(done.stderr)]
        if found:
            return AssemblyError(*dict.fromkeys(found))
        said = done.stderr.strip().splitlines() or [f"exit status {done.returncode}"]
        return VmmError(f"{shlex.join(tool)}: {self.named(said[-1])}")

    def named(self, message: str) -> str:
        """With sources by their names, and what was on the way to the image without the directory that is gone."""
        for path, source in self.origin.items():
            message = message.replace(path, source) if Path(path).is_absolute() else message
        return message.replace(f"{self.scratch}/", "")

    def place(self, diagnostic: Diagnostic, preprocessed: Callable[[], str]) -> str:
        file, line, column, message = diagnostic
        if line and Path(file).parent == self.scratch:  # LLVM checks relocations when only a preprocessed copy is left
            file, line = original(preprocessed(), line)
        file = _unescaped(file)
        file = self.origin.get(os.path.normpath(file), file if line else next(iter(self.origin.values())))
        message = self.named(message)
        shown = Path(os.path.normpath(self.directory / file))
        if not line or not column:
            line, column = locate(shown, line, message)
        return f"{shown}:{line}:{column}: {message}"


def _unescaped(file: str) -> str:
    """The name that clang writes with its bytes in octal."""
    raw = re.sub(rb"\\([0-3][0-7]{2})", lambda match: bytes([int(match[1], 8)]), os.fsencode(file))
    return os.fsdecode(raw)


class Diagnostic(NamedTuple):
    """One error as a tool reported it; 0 for a line or column it did not give."""

    file: str
    line: int
    column: int
    message: str


_ERROR = re.compile(r"(?P<file>.+?):(?P<line>\d+):(?:(?P<column>\d+):)? (?:fatal )?[Ee]rror: (?P<message>.+)")
_MACRO_USE = re.compile(
    r"(?P<file>[^<].*?):(?P<line>\d+):(?:(?P<column>\d+):)?\s+"
    r"(?:note: while in macro instantiation|Info: macro invoked from here)"
)
_LLD = re.compile(r"\S*ld\S*: error: (?P<message>.+)")
_LLD_PLACE = re.compile(r">>> (?:referenced by|defined at) (?P<file>[^:]+?):(?:(?P<line>\d+)|\(.*)")
_SCRIPT = re.compile(r"(?:\S*ld(?:\.\w+)?: ?(?:error: )?)(?P<file>[^:]+):(?P<line>\d+): (?P<message>.+)")
_LD = re.compile(
    r"(?:\S*ld: )?(?P<file>[^:]+):(?:(?P<line>\d+):)?(?:\(\S+\):)?"
    r" (?P<message>(?:undefined reference|multiple definition|relocation truncated).+)"
)


def diagnostics(text: str) -> Iterator[Diagnostic]:
    """The errors in what LLVM or GNU tools wrote; of one inside a macro, the outermost place that uses the macro."""
    lines = text.splitlines()
    for index, line in enumerate(lines):
        if match := _ERROR.fullmatch(line):
            uses = _until(_ERROR, lines[index + 1 :], _MACRO_USE)
            place = uses[-1] if uses else match
            yield Diagnostic(place["file"], int(place["line"]), int(place["column"] or 0), match["message"])
        elif match := _SCRIPT.fullmatch(line):
            yield Diagnostic(match["file"], int(match["line"]), 0, match["message"])
        elif match := _LLD.fullmatch(line):
            for place in _until(_LLD, lines[index + 1 :], _LLD_PLACE)[:1]:
                yield Diagnostic(place["file"], int(place["line"] or 0), 0, match["message"])
        elif match := _LD.fullmatch(line):
            yield Diagnostic(match["file"], int(match["line"] or 0), 0, match["message"])


def _until(end: re.Pattern[str], lines: Iterable[str], wanted: re.Pattern[str]) -> list[re.Match[str]]:
    """Those of `lines` that are `wanted`, up to the first that is `end`."""
    block = takewhile(lambda line: not end.fullmatch(line), lines)
    return [match for line in block if (match := wanted.match(line))]


def original(preprocessed: str, line: int) -> tuple[str, int]:
    """The file and line that line `line` of preprocessor output came from, by its `# LINE "FILE"` markers."""
    file, number = "", 1
    for text in preprocessed.splitlines()[: line - 1]:
        marker = re.match(r'# (\d+) "(.*)"', text)
        file, number = (marker[2], int(marker[1])) if marker else (file, number + 1)
    return file, number


def locate(path: Path, line: int, message: str) -> tuple[int, int]:
    """The line (any, if `line` is 0) and column of what `message` quotes in the source; else where the line begins."""
    try:
        lines = path.read_text(errors="replace").splitlines()
    except OSError:
        return line or 1, 1
    candidates = [line] if line else range(1, len(lines) + 1)
    quoted = re.findall(r"[`'](.+?)'", message) + re.findall(r"symbol: (\S+)", message)
    for number in candidates:
        text = lines[number - 1] if number <= len(lines) else ""
        for name in quoted:
            if found := re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text):
                return number, found.start() + 1
    text = lines[line - 1] if 0 < line <= len(lines) else ""
    return line or 1, len(text) - len(text.lstrip()) + 1


@contextmanager
def _signals_wait() -> Iterator[None]:
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM, signal.SIGHUP))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _run(command: Sequence[str], directory: Path, extra: dict[str, str]) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"LC_ALL": "C"} | extra
    process: subprocess.Popen[str] | None = None
    try:
        with _signals_wait():  # else one could come while it is there and we do not know it yet
            process = subprocess.Popen(
                command, cwd=directory, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                stderr=subprocess.PIPE, text=True, errors="surrogateescape", start_new_session=True,
            )  # fmt: skip
        out, err = process.communicate()
    except OSError as error:
        raise VmmError(f"cannot run {command[0]}: {error.strerror}") from error
    except BaseException:
        if process:
            with suppress(ProcessLookupError):  # a compiler has children, which write where all is to be removed
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        raise
    return subprocess.CompletedProcess(command, process.returncode, out, err)


_KIND = re.compile(r"(clang|gcc)(-[\d.]+)?$")
"""Of a compiler's name: whose options it takes."""


def _from_environment(target: Target) -> Tool | None:
    command = tuple(shlex.split(os.environ.get("VMM_CC", "")))
    if not command:
        return None
    if not shutil.which(command[0]):
        raise VmmError(f"VMM_CC: {command[0]}: no such program")
    kind = _KIND.search(command[0])
    if len(command) > 1 or not kind:  # who writes options writes all of them
        return Tool(command, _linker_of(command, "ld"))
    options, linker = (target.clang, "ld.lld") if kind[1] == "clang" else (target.gcc, "ld")
    return Tool((*command, *options), _linker_of(command, linker))


def _ziglang(target: Target) -> Tool | None:
    package = importlib.util.find_spec("ziglang")
    if package is None:
        return None
    zig = (sys.executable, "-m", "ziglang")
    # What is told of a header of its own says nothing of where this Python keeps it.
    places = [f"-ffile-prefix-map={path}=ziglang" for path in package.submodule_search_locations or ()]
    return Tool((*zig, "cc", *target.zig), (*zig, "ld.lld"), (*target.zig_c_flags, *places))


def _clang(target: Target) -> Tool | None:
    return _working(("clang", *target.clang), "ld.lld", target)


def _gcc(target: Target) -> Tool | None:
    return _working(("gcc", *target.gcc), "ld", target)


def _cross_gcc(target: Target) -> Tool | None:
    tools = (_working(command, "ld", target) for command in target.cross)
    return next((tool for tool in tools if tool), None)


CANDIDATES = (_from_environment, _ziglang, _clang, _gcc, _cross_gcc)


def _working(compiler: tuple[str, ...], linker: str, target: Target) -> Tool | None:
    """The tool, if it is installed, can build a program for `target`, and refuses what it must."""
    if not shutil.which(compiler[0]):
        return None
    tool = Tool(compiler, _linker_of(compiler, linker))
    if not shutil.which(tool.linker[0]):
        return None
    with scratch() as here:
        (here / "accepted.s").write_text(target.accepted)
        (here / "refused.s").write_text(target.refused)
        compiled = _run([*tool.compiler, "-c", "accepted.s", "-o", "accepted.o"], here, {})
        linked = _run([*tool.linker, *target.linker, "-static", "accepted.o", "-o", "accepted"], here, {})
        refused = _run([*tool.compiler, "-c", "refused.s", "-o", "refused.o"], here, {})
    return tool if compiled.returncode == linked.returncode == 0 != refused.returncode else None


def _linker_of(compiler: Sequence[str], name: str) -> tuple[str, ...]:
    """The linker that belongs to `compiler`, as it says itself."""
    return (_run([*compiler, f"-print-prog-name={name}"], Path.cwd(), {}).stdout.strip() or name,)
