"""Instructions as they lie in memory when the run is over, each with its place and source line."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.catalog import files_of
from vmm.disassembly import Disassembler
from vmm.sources import source_of

if TYPE_CHECKING:
    from vmm.arch.cpus import Cpu
    from vmm.machine.machine import Machine

MOST_BYTES = 4 << 20
"""Of a source file that is read."""
JUMPS = re.compile(r"(?:jmp|b) #?(0x[0-9a-f]+)")
RETURNS = re.compile(r"iret[dq]?|ret[fq]?|eret|rfe.*|bx lr|(?:subs|movs) pc, .*|(?:pop|ldm).*pc.*")
"""As capstone has them."""


class Code:
    """Of one machine: each instruction once, by its address."""

    def __init__(self, machine: Machine) -> None:
        self._machine = machine
        self._disassembler = Disassembler(machine.architecture)
        self.rows: dict[int, tuple[str, str]] = {}
        """Instruction and source text, by address."""
        source = machine.source
        self._beside = files_of(source.image)[-1].parent if source else Path()
        self._sources: dict[str, list[str]] = {}

    def block(self, cpu: Cpu, address: int, count: int, bits: int) -> list[int]:
        """The addresses of `count` instructions of so many bits from one on, as they are executed where no condition
        decides: a jump is followed, and a return is the last.
        """
        found: list[int] = []
        while len(found) < count:
            each = self._disassembler.at(cpu, address, bits)
            if each.address not in self.rows:
                self.rows[each.address] = each.text, self._source(each.address)
            found.append(each.address)
            jump = JUMPS.fullmatch(each.text)
            if not each.data or RETURNS.fullmatch(each.text):
                break
            address = int(jump[1], 16) if jump else each.end
        return found

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
