"""What everybody may ask of AArch64."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.arch.architecture import Architecture, Processor
from vmm.arch.arm import common
from vmm.arch.boot import Boot, Entry

if TYPE_CHECKING:
    from vmm.arch.target import Target
    from vmm.arch.words import ExceptionName
    from vmm.core.event import Event

CPU = "cortex-a57"


def program(pc: int, tree: int) -> Entry:
    """As Linux is entered (Documentation/arch/arm64/booting.rst)."""
    return Entry("arm64", 0, pc, {"x0": tree})


def processor(text: str) -> Processor:
    from vmm.arch.arm import processor

    return processor.choose(text, CPU)


def int_line(event: Event, exception_name: ExceptionName) -> str:
    from vmm.arch.arm import int_line

    return int_line.aarch64(event, exception_name)


def target() -> Target:
    from vmm.arch.arm.targets import AARCH64

    return AARCH64


ARCHITECTURE = Architecture(
    name="arm64",
    title="AArch64",
    family=common.FAMILY,
    article="an",
    board=common.BOARD,
    cpu=CPU,
    cpu_prefix=common.CPU_PREFIX,
    number="INTID",
    irq="SPI",
    actions=common.ACTIONS,
    no_nmi=common.NO_NMI,
    boot=Boot(program, program, flat_offset=0x80000, device_tree=True, alignment=4),
    gears=("precise", "fast"),
    qemu="qemu-system-aarch64",
    qemu_registers=common.qemu_registers,
    proofs={"GICv2": "arm64/first_isr", "GICv3": "arm64/daif_unmask"},
    processor=processor,
    words=common.words,
    traps=common.traps,
    dump=common.dump,
    int_line=int_line,
    target=target,
    debugger=common.debugger,
)
