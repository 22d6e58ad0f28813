"""Instructions as they lie in memory when the run is over, each with its place and source line."""

from __future__ import annotations

import re
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.arch.architecture import Interrupted
from vmm.catalog import files_of
from vmm.disassembly import Disassembler
from vmm.sources import SourceTexts

if TYPE_CHECKING:
    from vmm.arch.cpus import Cpu
    from vmm.machine.machine import Machine

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
        self._sources = SourceTexts(files_of(source.image)[-1].parent if source else Path())

    def block(self, cpu: Cpu, begin: Interrupted, count: int) -> list[int]:
        """The addresses of `count` instructions from one on, as they are executed where no condition decides: a jump is
        followed, and a return is the last.
        """
        found: list[int] = []
        at: Interrupted | None = begin
        while at and len(found) < count:
            target = self._straight(cpu, at, count, found)
            at = None if target is None else Interrupted(target, begin.bits)
        return found

    def _straight(self, cpu: Cpu, begin: Interrupted, count: int, found: list[int]) -> int | None:
        """As far as a jump, whose target is given back."""
        for each in islice(self._disassembler.ahead(cpu, *begin), count - len(found)):
            if each.address not in self.rows:
                self.rows[each.address] = each.text, self._source(each.address)
            found.append(each.address)
            if jump := JUMPS.fullmatch(each.text):
                return int(jump[1], 16)
            if RETURNS.fullmatch(each.text):
                break
        return None

    def _source(self, address: int) -> str:
        loaded = self._machine.loaded
        row = loaded.symbols.row_at(address) if loaded and loaded.symbols else None
        return self._sources.line(row.file, row.number) if row else ""
