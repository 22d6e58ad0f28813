"""A GICv2 or GICv3 as a reader sees it: what each interrupt and each CPU interface is at now (Arm IHI0048B, IHI0069).

Interrupts are named by INTID: 0-15 SGIs, 16-31 PPIs, 32-287 SPIs, from 8192 LPIs. All but SPIs belong to one vCPU.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from vmm.core.native import lib, part_of
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm._native import vmm_gic_bank, vmm_machine

FIRST_PPI, FIRST_SPI = 16, 32
GROUP0, GROUP1, SECURE_GROUP1 = lib.VMM_GIC_G0, lib.VMM_GIC_G1, lib.VMM_GIC_G1S
"""What an interrupt belongs to; the third exists with two Security states only."""


def _bits(word: int, first: int) -> Iterator[int]:
    return (first + n for n in range(32) if word >> n & 1)


class _Interrupts:
    """The interrupts of a distributor or of one vCPU, 32 to a bank; sets hold INTIDs."""

    def __init__(self, banks: list[vmm_gic_bank], first: int) -> None:
        self._banks = banks
        self._first = first

    def _collect(self, word: Callable[[vmm_gic_bank], int]) -> frozenset[int]:
        banks = enumerate(self._banks)
        return frozenset(intid for i, bank in banks for intid in _bits(word(bank), self._first + 32 * i))

    def _find(self, intid: int) -> tuple[vmm_gic_bank, int]:
        index, n = divmod(intid - self._first, 32)
        if not 0 <= index < len(self._banks):
            end = self._first + 32 * len(self._banks) - 1
            raise VmmError(f"no interrupt {intid} here: INTIDs {self._first}-{end} are")
        return self._banks[index], n

    @property
    def pending(self) -> frozenset[int]:
        """Pending: latched, or level-triggered with its line asserted; whether enabled or not."""
        return self._collect(lambda bank: bank.latched | bank.line & ~bank.edge)

    @property
    def active(self) -> frozenset[int]:
        """Acknowledged and not yet deactivated."""
        return self._collect(lambda bank: bank.active)

    @property
    def enabled(self) -> frozenset[int]:
        """Enabled one by one (ISENABLER); groups have enables of their own."""
        return self._collect(lambda bank: bank.enabled)

    @property
    def asserted(self) -> frozenset[int]:
        """Whose input line is high now."""
        return self._collect(lambda bank: bank.line)

    @property
    def edge_triggered(self) -> frozenset[int]:
        """Configured as edge-triggered (ICFGR); the others are level-sensitive."""
        return self._collect(lambda bank: bank.edge)

    def priority(self, intid: int) -> int:
        """0 (highest) to 248 in steps of 8, as Secure accesses read IPRIORITYR; VmmError where there is no such one."""
        bank, n = self._find(intid)
        return bank.priority[n]

    def group(self, intid: int) -> int:
        """GROUP0, GROUP1 or SECURE_GROUP1 (IGROUPR, IGRPMODR); VmmError where there is no such interrupt."""
        bank, n = self._find(intid)
        if bank.group >> n & 1:
            return GROUP1
        return SECURE_GROUP1 if bank.modifier >> n & 1 else GROUP0


class Distributor(_Interrupts):
    """The SPIs, and what is forwarded at all."""

    def __init__(self, native: vmm_machine) -> None:
        self._gic = part_of(native, lib.vmm_gic_of(native))
        super().__init__(list(self._gic.spi), FIRST_SPI)

    @property
    def groups(self) -> frozenset[int]:
        """The groups that GICD_CTLR lets through."""
        return frozenset(_bits(self._gic.groups, 0))

    def targets(self, intid: int) -> frozenset[int]:
        """The vCPUs that an SPI is routed to (ITARGETSR, IROUTER); all of them where one of N takes it."""
        self._find(intid)
        index, n = divmod(intid - FIRST_SPI, 32)
        anyone = self._gic.anyone[index] >> n & 1 or (self._gic.version == 2 and self._gic.cpus == 1)
        cpus = range(self._gic.cpus)
        return frozenset(cpu for cpu in cpus if anyone or self._gic.cpu[cpu].reached[index] >> n & 1)

    def __repr__(self) -> str:
        return f"<GICD pending={sorted(self.pending)} active={sorted(self.active)}>"

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import distributor

        return distributor(self)


class CpuInterface(_Interrupts):
    """One vCPU's SGIs, PPIs and LPIs, and the interface that interrupts it."""

    def __init__(self, native: vmm_machine, index: int) -> None:
        self._machine = native
        self._cpu = lib.vmm_gic_of(native).cpu[index]
        super().__init__([self._cpu.local], 0)
        self.index = index

    def sources(self, sgi: int) -> frozenset[int]:
        """GICv2: the vCPUs that SGI 0-15 is pending from; VmmError for another INTID."""
        if not 0 <= sgi < 16:
            raise VmmError(f"no SGI {sgi}: INTIDs 0-15 are")
        return frozenset(_bits(self._cpu.sgi_from[sgi], 0))

    @property
    def pending_lpis(self) -> frozenset[int]:
        """LPIs pending at this redistributor, enabled or not; none while its EnableLPIs is 0."""
        found, intid = [], 0
        while intid := lib.vmm_gic_lpi_next(self._machine, self.index, intid):
            found.append(intid)
            intid += 1
        return frozenset(found)

    @property
    def hppi(self) -> int | None:
        """The highest priority pending interrupt that reaches this vCPU, whatever PMR and the running priority say."""
        return None if self._cpu.best == lib.VMM_GIC_NONE else self._cpu.best

    @property
    def running_priority(self) -> int:
        """Of the interrupt being handled; 255 when there is none."""
        return lib.vmm_gic_running(self._machine, self.index)

    @property
    def pmr(self) -> int:
        """Only interrupts of a priority value below it are signalled; as a Secure access reads it."""
        return self._cpu.pmr

    @property
    def groups(self) -> frozenset[int]:
        """The groups that the CPU interface signals (GICC_CTLR, ICC_IGRPEN)."""
        return frozenset(_bits(self._cpu.groups, 0))

    def binary_point(self, group: int) -> int:
        """BPR of a group, 0-7, though CBPR may put group 0's in its place; VmmError where there is no such group."""
        self._check_group(group)
        return self._cpu.bpr[group]

    def active_priorities(self, group: int) -> frozenset[int]:
        """The group priorities of interrupts being handled; VmmError where there is no such group."""
        self._check_group(group)
        return frozenset(8 * level for level in _bits(self._cpu.apr[group], 0))

    def _check_group(self, group: int) -> None:
        if group not in (GROUP0, GROUP1, SECURE_GROUP1):
            raise VmmError(f"no interrupt group {group}: 0, 1 and 2 (Secure group 1) are")

    @property
    def irq(self) -> bool:
        """The IRQ input of the vCPU."""
        return bool(self._cpu.output & 1)

    @property
    def fiq(self) -> bool:
        """The FIQ input of the vCPU."""
        return bool(self._cpu.output & 2)

    @property
    def asleep(self) -> bool:
        """GICv3: GICR_WAKER.ProcessorSleep; nothing is forwarded until software clears it."""
        return bool(self._cpu.asleep)

    @property
    def lpis_enabled(self) -> bool:
        """GICv3: GICR_CTLR.EnableLPIs."""
        return bool(self._cpu.lpis_on)

    def __repr__(self) -> str:
        state = f"pending={sorted(self.pending)} active={sorted(self.active)}"
        return f"<GIC of cpu {self.index} {state} running={self.running_priority:#04x} pmr={self.pmr:#04x}>"

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import interface

        return interface(self)


class Gic:
    """The interrupt controller of a machine whose core has one."""

    def __init__(self, native: vmm_machine) -> None:
        gic = lib.vmm_gic_of(native)
        self.version = gic.version
        """2 or 3."""
        self.dist = Distributor(native)
        self.cpu = [CpuInterface(native, index) for index in range(gic.cpus)]

    def _repr_html_(self) -> str:
        from vmm.intc.notebook import gic

        return gic(self)
