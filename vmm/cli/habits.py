"""What people write first who know another tool: commands and options that vmm calls otherwise, or has not."""

from __future__ import annotations

import shlex
from collections.abc import Callable

from vmm.cli import qemu
from vmm.cli.qemu_words import GDB, SERIAL, SNAPSHOT, WORDS
from vmm.errors import nearest

LONG = 3
"""Letters of an option, its dash among them, up to which a likeness is chance."""
LISTING = ("--arch", "--all", "--filter", "--grep", "--board", "-a", "-l", "-v", "--verbose", "--long")
RUN = "vmm run IMAGE boots one"
OUTPUT = "the guest's serial port is standard output; --trace, --summary and --record write files"
ASM = "vmm asm FILE.S makes an image of sources, and vmm run FILE.S runs one as it is"

COMMANDS = {
    **dict.fromkeys(("boot", "start", "exec", "execute", "emulate", "emu", "launch", "load"), RUN),
    **dict.fromkeys(("debug", "gdb", "break", "attach", "monitor"), GDB),
    **dict.fromkeys(("test", "tests", "pytest", "robot"), "pytest runs tests, with vmm's fixtures: vmm help tests"),
    **dict.fromkeys(
        ("fuzz", "check", "inject"),
        "vmm explore IMAGE --inject irq:4 places interrupts everywhere in a window: vmm help exploring",
    ),
    **dict.fromkeys(("record", "rec", "save"), "vmm run IMAGE --record FILE writes a recording"),
    **dict.fromkeys(("trace", "log"), "vmm run IMAGE --trace FILE writes every event, and -d int a line for each"),
    **dict.fromkeys(("summary", "stats"), "vmm run IMAGE --summary FILE writes how the run ended"),
    **dict.fromkeys(("diff", "compare"), "vmm bisect A.vmmrec B.vmmrec finds where two recordings differ"),
    **dict.fromkeys(("build", "compile", "assemble", "as", "cc", "gcc", "nasm", "make", "link"), ASM),
    **dict.fromkeys(("init", "create", "scaffold", "template"), "vmm new NAME writes a guest, a scenario and tests"),
    **dict.fromkeys(("ls", "guests", "images", "examples", "show"), "vmm list shows the bundled guests"),
    **dict.fromkeys(("boards", "machines", "cpus"), "vmm help commands has the boards and CPUs"),
    **dict.fromkeys(("man", "manual", "docs", "doc", "tutorial", "info"), "vmm help lists the manual's pages"),
    **dict.fromkeys(("version", "-V", "-v"), "vmm --version says it"),
    "scenario": "vmm run IMAGE --scenario FILE runs scenarios",
    "snapshot": SNAPSHOT,
}
"""What is said instead, a line each."""

OPTIONS = {
    "--timeout": "--max-time TIME limits virtual time, --max-insns N instructions; the host's time is timeout(1)'s",
    **dict.fromkeys(("--time", "--limit"), "--max-time TIME limits virtual time, --max-insns N instructions"),
    **dict.fromkeys(
        ("-n", "--count", "--steps", "--max-steps", "--max-instructions", "--instructions", "--insns", "--icount"),
        "vmm says --max-insns N",
    ),
    **dict.fromkeys(("-v", "-vv", "--verbose"), "-d int has a line for each interrupt, --trace FILE every event"),
    **dict.fromkeys(("--debug", "--gdb-port", "--gdbserver", "--step", "--stop-at-entry"), GDB),
    **dict.fromkeys(("-b", "--break", "--breakpoint", "-ex", "--eval"), GDB),
    **dict.fromkeys(("-q", "--silent", "--batch"), "vmm says --quiet"),
    **dict.fromkeys(("--ram", "--mem"), "vmm says --memory SIZE, such as 64M"),
    **dict.fromkeys(("--cmdline", "--args", "--bootargs", "-a"), "vmm says --append STR"),
    **dict.fromkeys(("--module", "--modules"), "vmm says --initrd PATH, once for each"),
    **dict.fromkeys(("--gic", "--gic-version"), "vmm says --board virt,gic=3"),
    **dict.fromkeys(("--cpus", "--vcpus", "--cores"), "vmm says --smp N"),
    **dict.fromkeys(("--script", "--python", "-x", "-e", "-c"), "vmm says --scenario FILE, a Python file"),
    **dict.fromkeys(
        ("--log", "--logfile", "--log-file", "-l"), "-d int is for standard error, --trace int:FILE for FILE"
    ),
    **dict.fromkeys(("-o", "--output", "--out"), OUTPUT),
    "--stdin": "vmm says --input -",
    **dict.fromkeys(("--interactive", "--tty", "-ti"), "vmm says -it"),
    **dict.fromkeys(("--address", "--base", "--org", "--offset"), "vmm says --load-address ADDR"),
    **dict.fromkeys(("--image", "--elf", "--file", "-f", "--bin"), "the image has no option before it: vmm run IMAGE"),
    **dict.fromkeys(("--uart", "--console"), SERIAL),
}
"""Of `vmm run`, besides QEMU's."""


def command(name: str, is_option: Callable[[str], bool]) -> str | None:
    """What is said to who asks for the command, or for an image, or an option of `vmm run`, without one."""
    if name in COMMANDS:
        return COMMANDS[name]
    if name.startswith(qemu.PROGRAM):
        return "vmm run takes QEMU's options, without the program's name"
    if qemu.word(name) or is_option(name):
        return f"a command comes first: vmm run {name} ..."
    return f"a command comes first: vmm run {shlex.quote(name)}" if _is_image(name) else None


def _is_image(name: str) -> bool:
    from vmm.catalog import find

    return find(name) is not None


def option(name: str) -> str | None:
    """What is said to who gives `vmm run` the option."""
    near = nearest(name, WORDS) if name[:2] != "--" and len(name) > LONG else None
    return OPTIONS.get(name) or (f"QEMU has no such option, either; did you mean -{near}?" if near else None)


def listing(name: str) -> str | None:
    """What is said to who gives `vmm list` the option."""
    return "vmm list ARCH|WORD lists some, vmm list all" if name in LISTING else None
