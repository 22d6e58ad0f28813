"""A view of registers as gdb's target description, and registers as bytes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from vmm.arch.debugger import Register, View

UNKNOWN = b"x"


def target(view: View) -> str:
    """The XML."""
    numbers = iter(range(len(view.registers)))
    features = "".join(
        f'<feature name="{feature.name}">{feature.types}{"".join(_registers(feature.registers, numbers))}</feature>'
        for feature in view.features
    )
    head = '<?xml version="1.0"?><!DOCTYPE target SYSTEM "gdb-target.dtd">'
    return f"{head}<target><architecture>{view.architecture}</architecture>{features}</target>"


def _registers(registers: tuple[Register, ...], numbers: Iterator[int]) -> Iterator[str]:
    for register in registers:
        type = f' type="{register.type}"' if register.type else ""
        group = f' group="{register.group}"' if register.group else ""
        yield f'<reg name="{register.name}" bitsize="{register.bits}" regnum="{next(numbers)}"{type}{group}/>'


def shown(register: Register, cpu: Any) -> bytes:
    """What it holds as gdb wants it: hexadecimal, the lowest byte first."""
    value = register.read(cpu)
    if value is None:
        return UNKNOWN * (register.bits // 4)
    return value.to_bytes(register.bits // 8, "little").hex().encode()
