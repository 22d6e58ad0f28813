"""ARM guests made of random bytes, and of random accesses to system registers, devices, firmware and host.

Handlers behind the vectors skip what faults and end what interrupts, so that a guest goes on to its limit. Encodings:
DDI0487 C6.2 (A64), DDI0406 A7.7, A8.8 and B9.3 (A32, T32); calls: DEN0022 (PSCI), Semihosting for AArch32 and AArch64.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from fuzz_noise import Kind, Noise

from vmm.boards import virt_tree
from vmm.boards.virt_tree import GICC, GICD, GICR, ITS, Region
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

Words = list[int]

RAM = virt_tree.RAM_BASE
VECTORS, TABLES, CODE, SECOND, ITS_MEMORY = (RAM + 0x10000 * n for n in (1, 2, 8, 9, 10))
"""`SECOND`: code of the second vCPU."""
CODE_WORDS = 400
SMALL, LARGE = 2 * MIB, 3072 * MIB
"""RAM that stray accesses miss, and RAM that hardly any misses."""
NOISE = 0x8000
"""Bytes of RAM from the start that are random."""

DEVICES = (
    GICD, GICD, GICC, virt_tree.GICV2M, ITS, Region(ITS.first + 0x10000, 0x10000), GICR,
    Region(GICR.first + 0x10000, 0x10000), Region(GICR.first + GICR.size, GICR.size), virt_tree.UART, virt_tree.RTC,
    virt_tree.FW_CFG, virt_tree.VIRTIO, virt_tree.TESTDEV, Region(GICD.first, 0x4000000), Region(0, 64 * MIB),
)  # fmt: skip
PSCI = (0x84000000, 0xC4000000)
CPU_ON, SYSTEM_OFF, SYSTEM_RESET, FUNCTIONS = 3, 8, 9, 0x18
OPERATIONS = 0x32
"""Semihosting's operations are below this number."""
MODES32 = (0x10, 0x11, 0x12, 0x13, 0x16, 0x17, 0x1A, 0x1B, 0x1F)


class ArmNoise(Noise):
    EXTREMES = (
        0, 1, 2, 3, 7, 0x10, 0x1F, 0x20, 0xFF, 0x3FF, 0x1000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 0x30D0198,
        RAM, RAM - 4, RAM + NOISE, VECTORS, TABLES, CODE, CODE + 1, SECOND, ITS_MEMORY, GICD.first, GICC.first,
    )  # fmt: skip

    def fields(self, *fields: tuple[int, int]) -> int:
        """Random bits: for each (width, shift) as many there."""
        return sum(self.getrandbits(width) << shift for width, shift in fields)

    def device(self) -> int:
        """An address in a device: a register's, more often one of the first, or any byte's."""
        region = self.choice(DEVICES)
        offset = self.randrange(min(self.choice((0x20, 0x100, 0x1000, region.size)), region.size))
        return region.first + (offset if self.likely(0.2) else offset & ~3)

    def address(self) -> int:
        return self.device() if self.likely(0.8) else self.value()

    def operation(self) -> int:
        """A semihosting call."""
        return self.randrange(OPERATIONS) if self.likely(0.9) else self.value()

    def function(self) -> int:
        """A PSCI call; those that end the run are rare."""
        function = self.randrange(FUNCTIONS)
        if function in (SYSTEM_OFF, SYSTEM_RESET) and self.likely(0.9):
            function = CPU_ON
        return self.choice(PSCI) + function if self.likely(0.9) else self.value()

    def argument(self) -> int:
        return self.choice((0, 1, 2, CODE, SECOND, self.value()))


# ---- A64 ----


def move64(register: int, value: int) -> Words:
    """MOVZ and MOVKs."""
    parts = ((half, value >> 16 * half & 0xFFFF) for half in range(4))
    return [0xD2800000 | register, *(0xF2800000 | half << 21 | part << 5 | register for half, part in parts if part)]


def store64(address: int, value: int) -> Words:
    return [*move64(1, address), *move64(0, value), 0xB9000020]


REGISTERS64 = (
    (0, 12, 11), (0, 12, 12), (0, 12, 8), (0, 12, 9), (0, 4, 6), (3, 14, 0), (3, 14, 2), (3, 14, 3), (0, 14, 1),
    (0, 4, 0), (0, 4, 1), (0, 4, 2), (0, 5, 2), (0, 6, 0), (0, 12, 0), (0, 12, 1), (3, 9, 12), (3, 9, 13), (0, 0, 0),
    (3, 4, 2), (4, 14, 0), (4, 14, 1), (4, 14, 2), (7, 14, 2), (4, 1, 1), (4, 12, 0), (3, 2, 4), (4, 12, 9),
)  # fmt: skip
"""op1, CRn, CRm of what this project implements or leans on: GIC, timers, exceptions, PMU, identity."""


def system64(chance: ArmNoise) -> Words:
    """MRS, MSR, SYS or SYSL of any encoding, every other time of a register that matters here."""
    fields = chance.fields((2, 19), (3, 16), (4, 12), (4, 8), (3, 5))
    if chance.likely(0.5):
        op1, crn, crm = chance.choice(REGISTERS64)
        fields = 3 << 19 | op1 << 16 | crn << 12 | crm << 8 | chance.fields((3, 5))
    elif chance.likely(0.3):  # cache and TLB maintenance
        fields = 1 << 19 | chance.choice((7, 8)) << 12 | chance.fields((3, 16), (4, 8), (3, 5))
    register = chance.choice((0, 0, 0, 31, chance.randrange(32)))
    return [*move64(0, chance.value()), 0xD5000000 | chance.fields((1, 21)) | fields | register]


def device64(chance: ArmNoise) -> Words:
    """A load or store of any width: plain, pair, exclusive or ordered, atomic, vector."""
    access = chance.choice((
        0x39000020 | chance.fields((2, 30), (2, 22)), 0x39000020 | chance.fields((2, 30), (1, 22)),
        0xA9000820 | chance.fields((1, 22)), 0x081F7C20 | chance.fields((2, 30), (1, 22), (1, 15), (1, 23)),
        0x38200020 | chance.fields((2, 30), (2, 22), (4, 12)), 0x3D000020 | chance.fields((2, 30), (2, 22)),
    ))  # fmt: skip
    value = chance.getrandbits(64) if chance.likely(0.3) else chance.value()
    return [*move64(1, chance.address()), *move64(0, value), access]


def call64(chance: ArmNoise) -> Words:
    """Semihosting, or firmware by any of SVC, HVC and SMC."""
    if chance.likely(0.3):
        return [*move64(0, chance.operation()), *move64(1, chance.value()), 0xD45E0000]
    arguments = [word for register in (1, 2, 3) for word in move64(register, chance.argument())]
    immediate = chance.fields((16, 5)) if chance.likely(0.1) else 0
    return [*move64(0, chance.function()), *arguments, 0xD4000001 + chance.randrange(3) | immediate]


def state64(chance: ArmNoise) -> Words:
    """ERET, hints, barriers, MSR immediate, BRK, HLT, exclusives, short branches, RET, BR."""
    return [chance.choice((
        0xD69F03E0, 0xD503201F | chance.fields((3, 5)), 0xD503201F | chance.fields((7, 5)), 0xD50342FF,
        0xD500401F | chance.fields((3, 16), (4, 8), (3, 5)), 0xD503309F | chance.fields((4, 8), (3, 5)), 0xD4200000,
        0xD4400000, 0xC85F7C20, 0xC8027C20, 0x14000000 | chance.randrange(8), 0xD65F03C0, 0xD61F0000,
    ))]  # fmt: skip


ERET64 = (0xD69F03E0,)
SKIP64 = (0xD538403E, 0x910013DE, 0xD518403E, *ERET64)
"""mrs x30, elr_el1; add x30, x30, #4; msr elr_el1, x30; eret"""
END64 = {
    2: (0xD2A1003E, 0xB9400FDD, 0xB90013DD, *ERET64),
    3: (0xD538CC1D, 0xD518CC3D, 0xD538C81D, 0xD518C83D, *ERET64),
}
"""GICv2: mov x30, #0x8010000; ldr w29, [x30, #0xc]; str w29, [x30, #0x10]; eret. GICv3: mrs x29, icc_iar1_el1;
msr icc_eoir1_el1, x29; the same of group 0; eret"""


def vectors64(gic: int, level: int) -> bytes:
    """The table of an exception level, DDI0487 table D1-7: each of its groups is synchronous, IRQ, FIQ, SError."""
    op1 = (0, 0, 4, 6)[level] << 16
    skip = tuple(word | op1 if word >> 24 == 0xD5 else word for word in SKIP64)
    group = b"".join(pack32(words).ljust(0x80, b"\0") for words in (skip, END64[gic], END64[gic], ERET64))
    return group * 4


def translate64(chance: ArmNoise) -> bytes:
    """A level 1 table of 1 GiB blocks: devices and RAM where they are, the rest noise."""
    blocks = [(entry << 30 | 0x401 | chance.fields((3, 5), (2, 53))) for entry in range(4)]
    return b"".join(word.to_bytes(8, "little") for word in (*blocks, *(chance.getrandbits(64) for _ in range(508))))


# ---- A32 and T32; T32's words have the first halfword on top, those below 10000h have one ----


def move32(register: int, value: int) -> Words:
    """MOVW, MOVT."""
    halves = ((0xE3000000, value & 0xFFFF), (0xE3400000, value >> 16 & 0xFFFF))
    return [op | half >> 12 << 16 | register << 12 | half & 0xFFF for op, half in halves]


def move16(register: int, value: int) -> Words:
    halves = ((0xF2400000, value & 0xFFFF), (0xF2C00000, value >> 16 & 0xFFFF))
    return [
        op | half >> 12 << 16 | (half >> 11 & 1) << 26 | (half >> 8 & 7) << 12 | register << 8 | half & 0xFF
        for op, half in halves
    ]


def store32(address: int, value: int) -> Words:
    return [*move32(1, address), *move32(0, value), 0xE5810000]


def store16(address: int, value: int) -> Words:
    return [*move16(1, address), *move16(0, value), 0xF8C10000]


REGISTERS32 = (
    (0, 14, 0), (0, 14, 1), (0, 14, 2), (0, 14, 3), (0, 12, 8), (0, 12, 9), (0, 12, 11), (0, 12, 12), (0, 4, 6),
    (0, 5, 0), (0, 6, 0), (0, 12, 0), (0, 12, 1), (0, 9, 12), (0, 9, 13), (0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 2, 0),
    (0, 3, 0), (0, 13, 0), (0, 7, 5), (0, 7, 8), (0, 7, 10), (0, 8, 3), (0, 8, 7), (0, 10, 2),
)  # fmt: skip
"""opc1, CRn, CRm of CP15, as REGISTERS64."""


def coprocessor(chance: ArmNoise) -> int:
    """MRC, MCR, MRRC, MCRR of CP15 and CP14; the same word in A32 and T32."""
    number = 14 if chance.likely(0.1) else 15
    register = chance.choice((0, 0, 0, 15, chance.randrange(16)))
    if chance.likely(0.2):
        crm = chance.choice((14, 12, chance.randrange(16)))
        fields = chance.fields((1, 20), (4, 16), (3, 4)) | register << 12 | number << 8 | crm
        return 0xEC400000 | fields
    opc1, crn, crm = chance.choice(REGISTERS32)
    if chance.likely(0.5):
        opc1, crn, crm = chance.getrandbits(3), chance.getrandbits(4), chance.getrandbits(4)
    fields = opc1 << 21 | crn << 16 | register << 12 | number << 8 | crm
    return 0xEE000010 | fields | chance.fields((1, 20), (3, 5))


def system32(chance: ArmNoise) -> Words:
    return [*move32(0, chance.value()), coprocessor(chance)]


def system16(chance: ArmNoise) -> Words:
    return [*move16(0, chance.value()), coprocessor(chance)]


def device32(chance: ArmNoise) -> Words:
    """A load or store of any width: plain, doubleword, multiple, exclusive, swap."""
    access = chance.choice((
        0xE5810000 | chance.fields((1, 20), (1, 22)), 0xE1C100B0 | chance.fields((1, 20), (2, 5)),
        0xE1C120D0 | chance.fields((1, 5)), 0xE8810005 | chance.fields((1, 20)), 0xE1910F9F | chance.fields((2, 21)),
        0xE1812F90 | chance.fields((2, 21)), 0xE1012090 | chance.fields((1, 22)),
    ))  # fmt: skip
    return [*move32(1, chance.address()), *move32(0, chance.value()), access]


def device16(chance: ArmNoise) -> Words:
    access = chance.choice((
        0xF8810000 | chance.fields((3, 20), (1, 24)), 0xE9C10200 | chance.fields((1, 20)),
        0xE8810005 | chance.fields((1, 20)), 0xE8510F00, 0xE8410200, 0x6008, 0x6808, 0x7008, 0x7808, 0x8008, 0x8808,
    ))  # fmt: skip
    return [*move16(1, chance.address()), *move16(0, chance.value()), access]


def call32(chance: ArmNoise) -> Words:
    """As call64."""
    if chance.likely(0.3):
        return [*move32(0, chance.operation()), *move32(1, chance.value()), 0xEF123456]
    arguments = [word for register in (1, 2, 3) for word in move32(register, chance.argument())]
    svc, hvc = 0xEF000000 | chance.fields((8, 0)), 0xE1400070 | chance.fields((4, 0))
    call = chance.choice((svc, 0xE1400070, 0xE1600070, hvc))
    return [*move32(0, chance.function()), *arguments, call]


def call16(chance: ArmNoise) -> Words:
    if chance.likely(0.3):
        return [*move16(0, chance.operation()), *move16(1, chance.value()), 0xDFAB]
    arguments = [word for register in (1, 2, 3) for word in move16(register, chance.argument())]
    call = chance.choice((0xDF00 | chance.fields((8, 0)), 0xF7E08000, 0xF7F08000))
    return [*move16(0, chance.function()), *arguments, call]


def state32(chance: ArmNoise) -> Words:
    """CPS, MSR and MRS of CPSR and SPSR, RFE, SRS, SUBS PC, BX, hints, barriers, BKPT, exclusives, SETEND."""
    mode = chance.choice(MODES32)
    return [*move32(0, chance.value() & ~0x1F | mode), chance.choice((
        0xF1000000 | chance.fields((3, 17), (3, 6)) | mode, 0xE129F000, 0xE169F000, 0xE10F0000, 0xE14F0000,
        0xF8900A00 | chance.fields((2, 23), (1, 21)), 0xF84D0500 | chance.fields((2, 23), (1, 21)) | mode, 0xE25EF000,
        0xE25EF004, 0xE1B0F00E, 0xE12FFF10, 0xE320F000 | chance.fields((3, 0)), 0xF57FF04F | chance.fields((2, 4)),
        0xE1200070, 0xF57FF01F, 0xE1901F9F, 0xE1802F91, 0xF1010000 | chance.fields((1, 9)), 0xE8FD8000, 0xEAFFFFFF,
    ))]  # fmt: skip


def state16(chance: ArmNoise) -> Words:
    """As state32, and IT with its block."""
    mode = chance.choice(MODES32)
    if chance.likely(0.4):
        block = [chance.choice((0xBF00, 0x3001, 0x6808, 0xDF01, 0xBF30, 0x4770, 0xBE00, 0xE7FE, chance.getrandbits(16)))
                 for _ in range(4)]  # fmt: skip
        return [0xBF00 | chance.fields((4, 4)) | chance.randint(1, 15), *block]
    return [*move16(0, chance.value() & ~0x1F | mode), chance.choice((
        0xB660 | chance.fields((1, 4), (3, 0)), 0xF3AF8000 | chance.fields((8, 0)), 0xF3808900, 0xF3908900, 0xF3EF8000,
        0xE990C000 | chance.fields((1, 21)), 0xE80DC000 | chance.fields((1, 21)) | mode, 0xF3DE8F00, 0xF3DE8F04, 0x4700,
        0xBF00 | chance.randrange(5) << 4, 0xF3BF8F4F | chance.fields((2, 4)), 0xBE00, 0xE8501F00, 0xE8401200, 0xB650,
    ))]  # fmt: skip


END32 = {
    2: (0xE3A0E302, 0xE28EE801, 0xE59E800C, 0xE58E8010),
    3: (0xEE1C8F1C, 0xEE0C8F3C, 0xEE1C8F18, 0xEE0C8F38),
}
"""GICv2: mov lr, #0x8000000; add lr, lr, #0x10000; ldr r8, [lr, #0xc]; str r8, [lr, #0x10]. GICv3: ICC_IAR1, EOIR1,
IAR0 and EOIR0 by r8."""


def vectors32(gic: int) -> bytes:
    """Eight branches (DDI0406 B1.8.1), then the handler of IRQ and FIQ, which keeps LR in R9."""
    enter = (0xE1A0900E, *END32[gic], 0xE259F004)  # mov r9, lr; ...; subs pc, r9, #4
    branches = (0xEAFFFFFE, 0xE1B0F00E, 0xE1B0F00E, 0xE1B0F00E, 0xE25EF004, 0xE1B0F00E, 0xEA000000, 0xEAFFFFFF)
    # undefined, SVC, prefetch abort: movs pc, lr; data abort: subs pc, lr, #4; IRQ, FIQ: b enter
    return pack32((*branches, *enter))


def translate32(chance: ArmNoise) -> bytes:
    """1 MiB sections where they are, some of them noise (DDI0406 B3.5.1)."""
    sections = (chance.getrandbits(32) if chance.likely(0.02) else entry << 20 | 0xC02 for entry in range(4096))
    return pack32(list(sections))


def pack32(words: Sequence[int]) -> bytes:
    return b"".join(word.to_bytes(4, "little") for word in words)


def pack16(words: Sequence[int]) -> bytes:
    halves = (half for word in words for half in ((word >> 16, word & 0xFFFF) if word >> 16 else (word,)))
    return b"".join(half.to_bytes(2, "little") for half in halves)


# ---- a case ----

Part = Callable[[ArmNoise], Words]


class Instructions(NamedTuple):
    """An instruction set: how to write it, and the sources of a biased program."""

    pack: Callable[[Sequence[int]], bytes]
    move: Callable[[int, int], Words]
    store: Callable[[int, int], Words]
    system: Part
    device: Part
    call: Part
    state: Part
    setup: Callable[[], Words]
    """VBARs to the vectors."""
    mmu_on: Callable[[], Words]
    cpu_interface: Sequence[int]
    """GICv3's: priority mask and group enables from register 14."""
    unmask: int
    hvc: int
    loop: Callable[[int], Words]
    """A branch back over so many bytes."""


def noise(chance: ArmNoise) -> Words:
    return [chance.getrandbits(32)]


def setup64() -> Words:
    """Those of levels above the present one are undefined, so the first one's handlers skip them."""
    rows = ((0, VECTORS), (4, VECTORS + 0x800), (6, VECTORS + 0x1000))
    return [word for op1, at in rows for word in (*move64(0, at), 0xD518C000 | op1 << 16)]


def mmu_on64() -> Words:
    """TTBR0, TCR, MAIR, SCTLR.M, ISB: 4 KiB granule, 39 bits of address."""
    registers = ((0xD5182000, TABLES), (0xD5182040, 0x1_0080_3519), (0xD518A200, 0xFFFF0000))
    words = [word for msr, value in registers for word in (*move64(0, value), msr)]
    return [*words, 0xD5381000, 0xB2400000, 0xD5181000, 0xD5033FDF]


def mmu_on32() -> Words:
    """TTBR0, DACR, SCTLR.M: short descriptors."""
    return [*move32(0, TABLES), 0xEE020F10, *move32(0, 1), 0xEE030F10, 0xEE110F10, 0xE3800001, 0xEE010F10]


def mmu_on16() -> Words:
    return [*move16(0, TABLES), 0xEE020F10, *move16(0, 1), 0xEE030F10, 0xEE110F10, 0xF0400001, 0xEE010F10]


A64 = Instructions(
    pack32, move64, store64, system64, device64, call64, state64, setup64, mmu_on64,
    cpu_interface=(0xD518460E, 0xD518CCEE, 0xD518CCCE), unmask=0xD50342FF, hvc=0xD4000002,
    loop=lambda back: [0x14000000 | -(back // 4) & 0x3FFFFFF],
)  # fmt: skip
A32 = Instructions(
    pack32, move32, store32, system32, device32, call32, state32, lambda: [*move32(0, VECTORS), 0xEE0C0F10], mmu_on32,
    cpu_interface=(0xEE04EF16, 0xEE0CEFFC, 0xEE0CEFDC), unmask=0xF10800C0, hvc=0xE1400070,
    loop=lambda back: [0xEA000000 | -(back // 4) - 2 & 0xFFFFFF],
)  # fmt: skip
T32 = Instructions(
    pack16, move16, store16, system16, device16, call16, state16, lambda: [*move16(0, VECTORS), 0xEE0C0F10], mmu_on16,
    cpu_interface=A32.cpu_interface, unmask=0xB663, hvc=0xF7E08000,
    loop=lambda back: [0xE000 | -(back // 2) - 2 & 0x7FF],
)  # fmt: skip

GIC_ON = {
    2: ((GICD.first, 3), (GICC.first, 3), (GICC.first + 4, 0xFF)),
    3: ((GICD.first, 0x13), (GICR.first + 0x14, 0), (GICR.first + 0x10100, 0xFFFFFFFF)),
}
"""Addresses and values that let interrupts through: distributor, CPU interface or redistributor."""
ITS_ON = (
    (ITS.first + 0x80, ITS_MEMORY | 0xF), (ITS.first + 0x84, 0x80000000), (ITS.first, 1), (ITS.first + 0x88, 0x400),
)  # fmt: skip
"""GITS_CBASER, GITS_CTLR and GITS_CWRITER: a queue of 64 KiB with 32 commands to do."""


def gic_of(machine: Machine) -> int:
    return 3 if "gic=3" in machine.config.board else 2


def prelude(machine: Machine, chance: ArmNoise, code: Instructions) -> Words:
    """Vectors, and here and there interrupts, translation and the second vCPU."""
    gic = gic_of(machine)
    stores = [*GIC_ON[gic], *(ITS_ON if gic == 3 else ())]
    stores += [(GICD.first + 0x100 + 4 * bank, 0xFFFFFFFF) for bank in range(9)]
    words = [*code.setup(), *(word for row in stores if chance.likely(0.9) for word in code.store(*row))]
    if gic == 3:
        words += [*code.move(14, 0xFF), *code.cpu_interface]
    if chance.likely(0.3):
        words += code.mmu_on()
    if chance.likely(0.7):
        words.append(code.unmask)
    if machine.config.smp > 1:
        for register, value in enumerate((PSCI[0] + CPU_ON, 1, SECOND | (code is T32), 0)):
            words += code.move(register, value)
        words.append(code.hvc)
    return words


def program(machine: Machine, chance: ArmNoise, code: Instructions, parts: Sequence[Part], privileged: bool) -> bytes:
    """Endless: the parts in any order, again and again."""
    words = prelude(machine, chance, code) if privileged else []
    begin = code.pack(words)
    while len(words) < CODE_WORDS:
        words += chance.choice(parts)(chance)
    body = code.pack(words)
    return body + code.pack(code.loop(len(body) - len(begin)))


def fill(machine: Machine, chance: ArmNoise, code: Instructions, parts: Sequence[Part]) -> None:
    """Noise at the bottom of RAM, vectors, page tables, programs for two vCPUs and values in the registers."""
    gic, wide, cpu = gic_of(machine), code is A64, machine.cpu
    privileged = chance.likely(0.8)
    machine.memory.write(RAM, chance.randbytes(NOISE))
    machine.memory.write(ITS_MEMORY, its_commands(chance))
    machine.memory.write(TABLES, translate64(chance) if wide else translate32(chance))
    for level in (1, 2, 3) if wide else (1,):
        at = VECTORS + 0x800 * (level - 1)
        machine.memory.write(at, vectors64(gic, level) if wide else vectors32(gic))
        cpu[f"vbar_el{level}" if wide else "vbar"] = at
    for at in (CODE, SECOND):
        machine.memory.write(at, program(machine, chance, code, parts, privileged))
    for register in range(13):
        cpu[f"{'x' if wide else 'r'}{register}"] = chance.address()
    cpu["sp"] = chance.choice((RAM + NOISE, RAM + NOISE, chance.value()))
    cpu["pc"] = CODE | (code is T32)
    if not privileged:
        cpu["pstate" if wide else "cpsr"] = 0 if wide else 0x10 | (code is T32) << 5


def its_commands(chance: ArmNoise) -> bytes:
    """32-byte commands with numbers that exist and ones that do not (IHI0069 5.13)."""
    queue = bytearray()
    for _ in range(64):
        command = chance.choice((1, 3, 4, 5, 8, 9, 10, 11, 12, 13, 14, 15, chance.getrandbits(8)))
        words = [command | chance.getrandbits(3) << 32, chance.getrandbits(4) | 8192 + chance.getrandbits(4) << 32]
        words += [1 << 63 | ITS_MEMORY + 0x2000 + (chance.getrandbits(3) << 8) | chance.getrandbits(2), 0]
        words = [chance.getrandbits(64) if chance.likely(0.05) else word for word in words]
        queue += b"".join(word.to_bytes(8, "little") for word in words)
    return bytes(queue)


# ---- kinds ----


def sources(code: Instructions, biased: bool, only: Part) -> Sequence[Part]:
    """`only` this; `biased`: mostly it, and all else."""
    return (only, only, only, code.system, code.device, code.call, code.state, noise) if biased else (only,)


def a64_code(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A64, sources(A64, biased, noise))


def a64_system(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A64, sources(A64, biased, system64))


def a64_devices(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A64, sources(A64, biased, device64))


def a64_calls(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A64, sources(A64, biased, call64))


def a32_code(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A32, sources(A32, biased, noise))


def a32_system(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A32, sources(A32, biased, system32))


def a32_devices(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A32, sources(A32, biased, device32))


def a32_calls(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, A32, sources(A32, biased, call32))


def t32_code(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, T32, sources(T32, biased, noise))


def t32_mixture(machine: Machine, chance: ArmNoise, biased: bool) -> None:
    fill(machine, chance, T32, sources(T32, biased, state16))


def configure(chance: Noise, cpus: Sequence[str], options: Sequence[str]) -> Config:
    board = f"virt,gic={chance.choice((2, 3))},quantum={chance.choice((1, 3, 100, 1000))}{chance.choice(options)}"
    ram, smp = chance.choice((SMALL, LARGE)), chance.choice((1, 2))
    return Config(board=board, cpu=chance.choice(cpus), memory=ram, smp=smp, seed=chance.getrandbits(2), console=None)


def configure64(chance: Noise) -> Config:
    levels = ("", "", "", ",virtualization=on", ",secure=on", ",virtualization=on,secure=on")
    return configure(chance, ("cortex-a57", "cortex-a53", "max"), levels)


def configure32(chance: Noise) -> Config:
    return configure(chance, ("cortex-a15", "cortex-a7"), ("",))


def stimulate(machine: Machine, chance: Noise) -> None:
    line = machine.irq(chance.randrange(256))
    match chance.randrange(6):
        case 0:
            line.pulse()
        case 1:
            line.raise_()
        case 2:
            line.lower()
        case 3:
            machine.inject(chance.randrange(256))
        case 4:
            chance.choice(machine.cpus).serror(chance.getrandbits(25))


KINDS = (
    *(Kind(ArmNoise, configure64, prepare, stimulate) for prepare in (a64_code, a64_system, a64_devices, a64_calls)),
    *(Kind(ArmNoise, configure32, prepare, stimulate) for prepare in (a32_code, a32_system, a32_devices, a32_calls)),
    *(Kind(ArmNoise, configure32, prepare, stimulate) for prepare in (t32_code, t32_mixture)),
)
