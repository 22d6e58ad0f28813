"""A vCPU and RAM without a board: any state in, one boundary or instruction, the state out."""

from __future__ import annotations

from models.x86_delivery import Cpu, Event
from models.x86_delivery import Segment as ModelSegment

from vmm.arch.x86.vcpu import X86, Segment
from vmm.core.native import NEVER, check, ffi, lib, open_unicorn

RAM_BYTES = 2 << 20
PAGE_TABLES = 0x100000
SEGMENTS = ("es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr", "gdtr", "idtr")
CR0_PE, CR0_ET, CR0_PG, CR4_PAE = 1, 1 << 4, 1 << 31, 1 << 5
EFER, EFER_LME = 0xC0000080, 1 << 8
ATTRIBUTES = 0xF0FF00
"""Of a descriptor's second doubleword; between its two groups lie limit bits."""
PRESENT_WRITABLE_USER, LARGE_PAGE = 7, 1 << 7


class BareX86:
    """`state` as the product's vCPU has it."""

    def __init__(self, state: Cpu) -> None:
        open_unicorn()
        self.machine = ffi.gc(lib.vmm_new(), lib.vmm_free)
        check(self.machine, lib.vmm_map_ram(self.machine, 0, RAM_BYTES))
        check(self.machine, lib.vmm_add_x86(self.machine, 0))
        self.machine.limit_insns = self.machine.limit_ns = NEVER
        self.ram = ffi.buffer(self.machine.ram, self.machine.ram_size)
        self.cpu = X86(self.machine.vcpus[0])
        self.size = len(state.memory)
        self.ram[0 : self.size] = bytes(state.memory)
        self.enter(state)

    def enter(self, state: Cpu) -> None:
        if state.mode == "long":
            self.map_all_as_it_is()
            self.cpu["cr4"] = CR4_PAE
            self.cpu.set_msr(EFER, EFER_LME)
            self.cpu["cr3"] = PAGE_TABLES
        if state.mode != "real":
            self.cpu["cr0"] = CR0_PE | CR0_ET | (CR0_PG if state.mode == "long" else 0)
        self.cpu["rflags"] = state.flags
        for name in SEGMENTS:
            part = state.segments[name]
            self.cpu.set_segment(name, Segment(part.selector, part.base, part.limit, part.attributes))
        self.cpu["rsp"] = state.sp
        self.cpu["rip"] = state.ip

    def map_all_as_it_is(self) -> None:
        """One 2 MiB page, linear = physical, open to every ring."""
        for level, entry in enumerate((PAGE_TABLES + 0x1000, PAGE_TABLES + 0x2000, LARGE_PAGE)):
            at = PAGE_TABLES + level * 0x1000
            self.ram[at : at + 8] = (entry | PRESENT_WRITABLE_USER).to_bytes(8, "little")

    def run(self, event: Event) -> Cpu | None:
        """Inject an external event, or run the instruction that causes any other; None for shutdown."""
        if event.kind == "external":
            lib.vmm_inject(self.machine, 0, event.vector)
        lib.vmm_run(self.machine, 1)
        if self.machine.stop.reason == lib.VMM_STOP_SHUTDOWN:
            return None
        assert self.machine.stop.reason == lib.VMM_STOP_SLICE, f"stop reason {self.machine.stop.reason}"
        return self.state()

    def state(self) -> Cpu:
        parts = {name: self.cpu.segment(name) for name in SEGMENTS}
        return Cpu(
            mode="real",
            cpl=self.cpu.cpl,
            ip=self.cpu["rip"],
            sp=self.cpu["rsp"],
            flags=self.cpu["rflags"],
            memory=bytearray(self.ram[0 : self.size]),
            segments={
                name: ModelSegment(part.selector, part.base, part.limit, part.attributes & ATTRIBUTES)
                for name, part in parts.items()
            },
        )

    def chain(self) -> list[tuple[int, int | None]]:
        """Vector and error code of each event of the last nested delivery."""
        return [(link.vector, link.error) for link in self.cpu.fault_chain()]
