"""The same VMM loop for ARM in plain Python on the `unicorn` package: what the native core is measured against.

It does what a guest of one vCPU and its own SGIs needs and no more: a GICv2 or GICv3 with one priority, IRQs taken from
EL1 to EL1 or from SVC to IRQ mode, the serial port's output. No trace, no statistics.
"""

from __future__ import annotations

import io
import time
from typing import Any

from elftools.elf.elffile import ELFFile
from unicorn import UC_ARCH_ARM, UC_ARCH_ARM64, UC_HOOK_CODE, UC_HOOK_INSN, UC_MODE_ARM, Uc, UcError
from unicorn import arm64_const as a64
from unicorn import arm_const as a32

RAM_BASE, RAM = 0x40000000, 16 << 20
GICD, GICC, GICR, UART = 0x08000000, 0x08010000, 0x080A0000, 0x09000000
GICD_ISENABLER, GICD_SGIR = 0x100, 0xF00
GICC_IAR, GICC_EOIR = 0x0C, 0x10
GICR_ISENABLER0 = 0x10100
IAR1, EOIR1, SGI1R = (12, 12, 0, 0), (12, 12, 0, 1), (12, 11, 0, 5)
"""CRn, CRm, op1, op2 of the GICv3's registers, all of op0 3."""
ICC = {(4, 6), (12, 8), (12, 11), (12, 12)}
"""CRn and CRm of all of them."""
SPURIOUS = 1023
PSTATE_I, DAIF, EL1H = 1 << 7, 0x3C0, 5
CPSR_I, CPSR_A, CPSR_T, IRQ_MODE = 1 << 7, 1 << 8, 1 << 5, 0x12
IRQ_AT_EL1H, IRQ32 = 0x280, 0x18
VBAR32 = (15, 0, 0, 12, 0, 0, 0)


class Gic:
    """SGIs of one vCPU that all have one priority; a set is a number with one bit an INTID."""

    def __init__(self) -> None:
        self.enabled = self.waiting = self.active = 0

    @property
    def wants(self) -> bool:
        return not self.active and bool(self.waiting & self.enabled)

    def acknowledge(self) -> int:
        ready = self.waiting & self.enabled
        if self.active or not ready:
            return SPURIOUS
        bit = ready & -ready
        self.waiting ^= bit
        self.active |= bit
        return bit.bit_length() - 1

    def end(self, intid: int) -> None:
        self.active &= ~(1 << (intid & 0x3FF))


class PythonArm:
    """One vCPU; `rate` runs it and says how fast it took interrupts."""

    def __init__(self, image: bytes) -> None:
        elf = ELFFile(io.BytesIO(image))
        self.aarch64 = elf["e_machine"] == "EM_AARCH64"
        self.uc = uc = Uc(UC_ARCH_ARM64 if self.aarch64 else UC_ARCH_ARM, UC_MODE_ARM)
        uc.ctl_set_cpu_model(a64.UC_CPU_ARM64_A57 if self.aarch64 else a32.UC_CPU_ARM_CORTEX_A15)
        self.gic = Gic()
        self.pending = False
        self.delivered = self.wanted = 0
        self.started = self.ended = 0.0
        uc.mem_map(RAM_BASE, RAM)
        for segment in elf.iter_segments("PT_LOAD"):
            uc.mem_write(segment["p_paddr"], segment.data())
        self.entry = elf["e_entry"]
        for first, size, read, write in (
            (GICD, 0x10000, self.nothing, self.gicd_write),
            (GICC, 0x10000, self.gicc_read, self.gicc_write),
            (GICR, 0x20000, self.nothing, self.gicr_write),
            (UART, 0x1000, self.nothing, lambda *_: None),
        ):
            uc.mmio_map(first, size, read, None, write, None)
        uc.hook_add(UC_HOOK_CODE, self.on_code)
        if self.aarch64:
            uc.hook_add(UC_HOOK_INSN, self.on_mrs, None, 1, 0, a64.UC_ARM64_INS_MRS)
            uc.hook_add(UC_HOOK_INSN, self.on_msr, None, 1, 0, a64.UC_ARM64_INS_MSR)

    # ---- the GIC's registers ----

    def nothing(self, uc: Uc, offset: int, size: int, data: Any) -> int:
        return 0

    def gicd_write(self, uc: Uc, offset: int, size: int, value: int, data: Any) -> None:
        if offset == GICD_SGIR:
            self.gic.waiting |= 1 << (value & 15)
        elif offset == GICD_ISENABLER:
            self.gic.enabled |= value
        self.pending = self.gic.wants

    def gicc_read(self, uc: Uc, offset: int, size: int, data: Any) -> int:
        return self._acknowledge() if offset == GICC_IAR else 0

    def gicc_write(self, uc: Uc, offset: int, size: int, value: int, data: Any) -> None:
        if offset == GICC_EOIR:
            self._end(value)

    def gicr_write(self, uc: Uc, offset: int, size: int, value: int, data: Any) -> None:
        if offset == GICR_ISENABLER0:
            self.gic.enabled |= value

    def on_mrs(self, uc: Uc, register: int, which: Any, data: Any) -> bool:
        if (which.crn, which.crm) not in ICC:
            return False
        answer = self._acknowledge() if (which.crn, which.crm, which.op1, which.op2) == IAR1 else 0
        uc.reg_write(register, answer)
        return self._skip()

    def on_msr(self, uc: Uc, register: int, which: Any, data: Any) -> bool:
        name = (which.crn, which.crm, which.op1, which.op2)
        if name[:2] not in ICC:
            return False
        if name == EOIR1:
            self._end(which.val)
        elif name == SGI1R:
            self.gic.waiting |= 1 << (which.val >> 24 & 15)
            self.pending = self.gic.wants
        return self._skip()

    def _acknowledge(self) -> int:
        intid = self.gic.acknowledge()
        self.pending = self.gic.wants
        return intid

    def _end(self, intid: int) -> None:
        self.gic.end(intid)
        self.pending = self.gic.wants

    def _skip(self) -> bool:
        """Unicorn has no such register: the hook stands for the instruction and must move PC."""
        pc = self.uc.reg_read(a64.UC_ARM64_REG_PC)
        self.uc.reg_write(a64.UC_ARM64_REG_PC, pc + 4)
        return True

    # ---- the boundary and delivery ----

    def on_code(self, uc: Uc, address: int, size: int, data: Any) -> None:
        """The boundary before every instruction."""
        if not self.pending:
            return
        state = uc.reg_read(a64.UC_ARM64_REG_PSTATE if self.aarch64 else a32.UC_ARM_REG_CPSR)
        if state & PSTATE_I:
            return
        if self.aarch64:
            self.deliver64(address, state)
        else:
            self.deliver32(address, state)
        self.delivered += 1
        if self.delivered == 1:
            self.started = time.perf_counter()
        if self.delivered == self.wanted:
            self.ended = time.perf_counter()
            uc.emu_stop()

    def deliver64(self, address: int, state: int) -> None:
        """From EL1 with its own stack pointer to itself (DDI0487 D1.10)."""
        uc = self.uc
        uc.reg_write(a64.UC_ARM64_REG_ELR_EL1, address)
        uc.reg_write(a64.UC_ARM64_REG_CP_REG, (4, 0, 3, 0, 0, state))  # SPSR_EL1
        uc.reg_write(a64.UC_ARM64_REG_PSTATE, DAIF | EL1H)
        uc.reg_write(a64.UC_ARM64_REG_PC, uc.reg_read(a64.UC_ARM64_REG_VBAR_EL1) + IRQ_AT_EL1H)

    def deliver32(self, address: int, state: int) -> None:
        """To IRQ mode (DDI0406 B1.9.10)."""
        uc = self.uc
        uc.reg_write(a32.UC_ARM_REG_CPSR, state & ~(CPSR_T | 0x1F) | CPSR_I | CPSR_A | IRQ_MODE)
        uc.reg_write(a32.UC_ARM_REG_SPSR, state)
        uc.reg_write(a32.UC_ARM_REG_LR, address + 4)
        uc.reg_write(a32.UC_ARM_REG_PC, uc.reg_read(a32.UC_ARM_REG_CP_REG, VBAR32) + IRQ32)

    def rate(self, interrupts: int) -> float:
        """Round trips a second of host time, from the first delivery to the last."""
        self.wanted = interrupts
        try:
            self.uc.emu_start(self.entry, 0)
        except UcError as error:
            where = self.uc.reg_read(a64.UC_ARM64_REG_PC if self.aarch64 else a32.UC_ARM_REG_PC)
            raise SystemExit(f"bench: the Python baseline stopped at {where:#x}: {error}") from error
        return (interrupts - 1) / (self.ended - self.started)
