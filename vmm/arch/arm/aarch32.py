"""What everybody may ask of ARMv7-A."""

from __future__ import annotations

from typing import TYPE_CHECKING

from vmm.arch.architecture import Architecture, Processor
from vmm.arch.arm import common
from vmm.arch.boot import Boot, Entry

if TYPE_CHECKING:
    from vmm.arch.target import Target
    from vmm.arch.words import ExceptionName
    from vmm.core.event import Event

NO_MACHINE_TYPE = 0xFFFFFFFF
"""In R1 for a kernel that is told everything by the device tree."""
CPU = "cortex-a15"


def program(pc: int, tree: int) -> Entry:
    """As Linux is entered (Documentation/arch/arm/booting.rst)."""
    return Entry("arm", 0, pc, {"r0": 0, "r1": NO_MACHINE_TYPE, "r2": tree})


def processor(text: str) -> Processor:
    from vmm.arch.arm import processor

    return processor.choose(text, CPU)


def int_line(event: Event, exception_name: ExceptionName) -> str:
    from vmm.arch.arm import int_line

    return int_line.aarch32(event, exception_name)


def target() -> Target:
    from vmm.arch.arm.targets import AARCH32

    return AARCH32


ARCHITECTURE = Architecture(
    name="arm",
    title="ARM",
    family=common.FAMILY,
    article="an",
    board=common.BOARD,
    cpu=CPU,
    cpu_prefix=common.CPU_PREFIX,
    number="INTID",
    irq="SPI",
    actions=common.ACTIONS,
    no_nmi=common.NO_NMI,
    boot=Boot(program, program, flat_offset=0x10000, device_tree=True, alignment=4, thumb=True),
    gears=("precise", "fast"),
    qemu="qemu-system-arm",
    qemu_registers=common.qemu_registers,
    proofs={"GICv2": "arm/first_isr", "GICv3": "arm/level_vs_edge"},
    processor=processor,
    words=common.words,
    traps=common.traps,
    dump=common.dump,
    int_line=int_line,
    target=target,
    debugger=common.debugger,
)
