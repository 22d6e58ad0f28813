"""Instructions as they lie in memory when the run is over, each with its place and source line."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from vmm.arch import named
from vmm.catalog import files_of
from vmm.report.crash import decoded
from vmm.sources import source_of

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

MOST_BYTES = 4 << 20
"""Of a source file that is read."""


class Code:
    """Of one machine: each instruction once, by its address."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._dump = named(machine.architecture).dump()
        self._disassemblers: dict[int, Any] = {}
        self._next: dict[int, int] = {}
        self.rows: dict[int, tuple[str, str]] = {}
        """Instruction and source text, by address."""
        source = machine.source
        self._beside = files_of(source.image)[-1].parent if source else Path()
        self._sources: dict[str, list[str]] = {}

    def block(self, vcpu: int, address: int, count: int) -> list[int]:
        """The addresses of `count` instructions from one on; fewer where there are no more."""
        found: list[int] = []
        for _ in range(count):
            if address not in self.rows:
                self._decode(vcpu, address)
            found.append(address)
            if self._next[address] == address:
                break
            address = self._next[address]
        return found

    def _decode(self, vcpu: int, address: int) -> None:
        cpu = self._machine.cpus[vcpu]
        if vcpu not in self._disassemblers:
            self._disassemblers[vcpu] = self._dump.disassembler(cpu)
        text, size = decoded(self._disassemblers[vcpu], cpu, address, self._dump.LONGEST)
        self._next[address] = address + size
        self.rows[address] = text, self._source(address)

    def _source(self, address: int) -> str:
        loaded = self._machine.loaded
        row = loaded.symbols.row_at(address) if loaded and loaded.symbols else None
        if row is None:
            return ""
        if row.file not in self._sources:
            self._sources[row.file] = self._lines(row.file)
        lines = self._sources[row.file]
        return lines[row.number - 1].strip() if 0 < row.number <= len(lines) else ""

    def _lines(self, name: str) -> list[str]:
        """Of a source file; none where it is not here."""
        path = source_of(name, self._beside)
        try:
            if path is None or path.stat().st_size > MOST_BYTES:
                return []
            return path.read_text(errors="replace").split("\n")
        except OSError:
            return []
