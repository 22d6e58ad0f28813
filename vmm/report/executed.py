"""What is executed, in QEMU's words: behind `-d exec`, `-d cpu` and `-d in_asm`.

QEMU writes at every block that it runs; here every instruction is a boundary, and has its own.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any, Protocol

from vmm.arch import named
from vmm.disassembly import Disassembler

if TYPE_CHECKING:
    from vmm.machine.machine import Machine

LINE = "----------------"


class Output(Protocol):
    """A text file."""

    def write(self, text: str, /) -> object: ...


class Executed:
    """Of one machine, which is `boundary`'s to look at; it changes nothing.

    An instruction is told when it has begun: at the boundary before it something else may be delivered. What is written
    meanwhile, of deliveries, comes behind it: others write here, not into the file.
    """

    def __init__(self, machine: Machine, items: Collection[str], file: Output) -> None:
        self._machine, self._items, self._file = machine, items, file
        self._architecture = named(machine.architecture)
        self._disassembler = Disassembler(machine.architecture)
        self._coming: tuple[int, int, int] | None = None
        """The vCPU, how many it has begun, and where: the instruction that comes next."""
        self._told, self._meanwhile, self._bits = "", "", 0
        self._known: dict[tuple[int, int], bytes] = {}
        """Instructions that were shown: the address and the width of their code, and their bytes."""
        self._shown: bytes | None = None
        """The bytes of the one that comes next, if it is shown."""
        self._next: tuple[int, str | None] | None = None
        """Behind the one that was shown last, and its symbol's name."""

    def write(self, text: str) -> None:
        """A line of others."""
        self._meanwhile += text

    def boundary(self) -> None:
        """The machine stands at one, or has ended."""
        cpu = self._machine.cpus[self._machine.position.vcpu]
        coming = cpu.index, cpu.count, cpu.pc
        if coming == self._coming:
            return
        self.settle()
        if not cpu.off and not cpu.halted:
            self._coming, self._told = coming, "".join(self._lines(cpu))

    def settle(self) -> None:
        """Write of the instruction that has begun, and what came of it."""
        if self._coming:
            index, count, pc = self._coming
            cpu = self._machine.cpus[index]
            if cpu.count > count:
                self._file.write(self._told)
                if self._shown is not None:
                    self._known[pc, self._bits] = self._shown
        self._file.write(self._meanwhile)
        self._coming, self._told, self._meanwhile = None, "", ""

    def _lines(self, cpu: Any) -> Iterator[str]:
        loaded = self._machine.loaded
        place = loaded.place(cpu.pc) if loaded else ()
        self._bits, self._shown = cpu.bits, None
        if "in_asm" in self._items and not self._is_known(cpu):
            yield from self._in_asm(cpu, loaded.symbol(cpu.pc) if loaded else None)
        if "cpu" in self._items:
            yield from (f"{row}\n" for row in self._architecture.qemu_registers(cpu))
        if "exec" in self._items:
            where = "".join(f" {part}" for part in place if part)
            yield f"Trace {cpu.index}: insns={cpu.count} [{cpu.pc:016x}]{where}\n"

    def _is_known(self, cpu: Any) -> bool:
        """Code may have been written over since."""
        data = self._known.get((cpu.pc, cpu.bits))
        return data is not None and self._disassembler.is_still(cpu, cpu.pc, data)

    def _in_asm(self, cpu: Any, name: str | None) -> Iterator[str]:
        found = self._disassembler.at(cpu, cpu.pc)
        if self._next != (found.address, name):
            yield f"{LINE}\nIN: {name or ''}\n"
        self._next, self._shown = (found.end, name), found.data
        yield f"{found.address:#010x}:  {found.data.hex(' '):24} {found.text}\n"
