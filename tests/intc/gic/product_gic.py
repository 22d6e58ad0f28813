"""The product's GIC under the names that the model in models/gic.py has: registers are written, and read back."""

from __future__ import annotations

from typing import Any

from models.gic import (
    DEACTIVATE,
    EOI_NOTHING,
    EOI_ORDER,
    GROUP0,
    GROUP1,
    SECURE_GROUP1,
    SGI_TARGET,
    Gic,
)

from vmm.core.native import check, ffi, lib
from vmm.intc.gic import Gic as View

RESERVED = "reserved"
ERRORS = {
    lib.VMM_GE_EOI_NOTHING: EOI_NOTHING,
    lib.VMM_GE_EOI_ORDER: EOI_ORDER,
    lib.VMM_GE_DEACTIVATE: DEACTIVATE,
    lib.VMM_GE_SGI_TARGET: SGI_TARGET,
    lib.VMM_GE_RESERVED: RESERVED,
}

IGROUPR, ISENABLER, ICENABLER, ISPENDR, ICPENDR, ISACTIVER, ICACTIVER = range(0x080, 0x400, 0x80)
IPRIORITYR, ITARGETSR, ICFGR, IGRPMODR = 0x400, 0x800, 0xC00, 0xD00
GICD_CTLR, GICD_TYPER, GICD_SGIR, CPENDSGIR, SPENDSGIR, IROUTER = 0x000, 0x004, 0xF00, 0xF10, 0xF20, 0x6000
GICC_CTLR, GICC_PMR, GICC_RPR, GICC_APR0, GICC_NSAPR0, GICC_DIR = 0x00, 0x04, 0x14, 0xD0, 0xE0, 0x1000
GICC_BPR, GICC_IAR, GICC_EOIR, GICC_HPPIR = (0x08, 0x1C), (0x0C, 0x20), (0x10, 0x24), (0x18, 0x28)
"""Each with its alias for group 1."""
GICR_STRIDE, GICR_SGI_FRAME = 0x20000, 0x10000
GICR_CTLR, GICR_TYPER, GICR_WAKER, GICR_PROPBASER, GICR_PENDBASER = 0x00, 0x08, 0x14, 0x70, 0x78
ACK_CTL, FIQ_EN, CBPR, EOI_MODE = 1 << 2, 1 << 3, 1 << 4, 1 << 9
ICC_CBPR, ICC_EOI_MODE = 1 << 0, 1 << 1
EL3_CBPR = {SECURE_GROUP1: 1 << 0, GROUP1: 1 << 1}
EL3_EOI_MODE = 1 << 2
NOBODY = 0x00FF00
"""An affinity, 0.0.255.0, that no vCPU has."""

RAM_BASE = 0x4000_0000
LPI_TABLE_BYTES = 0x10000
LPI_ID_BITS = 15
"""One less than the bits of INTID, as PROPBASER has it."""


def bit(value: int, mask: int, on: bool) -> int:
    return value | mask if on else value & ~mask


class ProductGic:
    """`vmm_gic_*` on a machine of its own; what seems to run is a vCPU that only the trace asks about."""

    def __init__(self, version: int, cpus: int, two_states: bool = False) -> None:
        self.version, self.two_states = version, two_states
        self.machine = ffi.gc(lib.vmm_new(), self.free)
        size = LPI_TABLE_BYTES * (1 + cpus)
        check(self.machine, lib.vmm_map_ram(self.machine, RAM_BASE, size))
        self.ram = memoryview(ffi.buffer(self.machine.ram, size))
        self.vcpu = ffi.new("vmm_vcpu *")
        self.vcpu.machine, self.vcpu.count = self.machine, 1
        check(self.machine, lib.vmm_gic_init(self.machine, version, cpus, two_states))
        self.machine.current, self.machine.running = self.vcpu, 1
        self.view = View(self.machine)
        self.heard = 0
        self.scr_ns, self.el3, self.routing = [False] * cpus, [False] * cpus, [0] * cpus

    @staticmethod
    def free(machine: Any) -> None:
        machine.current, machine.running = ffi.NULL, 0
        lib.vmm_free(machine)

    # ---- accesses ----

    def dist_read(self, cpu: int, offset: int, size: int = 4) -> int:
        return int(lib.vmm_gic_dist_read(self.machine, cpu, offset, size))

    def dist_write(self, cpu: int, offset: int, value: int, size: int = 4) -> None:
        lib.vmm_gic_dist_write(self.machine, cpu, offset, size, value)

    def cpu_read(self, cpu: int, offset: int, size: int = 4) -> int:
        return int(lib.vmm_gic_cpu_read(self.machine, cpu, offset, size))

    def cpu_write(self, cpu: int, offset: int, value: int, size: int = 4) -> None:
        lib.vmm_gic_cpu_write(self.machine, cpu, offset, size, value)

    def redist_read(self, cpu: int, offset: int, size: int = 4) -> int:
        self.vcpu.index = cpu
        return int(lib.vmm_gic_redist_read(self.machine, cpu * GICR_STRIDE + offset, size))

    def redist_write(self, cpu: int, offset: int, value: int, size: int = 4) -> None:
        self.vcpu.index = cpu
        lib.vmm_gic_redist_write(self.machine, cpu * GICR_STRIDE + offset, size, value)

    def icc(self, name: str) -> int:
        return int(getattr(lib, f"VMM_ICC_{name}"))

    def icc_read(self, cpu: int, name: str) -> int:
        return int(lib.vmm_gic_icc_read(self.machine, cpu, self.icc(name), self.access(cpu)))

    def icc_write(self, cpu: int, name: str, value: int) -> None:
        lib.vmm_gic_icc_write(self.machine, cpu, self.icc(name), self.access(cpu), value)

    def access(self, cpu: int) -> int:
        state = 0 if self.scr_ns[cpu] else lib.VMM_GIC_SECURE
        return int(state | (lib.VMM_GIC_AT_EL3 if self.el3[cpu] else 0) | self.routing[cpu])

    def is_secure(self, cpu: int) -> bool:
        return not lib.vmm_gic_of(self.machine).cpu[cpu].nonsecure

    def bank_read(self, cpu: int, intid: int, offset: int, size: int = 4) -> int:
        """A register between IGROUPR and NSACR, where this version has it for `intid`."""
        if self.version == 3 and intid < 32:
            return self.redist_read(cpu, GICR_SGI_FRAME + offset, size)
        return self.dist_read(cpu, offset, size)

    def bank_write(self, cpu: int, intid: int, offset: int, value: int, size: int = 4) -> None:
        if self.version == 3 and intid < 32:
            self.redist_write(cpu, GICR_SGI_FRAME + offset, value, size)
        else:
            self.dist_write(cpu, offset, value, size)

    def set_bit(self, cpu: int, intid: int, offset: int) -> None:
        self.bank_write(cpu, intid, offset + intid // 32 * 4, 1 << intid % 32)

    def change_bit(self, cpu: int, intid: int, offset: int, on: bool) -> None:
        at = offset + intid // 32 * 4
        self.bank_write(cpu, intid, at, bit(self.bank_read(cpu, intid, at), 1 << intid % 32, on))

    # ---- the state of one interrupt ----

    def set_line(self, cpu: int, intid: int, level: bool) -> None:
        if intid < 32:
            lib.vmm_gic_set_ppi(self.machine, cpu, intid, level)
        else:
            lib.vmm_gic_set_spi(self.machine, intid - 32, level)

    def set_enabled(self, cpu: int, intid: int, enabled: bool) -> None:
        self.set_bit(cpu, intid, ISENABLER if enabled else ICENABLER)

    def set_pending(self, cpu: int, intid: int, pending: bool) -> None:
        self.set_bit(cpu, intid, ISPENDR if pending else ICPENDR)

    def set_active(self, cpu: int, intid: int, active: bool) -> None:
        self.set_bit(cpu, intid, ISACTIVER if active else ICACTIVER)

    def set_edge(self, cpu: int, intid: int, edge: bool) -> None:
        at = ICFGR + intid // 16 * 4
        value = bit(self.bank_read(cpu, intid, at), 2 << intid % 16 * 2, edge)
        self.bank_write(cpu, intid, at, value)

    def set_priority(self, cpu: int, intid: int, value: int) -> None:
        self.bank_write(cpu, intid, IPRIORITYR + intid, value, 1)

    def set_group(self, cpu: int, intid: int, group: int) -> None:
        self.change_bit(cpu, intid, IGROUPR, group == GROUP1)
        if self.version == 3:
            self.change_bit(cpu, intid, IGRPMODR, group == SECURE_GROUP1)

    def set_route(self, cpu: int, intid: int, route: set[int] | str) -> None:
        if self.version == 2:
            assert not isinstance(route, str)
            self.dist_write(cpu, ITARGETSR + intid, sum(1 << target for target in route), 1)
            return
        affinity = 1 << 31 if isinstance(route, str) else next(iter(route), NOBODY)
        self.dist_write(cpu, IROUTER + 8 * intid, affinity, 8)

    # ---- SGIs ----

    def send_old_sgi(self, cpu: int, intid: int, targets: set[int], group1: bool = False) -> None:
        self.dist_write(cpu, GICD_SGIR, sum(1 << 16 + target for target in targets) | group1 << 15 | intid)

    def set_sources(self, cpu: int, intid: int, sources: set[int], pending: bool) -> None:
        self.dist_write(cpu, (SPENDSGIR if pending else CPENDSGIR) + intid, sum(1 << each for each in sources), 1)

    def send_sgi(self, cpu: int, register: str, intid: int, targets: set[int]) -> None:
        self.icc_write(cpu, register, intid << 24 | sum(1 << target for target in targets))

    # ---- the CPU interface ----

    def output(self, cpu: int) -> str:
        return ("", "irq", "fiq")[lib.vmm_gic_output(self.machine, cpu)]

    def acknowledge(self, cpu: int, register: int) -> tuple[int, int]:
        if self.version == 3:
            return self.icc_read(cpu, f"IAR{register}"), 0
        value = self.cpu_read(cpu, GICC_IAR[register])
        return value & 0x3FF, value >> 10

    def hppi(self, cpu: int, register: int) -> tuple[int, int]:
        if self.version == 3:
            return self.icc_read(cpu, f"HPPIR{register}"), 0
        value = self.cpu_read(cpu, GICC_HPPIR[register])
        return value & 0x3FF, value >> 10

    def end(self, cpu: int, register: int, intid: int, source: int = 0) -> None:
        if self.version == 3:
            self.icc_write(cpu, f"EOIR{register}", intid)
        else:
            self.cpu_write(cpu, GICC_EOIR[register], intid | source << 10)

    def deactivate(self, cpu: int, intid: int) -> None:
        if self.version == 3:
            self.icc_write(cpu, "DIR", intid)
        else:
            self.cpu_write(cpu, GICC_DIR, intid)

    def control(self, cpu: int, v2_mask: int, v3_mask: int, on: bool) -> None:
        if self.version == 3:
            self.icc_write(cpu, "CTLR", bit(self.icc_read(cpu, "CTLR"), v3_mask, on))
        else:
            self.cpu_write(cpu, GICC_CTLR, bit(self.cpu_read(cpu, GICC_CTLR), v2_mask, on))

    def set_forwards(self, groups: set[int]) -> None:
        self.dist_write(0, GICD_CTLR, sum(1 << group for group in groups))

    def set_signals(self, cpu: int, group: int, on: bool) -> None:
        if self.version == 3:
            self.icc_write(cpu, "IGRPEN0" if group == GROUP0 else "IGRPEN1", on)
            return
        restricted = self.two_states and not self.is_secure(cpu)
        self.control(cpu, 1 if restricted else 1 << group, 0, on)

    def set_split(self, cpu: int, on: bool) -> None:
        self.control(cpu, EOI_MODE, ICC_EOI_MODE, on)

    def set_split_at_el3(self, cpu: int, on: bool) -> None:
        self.icc_write(cpu, "CTLR_EL3", bit(self.icc_read(cpu, "CTLR_EL3"), EL3_EOI_MODE, on))

    def icc_control(self, cpu: int) -> tuple[bool, bool]:
        value = self.icc_read(cpu, "CTLR")
        return bool(value & ICC_CBPR), bool(value & ICC_EOI_MODE)

    def control_at_el3(self, cpu: int) -> tuple[bool, ...]:
        value = self.icc_read(cpu, "CTLR_EL3")
        return tuple(bool(value >> n & 1) for n in range(5))

    def groups_at_el3(self, cpu: int) -> tuple[bool, bool]:
        value = self.icc_read(cpu, "IGRPEN1_EL3")
        return bool(value & 1), bool(value & 2)

    def set_groups_at_el3(self, cpu: int, nonsecure: bool, secure: bool) -> None:
        self.icc_write(cpu, "IGRPEN1_EL3", nonsecure | secure << 1)

    def set_common_bpr(self, cpu: int, on: bool) -> None:
        if self.el3[cpu]:
            mask = EL3_CBPR[GROUP1 if self.scr_ns[cpu] else SECURE_GROUP1]
            self.icc_write(cpu, "CTLR_EL3", bit(self.icc_read(cpu, "CTLR_EL3"), mask, on))
            return
        self.control(cpu, CBPR, ICC_CBPR, on)

    def set_ack_both(self, cpu: int, on: bool) -> None:
        self.control(cpu, ACK_CTL, 0, on)

    def set_group0_is_fiq(self, cpu: int, on: bool) -> None:
        self.control(cpu, FIQ_EN, 0, on)

    def set_nonsecure(self, cpu: int, nonsecure: bool) -> None:
        self.set_world(cpu, nonsecure, False)

    def set_world(self, cpu: int, nonsecure: bool, el3: bool) -> None:
        self.scr_ns[cpu], self.el3[cpu] = nonsecure, el3
        lib.vmm_gic_state(self.machine, cpu, nonsecure and not el3, el3)

    def set_routing(self, cpu: int, fiq: bool, irq: bool) -> None:
        self.routing[cpu] = (lib.VMM_GIC_SCR_FIQ if fiq else 0) | (lib.VMM_GIC_SCR_IRQ if irq else 0)

    def set_pmr(self, cpu: int, value: int) -> None:
        if self.version == 3:
            self.icc_write(cpu, "PMR", value)
        else:
            self.cpu_write(cpu, GICC_PMR, value)

    def pmr(self, cpu: int) -> int:
        return self.icc_read(cpu, "PMR") if self.version == 3 else self.cpu_read(cpu, GICC_PMR)

    def running_priority(self, cpu: int) -> int:
        return self.icc_read(cpu, "RPR") if self.version == 3 else self.cpu_read(cpu, GICC_RPR)

    def set_bpr(self, cpu: int, register: int, value: int) -> None:
        if self.version == 3:
            self.icc_write(cpu, f"BPR{register}", value)
        else:
            self.cpu_write(cpu, GICC_BPR[register], value)

    def bpr(self, cpu: int, register: int) -> int:
        return self.icc_read(cpu, f"BPR{register}") if self.version == 3 else self.cpu_read(cpu, GICC_BPR[register])

    def set_active_priority(self, cpu: int, group: int, priority: int | None) -> None:
        levels = 0 if priority is None else 1 << priority // 8
        if self.version == 3:
            self.icc_write(cpu, "AP0R0" if group == GROUP0 else "AP1R0", levels)
        else:
            self.cpu_write(cpu, GICC_APR0 if group == GROUP0 else GICC_NSAPR0, levels)

    # ---- the redistributor ----

    def set_awake(self, cpu: int, awake: bool) -> None:
        if self.version == 3:
            self.redist_write(cpu, GICR_WAKER, 0 if awake else 2)

    def set_lpis_on(self, cpu: int, on: bool) -> None:
        if not self.redist_read(cpu, GICR_CTLR) & 1:
            self.redist_write(cpu, GICR_PROPBASER, RAM_BASE | LPI_ID_BITS, 8)
            self.redist_write(cpu, GICR_PENDBASER, RAM_BASE + LPI_TABLE_BYTES * (1 + cpu), 8)
        self.redist_write(cpu, GICR_CTLR, on)

    def set_lpi(self, cpu: int, intid: int, pending: bool) -> None:
        lib.vmm_gic_lpi(self.machine, cpu, intid, pending)

    def move_lpi(self, source: int, target: int, intid: int) -> None:
        lib.vmm_gic_lpi_move(self.machine, source, target, intid)

    def move_all_lpis(self, source: int, target: int) -> None:
        lib.vmm_gic_lpi_move_all(self.machine, source, target)

    def configure_lpi(self, intid: int, priority: int, enabled: bool) -> None:
        self.ram[intid - 8192] = priority & 0xFC | enabled
        for cpu in range(lib.vmm_gic_of(self.machine).cpus):
            lib.vmm_gic_lpi_reload(self.machine, cpu)

    # ---- what a debugger sees ----

    def intids(self, cpu: int, attribute: str) -> set[int]:
        own, shared = getattr(self.view.cpu[cpu], attribute), getattr(self.view.dist, attribute)
        return set(own | shared)

    def pending_lpis(self, cpu: int) -> set[int]:
        return set(self.view.cpu[cpu].pending_lpis)

    def events(self) -> list[Any]:
        """Everything traced since the last call."""
        trace = self.machine.trace
        new = [trace.ring[n % trace.capacity] for n in range(self.heard, trace.emitted)]
        self.heard = trace.emitted
        return new

    def take_errors(self) -> list[tuple[str, int]]:
        """Guest errors since the last call, and what they are about: an INTID, or a reserved register's offset."""
        errors = [event for event in self.events() if event.kind == lib.VMM_EV_GUEST_ERROR]
        return [(ERRORS[event.number], self.subject(event)) for event in errors]

    def subject(self, event: Any) -> int:
        if event.number == lib.VMM_GE_RESERVED:
            return int(event.value)
        if event.number == lib.VMM_GE_SGI_TARGET:
            return int(event.value >> 24 & 0xF if self.version == 3 else event.value & 0xF)
        return int(event.value & 0x3FF if self.version == 2 else event.value)


AnyGic = ProductGic | Gic


def start(gic: AnyGic, cpus: int, groups: set[int] | None = None) -> None:
    """As a kernel leaves it: every group on and every priority let through, all CPUs awake."""
    groups = {GROUP0, GROUP1} if groups is None else groups
    gic.set_forwards(groups)
    for cpu in range(cpus):
        gic.set_awake(cpu, True)
        gic.set_pmr(cpu, 0xFF)
        for group in groups:
            gic.set_signals(cpu, group, True)


def is_pending(gic: AnyGic, intid: int, cpu: int = 0) -> bool:
    return intid in gic.intids(cpu, "pending")


def is_active(gic: AnyGic, intid: int, cpu: int = 0) -> bool:
    return intid in gic.intids(cpu, "active")
