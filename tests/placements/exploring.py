"""Explorations with each of their rows, and the guests that have a bug planted and mended."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
from pathlib import Path
from typing import NamedTuple
from unittest import mock

import vmm
from vmm.machine.explorer import Explorer
from vmm.toolchain import assemble

GUESTS = Path(__file__).parent / "guests"
ARCHITECTURES = ("x86", "arm64", "arm")
ADDS_ONE = """
#include "x86/guest.h"
    GUEST_PROTECTED32
{set_up}
    sti
    nop
begin:
    movl    n, %eax
add:
    incl    %eax
store:
    movl    %eax, n
end:
    nop
over:
    POWER_OFF
handler:
    incl    n
{end}
    iret
    VAR     n
"""
"""It and its handler add one to `n`: that of an interrupt at `add` or `store` is lost, and of no other."""


class Row(NamedTuple):
    """One placement, as far as two explorations of it must agree."""

    address: int
    insns: int
    more: int
    source: str
    cause: str
    """Empty: it is good. Without the details, which are those of the first run that ended in that way."""
    delivered: bool
    placements: int
    failing: int
    least: tuple[tuple[int, int, str], ...]


def explored(image, *, inject, **asked):
    """The report of `vmm.explore`, and the rows that it was made of."""
    sources = [inject] if isinstance(inject, str) else list(inject)
    rows = []
    tried = Explorer.tried

    def kept(explorer, boundaries):
        chunk = tried(explorer, boundaries)
        rows.extend(_row(each, sources, explorer._asked.kinds) for each in chunk)
        return chunk

    with mock.patch.object(Explorer, "tried", kept):
        report = vmm.explore(image, inject=inject, **asked)
    return report, rows


def _row(tried, sources, causes):
    at, choice = tried.first
    cause = causes[tried.outcome - 1].words.partition(":")[0] if tried.outcome else ""
    least = tuple((each.at.insns, each.at.more, sources[each.choice]) for each in tried.least)
    return Row(
        at.address, at.insns, at.more, sources[choice], cause, tried.delivered, tried.placements, tried.failing, least
    )


@functools.cache
def built(architecture, name, fixed=False):
    """The image of a guest, assembled once; `fixed`: with its bug mended."""
    source = GUESTS / architecture / f"{name}.S"
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    if fixed:
        mended = directory / source.name
        mended.write_text("#define FIXED\n" + source.read_text())
        source = mended
    return assemble(source, arch=architecture, out=directory / f"{name}.elf")


def asked_for(architecture, name, check=(), **more):
    """What `vmm.explore` is told of such a guest."""
    x86 = architecture == "x86"
    inject = {"lost_edge": "irq:5,edge" if x86 else "spi:5,edge"}.get(name, "irq:4" if x86 else "spi:5")
    board = "pc" + (",pit=off" if name != "lost_wakeup" else "") if x86 else "virt,gic=2"
    return {"inject": inject, "board": board, "between": ("begin", "end"), "until": "over", "check": check, **more}


def assembled(architecture, text):
    """The image of a guest whose source is `text`."""
    directory = Path(tempfile.mkdtemp())
    atexit.register(shutil.rmtree, directory)
    source = directory / "guest.S"
    source.write_text(text)
    return assemble(source, arch=architecture, out=directory / "guest.elf")
