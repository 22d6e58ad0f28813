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
        return self._at(cpu, address, bits or cpu.bits, self._dump.before(cpu, address))

    def is_still(self, cpu: Cpu, address: int, data: bytes) -> bool:
        """The instruction that was there, which has these bytes."""
        return self._fetch(cpu, address)[: len(data)] == data

    def ahead(
        self, cpu: Cpu, address: int, bits: int | None = None, before: bytes | None = None
    ) -> Iterator[Instruction]:
        """From there on; the last is one that cannot be decoded. `before` is as `Dump.before` has it, which is asked
        where nobody says.
        """
        bits, before = bits or cpu.bits, self._dump.before(cpu, address) if before is None else before
        while True:
            found = self._at(cpu, address, bits, before)
            yield found
            if not found.data:
                return
            address, before = found.end, self._dump.behind(before, found.data) if bits == 16 else b""

    def _at(self, cpu: Cpu, address: int, bits: int, before: bytes) -> Instruction:
        code, skipped = self._fetch(cpu, address), 1 if before else 0
        decoded = list(self._for(bits).disasm_lite(before + code, address - len(before), 1 + skipped))[skipped:]
        if not decoded:
            return Instruction(address, b"", "(bad)" if code else "(not mapped)")
        _, size, name, operands = decoded[0]
        return Instruction(address, code[:size], f"{name} {operands}".strip())

    def before(self, cpu: Cpu, address: int, start: int | None = None, bits: int | None = None) -> list[Instruction]:
        """Those that lie before an address and come out at it: from `start`, a place where one is known to begin, if
        that is near; else, of x86, from the first place that does.
        """
        known: list[int] = []
        if start is not None and address - BEFORE * 8 <= start < address:
            known.append(start)
        for first in (*known, *range(max(address - BEFORE, 0), address)):
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
        if event.kind != "delivered":
            return self.at(cpu, event.linear)
        return self._at(cpu, *self._dump.interrupted(cpu, event))

    def place(self, event: Event, cpu: Cpu) -> int:
        """The linear address of that instruction."""
        return self._dump.interrupted(cpu, event).address if event.kind == "delivered" else event.linear

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
