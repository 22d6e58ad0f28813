"""One ARM vCPU, AArch64 or ARMv7-A: registers by name, guest memory as it sees it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar

from vmm.arch.arm.registers import GENERAL32, GENERAL64, SYSTEM32, SYSTEM64, Encoding
from vmm.arch.boot import Entry
from vmm.arch.vcpu import Decide, Vcpu
from vmm.core.native import ffi, lib
from vmm.errors import VmmError, unknown, within

if TYPE_CHECKING:
    from vmm._native import vmm_vcpu

__all__ = ["Arm"]

CLASSES = {
    0x00: "undefined", 0x01: "WFx trap", 0x03: "CP15 trap", 0x04: "CP15 trap", 0x07: "FP access", 0x0E: "illegal state",
    0x11: "SVC", 0x12: "HVC", 0x13: "SMC", 0x15: "SVC", 0x16: "HVC", 0x17: "SMC", 0x18: "system register",
    0x19: "SVE access", 0x20: "instruction abort", 0x21: "instruction abort", 0x22: "PC alignment",
    0x24: "data abort", 0x25: "data abort", 0x26: "SP alignment", 0x2C: "FP exception", 0x2F: "SError",
    0x30: "breakpoint", 0x31: "breakpoint", 0x32: "software step", 0x33: "software step", 0x34: "watchpoint",
    0x35: "watchpoint", 0x38: "BKPT", 0x3C: "BRK",
}  # fmt: skip
"""Exception classes (DDI0487 D13.2.37, ESR_ELx.EC); AArch32's exceptions are told apart by the same numbers."""

MODES = {
    0x10: "usr", 0x11: "fiq", 0x12: "irq", 0x13: "svc", 0x16: "mon", 0x17: "abt", 0x1A: "hyp", 0x1B: "und", 0x1F: "sys",
}  # fmt: skip
THUMB, NOT_A64 = 1 << 5, 1 << 4
CODE = {64: "A64", 32: "A32", 16: "T32"}
"""Instruction sets, by `bits`."""
MASKS = {"IRQ": 1 << 7, "FIQ": 1 << 6}
TIMERS = {"cntp": ("physical", lib.VMM_TIMER_PHYSICAL), "cntv": ("virtual", lib.VMM_TIMER_VIRTUAL)}
"""By how their registers' names begin."""


def mode_of(pstate: int) -> str:
    """The AArch32 mode ("svc", "irq"…) of a PSTATE or SPSR, or its exception level and stack pointer ("el1h")."""
    if pstate & NOT_A64:
        return MODES.get(pstate & 0x1F, "?")
    return f"el{pstate >> 2 & 3}{'h' if pstate & 1 else 't'}"


class Arm(Vcpu):
    """A vCPU of a machine. `cpu["x0"]` reads a register, `cpu["x0"] = 1` writes it; system registers by name, too."""

    FAMILY = "arm"

    def __init__(self, native: vmm_vcpu, decide: Decide | None = None) -> None:
        super().__init__(native, decide)
        aarch64 = lib.vmm_arm_of(native).aarch64
        self.arch = "arm64" if aarch64 else "arm"
        self._general = GENERAL64 if aarch64 else GENERAL32
        self._system = SYSTEM64 if aarch64 else SYSTEM32

    def __getitem__(self, name: str) -> int:
        if name == "pc":
            return self.pc
        if name in ("pstate", "cpsr"):
            return self.pstate
        if name in self._general:
            return int(lib.vmm_arm_get(self._native, self._general[name]))
        value = ffi.new("uint64_t *")
        lib.vmm_arm_system_get(self._native, *self._encoding(name), value)
        return int(value[0])

    def __setitem__(self, name: str, value: int) -> None:
        if name not in ("pc", "pstate", "cpsr") and name not in self._general:
            self._encoding(name)
        self._make("register", name, value)

    def _put_register(self, name: str, value: int) -> None:
        if name == "pc":
            lib.vmm_arm_set_pc(self._native, value & 0xFFFF_FFFF_FFFF_FFFF)
        elif name in ("pstate", "cpsr"):
            lib.vmm_arm_set_pstate(self._native, value & 0xFFFF_FFFF)
        elif name in self._general:
            lib.vmm_arm_set(self._native, self._general[name], value & 0xFFFF_FFFF_FFFF_FFFF)
        else:
            lib.vmm_arm_system_set(self._native, *self._encoding(name), value & 0xFFFF_FFFF_FFFF_FFFF)

    def __iter__(self) -> Iterator[str]:
        return iter([*self._general, "pc", "cpsr" if self.arch == "arm" else "pstate", *self._system])

    def number(self, name: str) -> int:
        """As the core knows it; none of the system's."""
        if name == "pc":
            return int(lib.VMM_TERM_PC)
        if name not in self._general:
            raise unknown(f"general register of {self.arch}", name, [*self._general, "pc"])
        return int(self._general[name])

    def _encoding(self, name: str) -> Encoding:
        if name not in self._system:
            raise unknown(f"{self.arch} register", name, list(self))
        return self._system[name]

    @property
    def pc(self) -> int:
        """The address of the next instruction, without a Thumb bit."""
        return int(lib.vmm_arm_pc(self._native))

    @property
    def pstate(self) -> int:
        """PSTATE or CPSR as an SPSR would show it (32 bits), with the true IT bits."""
        return int(lib.vmm_arm_pstate(self._native))

    @property
    def el(self) -> int:
        """The exception level, 0-3; of an ARMv7-A vCPU the privilege level, 0 or 1."""
        return int(lib.vmm_arm_el(self._native))

    @property
    def mode(self) -> str:
        """The AArch32 mode ("svc", "irq"…), or the exception level and stack pointer ("el1h")."""
        return mode_of(self.pstate)

    @property
    def bits(self) -> int:
        """64 for A64, 32 for A32, 16 for T32 code."""
        pstate = self.pstate
        if not pstate & NOT_A64:
            return 64
        return 16 if pstate & THUMB else 32

    @property
    def state(self) -> str:
        masked = [name for name, bit in MASKS.items() if self.pstate & bit]
        return f"{CODE[self.bits]} code, {self.mode}" + (f", {' and '.join(masked)} masked" if masked else "")

    @property
    def it_state(self) -> int:
        """ITSTATE (8 bits) at this boundary; 0 outside an IT block."""
        return int(lib.vmm_arm_it(self._native))

    @staticmethod
    def exception_name(number: int) -> str | None:
        """What an exception class is called."""
        return CLASSES.get(number)

    def timers(self) -> Iterator[tuple[str, bool, bool, bool, int | None]]:
        """The generic ones (DDI0487 D11.2, D13.8)."""
        level = "_el0" if self.arch == "arm64" else ""
        for name, (title, which) in TIMERS.items():
            enabled, masked, due = (bool(self[f"{name}_ctl{level}"] >> bit & 1) for bit in range(3))
            compare = lib.vmm_arm_of(self._native).timer[which].compare  # of TVAL's 32 bits one may be far out
            left = compare - lib.vmm_arm_timer_count(self._native, which)
            yield title, enabled, masked, due, left if enabled else None

    def shutdown_story(self, where: str, whose: str, raises: bool) -> str:
        why = "raises the exception that leads to it" if raises else "cannot be fetched"
        return f"the vector at {where} {why}: the same follows for ever"

    def enter(self, entry: Entry) -> None:
        """Stand where a loaded image begins; the exception level is the one of reset."""
        self["pc"] = entry.pc
        for name, value in entry.registers.items():
            self[name] = value

    def read(self, address: int, size: int) -> bytes:
        """Guest memory as the vCPU maps it now; VmmError at the first address that is not RAM."""
        buffer = bytearray(size)
        done = lib.vmm_arm_read(self._native, address & 0xFFFF_FFFF_FFFF_FFFF, ffi.from_buffer(buffer), size)
        if done != size:
            raise VmmError(f"address {address + done:#x} is not mapped")
        return bytes(buffer)

    def write(self, address: int, data: bytes) -> None:
        """Write guest memory whatever the page allows; VmmError at the first address that is not RAM."""
        self._make("write", address, bytes(data))

    def _put_bytes(self, address: int, data: bytes) -> None:
        done = lib.vmm_arm_write(self._native, address & 0xFFFF_FFFF_FFFF_FFFF, data, len(data))
        if done != len(data):
            raise VmmError(f"address {address + done:#x} is not mapped")

    def arguments(self, count: int) -> list[int]:
        """The first registers, where calls pass their arguments, in their full width."""
        prefix = "x" if self.bits == 64 else "r"
        return [self[f"{prefix}{n}"] for n in range(count)]

    def answer(self, value: int) -> None:
        """Put a call's result into X0 or R0."""
        self["x0" if self.bits == 64 else "r0"] = value

    def firmware_by(self, conduit: int) -> None:
        """Let firmware answer calls by this instruction (`vmm_arm_conduit` of the core)."""
        self._make("firmware", conduit)

    def _put_conduit(self, conduit: int) -> None:
        within("conduit", conduit, lib.VMM_CONDUIT_SMC + 1)
        lib.vmm_arm_of(self._native).conduit = conduit

    def serror(self, iss: int = 0) -> None:
        """Let an SError be pending, with this ISS (25 bits)."""
        self._make("serror", iss & 0x1FFFFFF)

    def _put_serror(self, iss: int) -> None:
        lib.vmm_arm_serror(self._native, iss)

    CHANGES: ClassVar = {
        "register": _put_register, "write": _put_bytes, "serror": _put_serror, "firmware": _put_conduit,
        "vector": Vcpu._put_vector,
    }  # fmt: skip
