"""Guests with something wrong about their interrupts, and what is found where they end."""

from __future__ import annotations

from pathlib import Path

import vmm

X86 = """#include "x86/guest.h"
#include "x86/ioapic.inc"
    GUEST_PROTECTED32
{body}
wait:
    hlt
    jmp wait
{rest}
    VAR count
"""
ARM = """#include "arm64/guest.h"
#include "virt/{gic}.inc"
    GUEST irq=handler
    GIC_INIT
{body}
wait:
    wfi
    b wait
{rest}
"""


def booted(folder: Path, source: str, **options) -> vmm.Machine:
    path = folder / "guest.S"
    path.write_text(source)
    return vmm.boot(path, console=None, **options)


def x86(folder: Path, body: str, rest: str = "", **options) -> vmm.Machine:
    return booted(folder, X86.format(body=body, rest=rest), board="pc,pit=off", **options)


def arm64(folder: Path, body: str, rest: str = "handler:", gic: str = "gicv2", **options) -> vmm.Machine:
    return booted(folder, ARM.format(gic=gic, body=body, rest=rest), board=f"virt,gic={gic[-1]}", **options)


def at(m: vmm.Machine, label: str) -> str:
    """The instruction count and the place where a label is reached first."""
    m.run(until=label)
    return f"insn {m.instructions} at {m.where(label)}"


def said(m: vmm.Machine, kind: str) -> list[str]:
    return [str(finding) for finding in m.findings() if finding.kind == kind]
