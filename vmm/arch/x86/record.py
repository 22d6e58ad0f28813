"""What everybody may ask of x86."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from vmm.arch.architecture import Architecture, Dump, Processor
from vmm.arch.boot import Boot, Entry

if TYPE_CHECKING:
    from vmm.arch.debugger import Debugger
    from vmm.arch.target import Target
    from vmm.arch.traps import Traps
    from vmm.arch.words import ExceptionName, Words
    from vmm.arch.x86.vcpu import X86
    from vmm.core.event import Event

MIB = 0x100000
SEGMENT = 0x10000
BOOT_SECTOR = 0x7C00
EXTENDED_BIOS_DATA = 0x9FC00
"""The first byte of what a PC's firmware keeps for itself below 640 KiB."""
AS_BIOS = {"eax": 0xAA55, "edx": 0x80, "esp": 0x6F04}
"""As SeaBIOS enters a boot sector: DL is the first hard disk, SS:SP its own stack below 7000h."""


def program(pc: int, tree: int) -> Entry:
    return Entry("protected32", 0, pc)


def flat(address: int, tree: int) -> Entry:
    """Below 1 MiB in real mode, as CS = 0 within the first 64 KiB and by paragraph above it."""
    if address >= MIB:
        return program(address, tree)
    if address < SEGMENT:
        return Entry("real", 0, address, AS_BIOS)
    return Entry("real", address >> 4, address & 0xF, AS_BIOS)


def processor(text: str) -> Processor:
    from vmm.arch.x86 import processor

    return processor.choose(text)


def words() -> Words:
    from vmm.arch.x86.words import WORDS

    return WORDS


def traps() -> Traps:
    from vmm.arch.x86.traps import TRAPS

    return TRAPS


def dump() -> Dump:
    from vmm.arch.x86 import dump

    return dump


def int_line(event: Event, exception_name: ExceptionName) -> str:
    from vmm.arch.x86 import int_line

    return int_line.line(event)


def qemu_registers(cpu: X86) -> Iterator[str]:
    from vmm.arch.x86 import qemu

    return qemu.registers(cpu)


def target() -> Target:
    from vmm.arch.x86.target import TARGET

    return TARGET


def debugger() -> Debugger:
    from vmm.arch.x86.debugger import DEBUGGER

    return DEBUGGER


ARCHITECTURE = Architecture(
    name="x86",
    title="x86",
    family="x86",
    article="an",
    board="pc",
    cpu="default",
    cpu_prefix="",
    number="vector",
    irq="IRQ",
    actions=frozenset({"NMIs", "messages to local APICs", "local APICs"}),
    no_nmi="",
    boot=Boot(program, flat, flat_offset=BOOT_SECTOR),
    gears=("precise", "fast"),
    qemu="qemu-system-x86_64",
    qemu_registers=qemu_registers,
    proofs={"8259A": "x86/first_isr"},
    processor=processor,
    words=words,
    traps=traps,
    dump=dump,
    int_line=int_line,
    target=target,
    debugger=debugger,
)
