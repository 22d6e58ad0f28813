"""The guest's instructions as text: capstone's, decoded as the code at that place is, for everybody who shows them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from vmm.arch import named
from vmm.errors import VmmError

if TYPE_CHECKING:
    from vmm.core.event import Event

PAGE = 0x1000
BEFORE = 64
"""Bytes before an address in which a listing that comes out at it is looked for."""


class Cpu(Protocol):
    """What is asked of a vCPU."""

    @property
    def bits(self) -> int: ...

    def read(self, address: int, size: int, /) -> bytes: ...


class Instruction(NamedTuple):
    """One, as memory has it now."""

    address: int
    """Linear."""
    data: bytes
    """Its bytes; none where it cannot be decoded, or nothing is mapped."""
    text: str

    @property
    def end(self) -> int:
        """Where the next one begins."""
        return self.address + len(self.data)


class Disassembler:
    """Of an architecture, by its name. `bits` is as the vCPUs of it have it, and theirs now where nobody says."""

    def __init__(self, architecture: str) -> None:
        self._dump = named(architecture).dump()
        self._open: dict[int, Any] = {}

    def at(self, cpu: Cpu, address: int, bits: int | None = None) -> Instruction:
        """The one that begins there."""
        code = self._fetch(cpu, address)
        decoded = next(self._for(bits or cpu.bits).disasm_lite(code, address, 1), None)
        if decoded is None:
            return Instruction(address, b"", "(bad)" if code else "(not mapped)")
        _, size, name, operands = decoded
        return Instruction(address, code[:size], f"{name} {operands}".strip())

    def ahead(self, cpu: Cpu, address: int, bits: int | None = None) -> Iterator[Instruction]:
        """From there on; the last is one that cannot be decoded."""
        while True:
            found = self.at(cpu, address, bits)
            yield found
            if not found.data:
                return
            address = found.end

    def before(self, cpu: Cpu, address: int, start: int | None = None, bits: int | None = None) -> list[Instruction]:
        """Those that lie before an address and come out at it: from `start`, a place where one is known to begin, if
        that is near; else, of x86, from the first place that does.
        """
        near = start is not None and address - BEFORE * 8 <= start < address
        starts = [start] if near else []
        for first in [*starts, *range(max(address - BEFORE, 0), address)]:
            assert first is not None
            found = []
            for each in self.ahead(cpu, first, bits):
                if not each.data or each.address >= address:
                    break
                found.append(each)
            if found and found[-1].end == address:
                return found
        return []

    def of(self, event: Event, cpu: Cpu) -> Instruction:
        """The instruction that an event is about, of its vCPU: of a delivery the one that was interrupted, else the one
        that began last.
        """
        bits = self._dump.interrupted(cpu, event) if event.kind == "delivered" else None
        return self.at(cpu, event.linear, bits)

    def _for(self, bits: int) -> Any:
        if bits not in self._open:
            self._open[bits] = self._dump.disassembler(bits)
        return self._open[bits]

    def _fetch(self, cpu: Cpu, address: int) -> bytes:
        """The bytes of one instruction at most; fewer where the next page is not mapped."""
        longest = self._dump.LONGEST
        for size in (longest, min(longest, PAGE - address % PAGE)):
            try:
                return cpu.read(address, size)
            except VmmError:
                continue
        return b""
