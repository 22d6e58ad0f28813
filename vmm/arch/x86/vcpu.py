"""One x86 vCPU: registers and segments by name, entry states, guest memory as it sees it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from vmm.arch.boot import Entry
from vmm.arch.vcpu import Vcpu
from vmm.arch.x86.registers import NUMBERS
from vmm.core.native import ffi, lib
from vmm.errors import VmmError, unknown

__all__ = ["X86"]

SEGMENTS = {
    name: getattr(lib, f"VMM_{name.upper()}")
    for name in ("es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr", "gdtr", "idtr")
}
CODE32, CODE64, DATA32, REAL_CODE, REAL_DATA = 0xCF9B00, 0xAF9B00, 0xCF9300, 0x9B00, 0x9300
"""Descriptor attributes, in the place they have in a descriptor's second doubleword."""

CR0_PE, CR0_PG, CR4_PAE = 1, 1 << 31, 1 << 5
IF = 1 << 9
DEBUG_REGISTERS = ("dr0", "dr1", "dr2", "dr3", "dr7")
EFER, EFER_LME, EFER_LMA = 0xC0000080, 1 << 8, 1 << 10
EXTENDED_FEATURES, LONG_MODE = 0x80000001, 1 << 29
DESC_L, DESC_B = 1 << 21, 1 << 22
VM = 1 << 17
"""Of EFLAGS."""


@dataclass(frozen=True)
class Segment:
    """A segment register: selector (16 bits), base, limit in bytes, attributes as in the descriptor's second dword."""

    selector: int
    base: int
    limit: int
    attributes: int


class Fault(NamedTuple):
    """One of a chain of faults."""

    vector: int
    error: int | None
    """Its error code, where it has one."""
    pc: int
    """RIP, where it was raised."""
    source: int
    """The core's enum vmm_source."""


EXCEPTIONS = {
    0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP",
    12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM", 20: "#VE", 21: "#CP",
}  # fmt: skip


def in_long_mode(cpu: X86) -> bool:
    """64-bit or compatibility mode (SDM vol. 3A 2.2.1)."""
    return bool(cpu.msr(EFER) & EFER_LMA)


class X86(Vcpu):
    """A vCPU of a machine. `cpu["rax"]` reads a register, `cpu["rax"] = 1` writes it."""

    arch = "x86"
    FAMILY = "x86"

    def __getitem__(self, name: str) -> int:
        if name in SEGMENTS:
            return self.segment(name).selector
        return int(lib.vmm_x86_get(self._native, self._number(name)))

    def __setitem__(self, name: str, value: int) -> None:
        if name in DEBUG_REGISTERS:
            raise VmmError(f"{name} is the guest's to write: only its MOV sets a breakpoint")
        self._number(name)
        self._make("register", name, value & 0xFFFF_FFFF_FFFF_FFFF)

    def _put_register(self, name: str, value: int) -> None:
        lib.vmm_x86_set(self._native, self._number(name), value)

    def __iter__(self) -> Iterator[str]:
        return iter(NUMBERS)

    def number(self, name: str) -> int:
        """As the core knows it."""
        return self._number(name)

    @staticmethod
    def _number(name: str) -> int:
        if name not in NUMBERS:
            raise unknown("x86 register", name, NUMBERS)
        return NUMBERS[name]

    def segment(self, name: str) -> Segment:
        """A segment or table register, its hidden part included."""
        if name not in SEGMENTS:
            raise unknown("x86 segment", name, SEGMENTS)
        raw = ffi.new("vmm_segment *")
        lib.vmm_x86_get_segment(self._native, SEGMENTS[name], raw)
        return Segment(raw.selector, raw.base, raw.limit, raw.attributes)

    def set_segment(self, name: str, value: Segment) -> None:
        """Load a segment or table register whole, without the guest's descriptor tables."""
        if name not in SEGMENTS:
            raise unknown("x86 segment", name, SEGMENTS)
        self._make("segment", name, value.selector, value.base, value.limit, value.attributes)

    def _put_segment(self, name: str, *fields: int) -> None:
        raw = ffi.new("vmm_segment *", fields)
        lib.vmm_x86_set_segment(self._native, SEGMENTS[name], raw)

    def msr(self, index: int) -> int:
        """A model-specific register as RDMSR gives it (64 bits); VmmError for one that does not exist."""
        value = ffi.new("uint64_t *")
        if lib.vmm_x86_msr_read(self._native, index, value):
            raise VmmError(f"this CPU has no MSR {index:#x}")
        return int(value[0])

    def set_msr(self, index: int, value: int) -> None:
        """Write one as WRMSR does; VmmError where the guest would get #GP."""
        self._make("msr", index, value)

    def _put_msr(self, index: int, value: int) -> None:
        if lib.vmm_x86_msr_write(self._native, index, value):
            raise VmmError(f"MSR {index:#x} does not take {value:#x}")

    def cpuid(self, leaf: int) -> tuple[int, int, int, int]:
        """EAX, EBX, ECX and EDX of a CPUID leaf, subleaf 0, as its CPU model has them; VmmError for one it does not."""
        x86 = lib.vmm_x86_of(self._native)
        rows = (x86.cpuid[n] for n in range(x86.cpuid_count))
        row = next((row for row in rows if (row.leaf, row.subleaf) == (leaf, 0)), None)
        if row is None:
            raise VmmError(f"this CPU has no CPUID leaf {leaf:#x}")
        return row.eax, row.ebx, row.ecx, row.edx

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        return int(lib.vmm_x86_linear_pc(self._native))

    @property
    def cpl(self) -> int:
        """Current privilege level, 0-3."""
        return int(lib.vmm_x86_cpl(self._native))

    @property
    def nmi_blocked(self) -> bool:
        """From an NMI's delivery until the next IRET."""
        return bool(lib.vmm_x86_nmi_blocked(self._native))

    @property
    def shadow(self) -> str | None:
        """The interrupt shadow at this boundary: "sti", "mov ss" or None."""
        return (None, "sti", "mov ss")[lib.vmm_x86_shadow(self._native)]

    @property
    def bits(self) -> int:
        """Width of code at CS: 16, 32 or 64."""
        attributes = self.segment("cs").attributes
        if in_long_mode(self) and attributes & DESC_L:
            return 64
        return 32 if attributes & DESC_B else 16

    @property
    def state(self) -> str:
        masked = "" if self["eflags"] & IF else ", interrupts masked"
        shadow = f", in the shadow of {self.shadow}" if self.shadow else ""
        blocked = ", NMIs blocked" if self.nmi_blocked else ""
        return f"{self.bits}-bit code, CPL {self.cpl}{masked}{blocked}{shadow}"

    def fault_chain(self) -> list[Fault]:
        """The faults of the last nested delivery, oldest first."""
        x86 = lib.vmm_x86_of(self._native)
        raw = (x86.chain[n] for n in range(x86.chain_length))
        return [Fault(f.vector, f.error if f.has_error else None, f.pc, f.source) for f in raw]

    def fault_story(self) -> str:
        """The fault chain in words: "#PF(0x2) → #DF"."""
        links = []
        for fault in self.fault_chain():
            name = self.exception_name(fault.vector) or f"vector {fault.vector:#04x}"
            if fault.source != lib.VMM_SRC_EXCEPTION:
                name = f"interrupt {fault.vector:#04x}"
            links.append(name if fault.error is None else f"{name}({fault.error:#x})")
        return " → ".join(links)

    def shutdown_story(self, where: str, whose: str, raises: bool) -> str:
        return f"triple fault{whose} at {where}: {self.fault_story()}"

    @staticmethod
    def exception_name(vector: int) -> str | None:
        """As the SDM abbreviates it (vol. 3A table 6-1): "#PF"."""
        return EXCEPTIONS.get(vector)

    def set_a20(self, enabled: bool) -> None:
        """The A20 gate: disabled, physical address bit 20 reads as 0."""
        self._make("a20", int(enabled))

    def _put_a20(self, enabled: int) -> None:
        lib.vmm_x86_a20(self._native, enabled != 0)

    def connect_ferr(self, line: int) -> None:
        """FERR# drives this line: an error of the x87 while CR0.NE is 0 (SDM vol. 1 D.2)."""
        lib.vmm_x86_of(self._native).ferr_line = line

    def init(self) -> None:
        """INIT (SDM vol. 3A 9.4): the first vCPU starts over at the reset vector, any other waits for its SIPI."""
        self._make("init")

    def _init(self) -> None:
        lib.vmm_x86_init(self._native)

    def hand_over(self) -> None:
        """Between runs: the state in which firmware hands over, but for what an image is entered with."""
        self._make("hand over")

    def _hand_over(self) -> None:
        if self._native.machine.running:
            raise VmmError("firmware hands over between runs")
        lib.vmm_x86_hand_over(self._native)

    def enter(self, entry: Entry) -> None:
        """Stand where a loaded image begins."""
        if entry.mode == "real":
            self.enter_real(entry.cs, entry.pc, entry.registers)
        elif entry.mode == "protected32":
            self.enter_protected32(entry.pc, entry.registers, entry.gdt)
        elif entry.mode == "long64":
            self.enter_long64(entry.pc, entry.registers, entry.gdt)

    def read(self, linear: int, size: int) -> bytes:
        """Guest memory through the present page tables; VmmError at the first address that is not mapped."""
        buffer = bytearray(size)
        done = lib.vmm_x86_read(self._native, linear, ffi.from_buffer(buffer), size)
        if done != size:
            raise VmmError(f"linear address {linear + done:#x} is not mapped")
        return bytes(buffer)

    def write(self, linear: int, data: bytes) -> None:
        """Write guest memory whatever the page allows; VmmError at the first address that is not mapped."""
        self._make("write", linear, bytes(data))

    def _put_bytes(self, linear: int, data: bytes) -> None:
        done = lib.vmm_x86_write(self._native, linear, data, len(data))
        if done != len(data):
            raise VmmError(f"linear address {linear + done:#x} is not mapped")

    def enter_real(self, cs: int, ip: int, registers: Mapping[str, int]) -> None:
        """Real mode at cs:ip, as firmware hands over to a boot sector."""
        self.set_segment("cs", Segment(cs, cs << 4, 0xFFFF, REAL_CODE))
        for name in ("ds", "es", "ss", "fs", "gs"):
            self.set_segment(name, Segment(0, 0, 0xFFFF, REAL_DATA))
        self.set_segment("idtr", Segment(0, 0, 0x3FF, 0))
        self._set_all({"rip": ip, **registers})

    def enter_protected32(self, pc: int, registers: Mapping[str, int], gdt: tuple[int, int] | None = None) -> None:
        """Flat 32-bit protected mode at `pc`, interrupts off: the multiboot 0.6.96 machine state (section 3.2). `gdt`
        is where the descriptors are that segment registers have been loaded from, address and limit.
        """
        self["cr0"] = self["cr0"] & ~CR0_PG | CR0_PE
        self._enter_flat(CODE32, {"rip": pc, **registers}, gdt)

    def enter_long64(self, pc: int, registers: Mapping[str, int], gdt: tuple[int, int] | None = None) -> None:
        """64-bit mode at `pc`, interrupts off, on the page tables that `registers` have in CR3; `gdt` as above.
        VmmError on a CPU without long mode.
        """
        if self.cpuid(0x80000000)[0] < EXTENDED_FEATURES or not self.cpuid(EXTENDED_FEATURES)[3] & LONG_MODE:
            raise VmmError("64-bit code, and this CPU has no long mode (use --cpu default)")
        self["cr0"] = self["cr0"] & ~CR0_PG | CR0_PE
        self["cr3"], self["cr4"] = registers["cr3"], CR4_PAE
        self.set_msr(EFER, EFER_LME)
        self["cr0"] |= CR0_PG
        self._enter_flat(CODE64, {"rip": pc, **registers}, gdt)

    def _enter_flat(self, code: int, registers: Mapping[str, int], gdt: tuple[int, int] | None) -> None:
        if gdt:
            self.set_segment("gdtr", Segment(0, *gdt, 0))
        self.set_segment("cs", Segment(0x10, 0, 0xFFFFFFFF, code))
        for name in ("ds", "es", "ss", "fs", "gs"):
            self.set_segment(name, Segment(0x18, 0, 0xFFFFFFFF, DATA32))
        self._set_all(registers)

    def _set_all(self, registers: Mapping[str, int]) -> None:
        for name, value in registers.items():
            self[name] = value

    CHANGES: ClassVar = {
        "register": _put_register, "segment": _put_segment, "msr": _put_msr, "write": _put_bytes, "a20": _put_a20,
        "vector": Vcpu._put_vector, "init": _init, "hand over": _hand_over,
    }  # fmt: skip
