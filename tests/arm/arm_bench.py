"""A machine put straight into a state, with every vector a `b .` of its own at a known address.

One step after an event leaves PC on the vector that was reached. Vector tables, stacks and translation tables lie where
the constants say; memory is not translated unless a test calls `paging`. Group 0 interrupts are FIQs, group 1's IRQs,
with either GIC. Source: DDI0487 D1.10 and D5.3 for AArch64, DDI0406 B1.8 and B3.5 for ARMv7-A.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from arm.opcodes import a32, a64, t32
from vmm.core.native import lib
from vmm.core.stops import Stop
from vmm.machine.config import Config
from vmm.machine.machine import Machine
from vmm.trace import Event

# ---- where things lie ----

RAM, RAM_SIZE = 0x40000000, 0x400000
CODE = 0x40010000
VECTORS = {1: 0x40020000, 2: 0x40021000, 3: 0x40022000}
"""VBAR_ELx by exception level; AArch32's VBAR is the first."""
STACK64 = {0: 0x40030000, 1: 0x40031000, 2: 0x40032000, 3: 0x40033000}
"""SP_ELx by exception level."""
DATA = 0x40050000
ROOT, TABLES = 0x40100000, 0x40101000
"""Translation tables: the first level, and room for those it points to."""
HIGH_VECTORS = 0xFFFF0000

# ---- interrupts ----

PIN, FIQ_PIN = 40, 41
"""SPIs that nothing else drives."""
INTID, FIQ_INTID = 32 + PIN, 32 + FIQ_PIN
TESTDEV = 0x0B000000

# ---- PSTATE and CPSR ----

F, I, A, D = 1 << 6, 1 << 7, 1 << 8, 1 << 9  # noqa: E741
AIF, DAIF = F | I | A, F | I | A | D
SS, IL, NZCV, T, E = 1 << 21, 1 << 20, 0xF << 28, 1 << 5, 1 << 9
EL0, EL1T, EL1H, EL2H, EL3H = 0, 4, 5, 9, 13

MODES = {"usr": 0x10, "fiq": 0x11, "irq": 0x12, "svc": 0x13, "abt": 0x17, "und": 0x1B, "sys": 0x1F}
STACK32 = {name: 0x40030000 + 0x1000 * number for number, name in enumerate(MODES)}
"""SP by mode; System mode has User mode's."""
STACK32["sys"] = STACK32["usr"]

# ---- offsets in the vector tables: DDI0487 table D1-6, DDI0406 table B1-3 ----

EL1T_GROUP, ELXH_GROUP, LOWER_A64 = 0x000, 0x200, 0x400
SYNC, IRQ, FIQ, SERROR = 0x000, 0x080, 0x100, 0x180
UNDEFINED32, SVC32, PREFETCH32, DATA32, IRQ32, FIQ32 = 0x04, 0x08, 0x0C, 0x10, 0x18, 0x1C

# ---- ESR_ELx.EC: DDI0487 D13.2.37 ----

UNKNOWN, ILLEGAL, SVC, HVC, SMC, SYSREG = 0x00, 0x0E, 0x15, 0x16, 0x17, 0x18
FETCH_LOWER, FETCH, PC_ALIGNMENT, DATA_LOWER, DATA_ABORT, SP_ALIGNMENT, SERROR_CLASS, BRK = (
    0x20, 0x21, 0x22, 0x24, 0x25, 0x26, 0x2F, 0x3C,
)  # fmt: skip


def syndrome(ec: int, iss: int = 0) -> int:
    """ESR_ELx of an exception by a 32-bit instruction."""
    return ec << 26 | 1 << 25 | iss


class Access(NamedTuple):
    """The registers of a GIC that a bench writes, by offset."""

    ctlr: int = 0x000
    group: int = 0x080
    enable: int = 0x100
    priority: int = 0x400
    targets: int = 0x800
    router: int = 0x6000


GICD = Access()
GICC_CTLR, GICC_PMR, BOTH_GROUPS, FIQ_EN = 0, 4, 3, 8
SGI_FRAME = 0x10000


class ArmBench:
    """A machine and how to look at it; what is common to both architectures."""

    def __init__(self, code: bytes, *, cpu: str, gic: int, board: str, smp: int, gear: str) -> None:
        self.gic_version = gic
        self.machine = Machine(Config(board=f"virt,gic={gic}{board}", cpu=cpu, smp=smp, memory=RAM_SIZE, gear=gear))
        self.native = self.machine._native
        self.cpu: Any = self.machine.cpu
        self.memory = self.machine.memory
        self.memory.write(CODE, code)
        self._open_gic(smp)

    # ---- events ----

    def _open_gic(self, cpus: int) -> None:
        lib.vmm_gic_dist_write(self.native, 0, GICD.ctlr, 4, BOTH_GROUPS)
        for cpu in range(cpus):
            if self.gic_version == 2:
                lib.vmm_gic_cpu_write(self.native, cpu, GICC_CTLR, 4, BOTH_GROUPS | FIQ_EN)
                lib.vmm_gic_cpu_write(self.native, cpu, GICC_PMR, 4, 0xFF)
                continue
            for register, value in ((lib.VMM_ICC_PMR, 0xFF), (lib.VMM_ICC_IGRPEN0, 1), (lib.VMM_ICC_IGRPEN1, 1)):
                lib.vmm_gic_icc_write(self.native, cpu, register, 1, value)

    def _gic_write(self, cpu: int, intid: int, offset: int, size: int, value: int) -> None:
        if self.gic_version == 3 and intid < 32:
            lib.vmm_gic_redist_write(self.native, cpu * 2 * SGI_FRAME + SGI_FRAME + offset, size, value)
        else:
            lib.vmm_gic_dist_write(self.native, cpu, offset, size, value)

    def enable(self, intid: int, *, fiq: bool = False, priority: int = 0xA0, cpu: int = 0) -> None:
        """Let an interrupt through, to vCPU `cpu`, as an IRQ or FIQ."""
        word, bit = 4 * (intid // 32), 1 << intid % 32
        if not fiq:
            self._gic_write(cpu, intid, GICD.group + word, 4, self._group_word(cpu, intid) | bit)
        self._gic_write(cpu, intid, GICD.priority + intid, 1, priority)
        if intid >= 32 and self.gic_version == 2:
            self._gic_write(cpu, intid, GICD.targets + intid, 1, 1 << cpu)
        elif intid >= 32:
            self._gic_write(cpu, intid, GICD.router + 8 * intid, 8, cpu)
        self._gic_write(cpu, intid, GICD.enable + word, 4, bit)

    def _group_word(self, cpu: int, intid: int) -> int:
        offset = GICD.group + 4 * (intid // 32)
        if self.gic_version == 3 and intid < 32:
            return int(lib.vmm_gic_redist_read(self.native, cpu * 2 * SGI_FRAME + SGI_FRAME + offset, 4))
        return int(lib.vmm_gic_dist_read(self.native, cpu, offset, 4))

    def raise_irq(self) -> None:
        """Hold PIN high: INTID is pending as an IRQ."""
        self.enable(INTID)
        self.machine.irq(PIN).raise_()

    def raise_fiq(self) -> None:
        """Hold FIQ_PIN high: FIQ_INTID is pending as a FIQ, of a higher priority than INTID."""
        self.enable(FIQ_INTID, fiq=True, priority=0x80)
        self.machine.irq(FIQ_PIN).raise_()

    # ---- running and looking ----

    def step(self, count: int = 1) -> Stop:
        """Let `count` more instructions begin; events at their boundaries are delivered on the way."""
        return self.machine.run(insns=count)

    @property
    def deliveries(self) -> list[Event]:
        return [event for event in self.machine.trace.last(4096) if event.kind == "delivered"]

    @property
    def numbers(self) -> list[int]:
        """INTIDs and exception classes delivered so far, in order."""
        return [event.number for event in self.deliveries]

    def registers(self, **values: int) -> None:
        for name, value in values.items():
            self.cpu[name] = value

    def write(self, address: int, *words: int, size: int = 4) -> None:
        self.memory.write(address, b"".join(word.to_bytes(size, "little") for word in words))


class Arm64Bench(ArmBench):
    """An AArch64 vCPU about to execute `code` at CODE in the state `pstate`."""

    def __init__(
        self,
        code: bytes,
        pstate: int = EL1H | DAIF,
        *,
        cpu: str = "cortex-a57",
        gic: int = 2,
        board: str = "",
        smp: int = 1,
        gear: str = "fast",
        **registers: int,
    ) -> None:
        super().__init__(code + a64("b #0"), cpu=cpu, gic=gic, board=board, smp=smp, gear=gear)
        highest = self.cpu.el
        for level in range(1, highest + 1):
            self.registers(**{f"vbar_el{level}": VECTORS[level]})
            self.memory.write(VECTORS[level], a64("b #0") * 0x200)
        for level in range(highest, -1, -1):
            self.cpu["pstate"] = level << 2 | (level > 0)
            self.cpu["sp"] = STACK64[level]
        self.cpu["pstate"] = pstate
        self.registers(pc=CODE, **registers)

    def system(self, op0: int, op1: int, crn: int, crm: int, op2: int, value: int) -> None:
        """Write a system register that has no name yet."""
        lib.vmm_arm_system_set(self.native.vcpus[0], op0, op1, crn, crm, op2, value)

    def paging(self, *, sctlr: int = 1, **pages: int) -> None:
        """Identity-map RAM by 4 KB pages at EL1&0 and switch the MMU on, with SCTLR_EL1 bits besides RES1."""
        self.write(ROOT, *(TABLES | 3 if n == 1 else 0 for n in range(512)), size=8)
        blocks = [TABLES + 0x1000 * (n + 1) | 3 for n in range(2)]
        self.write(TABLES, *blocks, *[0] * 510, size=8)
        for page in range(1024):
            self.page(RAM + 0x1000 * page, PAGE_EL0)
        self.page(VECTORS[1], PAGE_EL1)
        self.registers(mair_el1=0xFF, ttbr0_el1=ROOT, tcr_el1=25 | 1 << 23, sctlr_el1=SCTLR_RES1 | sctlr)

    def page(self, address: int, attributes: int) -> None:
        """The third-level entry of the page at `address`; attributes 0: none."""
        index = (address - RAM) >> 12
        entry = attributes and ((address & ~0xFFF) | attributes)
        self.write(TABLES + 0x1000 + 8 * index, entry, size=8)

    def assert_taken(
        self, number: int, offset: int, *, after: int, elr: int, spsr: int, el: int = 1, esr: int | None = None,
        far: int | None = None, daif: int = DAIF,
    ) -> None:  # fmt: skip
        """The last delivery was `number`, after so many instructions, with all that DDI0487 D1.10.2-4 says of it.

        PC is on its vector, PSTATE is ELxh with `daif` masked and nothing else, SP is SP_ELx. ELR, SPSR, ESR and FAR
        are what is given; trace and registers agree.
        """
        event, cpu = self.deliveries[-1], self.cpu
        assert (event.number, event.target_el, hex(event.vector_offset)) == (number, el, hex(offset))
        assert (event.insns, hex(event.pc), hex(event.flags)) == (after, hex(elr), hex(spsr))
        assert (hex(cpu.pc), cpu.el) == (hex(VECTORS[el] + offset), el)
        assert (hex(cpu[f"elr_el{el}"]), hex(cpu[f"spsr_el{el}"])) == (hex(elr), hex(spsr))
        assert (hex(cpu.pstate), hex(cpu["sp"])) == (hex(el << 2 | 1 | daif), hex(STACK64[el]))
        if esr is not None:
            assert (hex(event.error or 0), hex(cpu[f"esr_el{el}"])) == (hex(esr), hex(esr))
        if far is not None:
            assert (hex(event.value), hex(cpu[f"far_el{el}"])) == (hex(far), hex(far))


SCTLR_RES1 = 0x30D00800
PAGE_EL0, PAGE_EL1, PAGE_RO, PAGE_UXN, PAGE_PXN, PAGE_NOT_ACCESSED = (
    0x743, 0x703, 0x7C3, 0x743 | 1 << 54, 0x743 | 1 << 53, 0x343,
)  # fmt: skip
"""Third-level descriptors (DDI0487 D5.3.3): AttrIndx 0, inner shareable, AF; AP of EL0 read and write, EL1 only, read
only. What EL0 may write EL1 may not execute; UXN, PXN and a clear AF beside."""


class Arm32Bench(ArmBench):
    """An ARMv7-A vCPU about to execute `code` at CODE in `mode`; `thumb` for T32 code, `cpsr` for masks and flags."""

    def __init__(
        self,
        code: bytes,
        mode: str = "svc",
        cpsr: int = AIF,
        *,
        thumb: bool = False,
        cpu: str = "cortex-a15",
        gic: int = 2,
        board: str = "",
        smp: int = 1,
        thumb_vectors: bool = False,
        gear: str = "fast",
        **registers: int,
    ) -> None:
        stay = t32("b #0") if thumb else a32("b #0")
        super().__init__(code + stay, cpu=cpu, gic=gic, board=board, smp=smp, gear=gear)
        self.cpu["vbar"] = VECTORS[1]
        if thumb_vectors:
            self.cpu["sctlr"] |= 1 << 30
        vector = t32("b #0", "b #0") if thumb_vectors else a32("b #0")
        self.memory.write(VECTORS[1], vector * 8)
        for name in MODES:
            self.cpu["cpsr"] = MODES[name] | AIF
            self.registers(sp=STACK32[name], lr=0)
        self.cpu["cpsr"] = MODES[mode] | cpsr | (T if thumb else 0)
        self.registers(pc=CODE | thumb, **registers)

    def banked(self, mode: str, register: str) -> int:
        """A register as another mode sees it."""
        before = self.cpu["cpsr"]
        self.cpu["cpsr"] = before & ~(0x1F | T) | MODES[mode]
        value = int(self.cpu[register])
        self.cpu["cpsr"] = before
        return value

    def system(self, crn: int, op1: int, crm: int, op2: int, value: int) -> None:
        """Write a CP15 register that has no name yet."""
        lib.vmm_arm_system_set(self.native.vcpus[0], 0, op1, crn, crm, op2, value)

    def assert_taken(
        self, number: int, offset: int, mode: str, *, after: int, lr: int, spsr: int, cpsr: int, base: int = VECTORS[1],
    ) -> None:  # fmt: skip
        """The last delivery was `number`, after so many instructions, to `mode`, with `cpsr` as all of CPSR but M.

        PC is on its vector, the mode's own SP, LR and SPSR are in place (DDI0406 B1.8.3); trace and registers agree.
        """
        event, cpu = self.deliveries[-1], self.cpu
        assert (event.number, hex(event.vector_offset), event.insns) == (number, hex(offset), after)
        assert (hex(event.pc), hex(event.flags), hex(event.sp)) == (hex(lr), hex(spsr), hex(STACK32[mode]))
        assert (hex(cpu.pc), hex(cpu["cpsr"])) == (hex(base + offset), hex(MODES[mode] | cpsr))
        assert (hex(cpu["lr"]), hex(cpu["spsr"]), hex(cpu["sp"])) == (hex(lr), hex(spsr), hex(STACK32[mode]))
