"""Runs within gdb, which gets this text by `monitor unwinder`: a backtrace goes from a handler to what it interrupted.

Handlers begin with assembly, where nothing tells gdb what their frames are like; the machine knows what each of them
interrupted. A frame of code without source, or with source in assembly, is the beginning of its handler.
"""

from collections.abc import Iterator
from typing import Any

import gdb  # type: ignore[import-untyped]
from gdb.FrameDecorator import FrameDecorator  # type: ignore[import-untyped]
from gdb.unwinder import Unwinder, register_unwinder  # type: ignore[import-untyped]

ASSEMBLY = (".S", ".s", ".asm")


class Stub:
    """`gdb.unwinder` wants to know which frame it is."""

    def __init__(self, sp: Any, pc: Any) -> None:
        self.sp, self.pc = sp, pc


def told() -> tuple[list[str], list[tuple[int, int, str]]]:
    """Of the thread that is selected: names of the program counter, the stack pointer and of the other registers with
    what holds what was interrupted; (pc, sp, what) of all that handlers interrupted, the innermost first.
    """
    names, *rows = gdb.execute("monitor frames raw", False, True).splitlines()
    parts = (row.split(" ", 2) for row in rows)
    return names.split(), [(int(pc, 0), int(sp, 0), what) for pc, sp, what in parts]


def is_assembly(pc: int) -> bool:
    symtab = gdb.find_pc_line(pc).symtab
    return bool(symtab is None or symtab.filename.endswith(ASSEMBLY))


class Crossing(Unwinder):  # type: ignore[misc]
    """From a handler to what it interrupted."""

    def __init__(self) -> None:
        super().__init__("vmm")
        self._left: list[tuple[int, int, str]] = []

    def __call__(self, pending: Any) -> Any:
        names, crossed = told()
        pointers, registers = names[:2], names[2:]
        pc, sp = (int(pending.read_register(name)) & (1 << 64) - 1 for name in pointers)
        known = [each[:2] for each in crossed]
        if pending.level() == 0:
            self._left = crossed
        elif (pc, sp) in known:
            self._left = crossed[known.index((pc, sp)) + 1 :]
        if not self._left or not is_assembly(pc):
            return None
        made = pending.create_unwind_info(Stub(gdb.Value(sp), gdb.Value(pc)))
        for name, value in zip(pointers, self._left[0], strict=False):
            made.add_saved_register(name, gdb.Value(value).cast(pending.read_register(name).type))
        for register in registers:
            name, _, holder = register.partition("=")
            made.add_saved_register(name, pending.read_register(holder))
        return made


class Interrupted(FrameDecorator):  # type: ignore[misc]
    """A frame that says what interrupted it."""

    def __init__(self, base: Any, what: str) -> None:
        super().__init__(base)
        self._what = what

    def function(self) -> str:
        """By the very address: gdb takes what is not innermost for a call, and looks before that."""
        where = gdb.execute(f"info symbol {self.inferior_frame().pc():#x}", False, True)
        name = where.split(" in section ")[0].split(" + ")[0] if " in section " in where else "??"
        return f"{name} [interrupted by {self._what}]"

    def line(self) -> int | None:
        line: int = gdb.find_pc_line(self.inferior_frame().pc()).line
        return line or None


class Filter:
    """Of backtraces."""

    name, priority, enabled = "vmm", 100, True

    def __init__(self) -> None:
        gdb.frame_filters[self.name] = self

    def filter(self, frames: Iterator[Any]) -> Iterator[Any]:
        (_, stack, *_), crossed = told()
        known = {(pc, sp): what for pc, sp, what in crossed}
        for frame in frames:
            inferior = frame.inferior_frame()
            place = inferior.pc(), int(inferior.read_register(stack)) & (1 << 64) - 1
            yield Interrupted(frame, known[place]) if place in known else frame


register_unwinder(None, Crossing(), replace=True)
Filter()
