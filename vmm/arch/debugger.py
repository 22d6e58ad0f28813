"""What a debugger is shown of a vCPU: its registers in groups, as gdb's target descriptions have them.

A view is a list of registers for one kind of code: which one fits is the architecture's to say. Numbers follow from the
order. A name that a feature of gdb's own has means what gdb's manual says (appendix G, "Standard Target Features").
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from vmm.errors import VmmError

Read = Callable[[Any], int | None]
"""Of a vCPU: what the register holds; None: that cannot be told."""
Write = Callable[[Any, int], None]


class Register(NamedTuple):
    """One of a feature."""

    name: str
    bits: int
    read: Read
    write: Write | None
    """None: only the guest can change it."""
    type: str = ""
    """gdb's; empty: a number of its width."""
    group: str = ""
    """Of `info registers`; empty: gdb knows."""


class Feature(NamedTuple):
    """Registers that belong together."""

    name: str
    registers: tuple[Register, ...]
    types: str = ""
    """XML of the types that are its own."""


class View(NamedTuple):
    """All that is shown for one kind of code."""

    architecture: str
    """As gdb calls it."""
    features: tuple[Feature, ...]
    usual: int
    """How many registers from the first on are asked for at every stop."""
    stop: tuple[str, ...]
    """Which of them are told with every stop: program counter, stack pointer, and what else a backtrace begins with."""
    interrupted: Mapping[str, str] = {}
    """Of a handler's registers, whose value before it another of them holds."""

    @property
    def registers(self) -> list[Register]:
        """In the order of their numbers."""
        return [register for feature in self.features for register in feature.registers]

    @property
    def usual_names(self) -> list[str]:
        """Of those that are usually asked for."""
        return [register.name for register in self.registers[: self.usual]]


class Debugger(NamedTuple):
    """Of an architecture."""

    views: Mapping[str, View]
    view: Callable[[Any], str]
    """Which of them fits the code of a vCPU now."""
    stops_before_access: bool = False
    """gdb takes a watchpoint's stop to be before the access, in the way that it goes, and steps over that itself."""


def named(name: str, bits: int, ours: str = "", *, type: str = "", group: str = "", fixed: bool = False) -> Register:
    """One that the vCPU has by name: `ours`, if gdb calls it otherwise. It takes what fits into `bits`."""

    def read(cpu: Any) -> int:
        return int(cpu[ours or name]) & (1 << bits) - 1

    def write(cpu: Any, value: int) -> None:
        cpu[ours or name] = value

    return Register(name, bits, read, None if fixed else write, type, group)


def looked_at(name: str, bits: int, read: Read, *, type: str = "", group: str = "") -> Register:
    """One that only the guest can change."""
    return Register(name, bits, read, None, type, group)


def vector(name: str, bits: int, number: int, *, type: str) -> Register:
    """A vector register, by its number."""

    def read(cpu: Any) -> int:
        return int(cpu.vector(number)) & (1 << bits) - 1

    def write(cpu: Any, value: int) -> None:
        cpu.set_vector(number, value | (cpu.vector(number) >> bits << bits))

    return Register(name, bits, read, write, type)


def words(name: str, **values: int) -> str:
    """XML of a type whose values have names."""
    rows = "".join(f'<evalue name="{word}" value="{value}"/>' for word, value in values.items())
    return f'<enum id="{name}" size="4">{rows}</enum>'


def bits(name: str, size: int, **places: int | tuple[int, int]) -> str:
    """XML of a register of `size` bytes made of bits, and of fields from a bit to a bit."""
    rows = []
    for word, place in places.items():
        first, last = place if isinstance(place, tuple) else (place, place)
        kind = ' type="uint64"' if first != last and size == 8 else ' type="uint32"' if first != last else ""
        rows.append(f'<field name="{word}" start="{first}" end="{last}"{kind}/>')
    return f'<flags id="{name}" size="{size}">{"".join(rows)}</flags>'


def refused(register: Register) -> VmmError:
    """The error for a write to one that only the guest can change."""
    return VmmError(f"{register.name} is the guest's to write")
