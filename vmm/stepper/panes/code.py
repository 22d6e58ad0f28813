"""The code around the program counter: what has been, what comes, and where the next interrupt will come."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from rich.text import Text

from vmm.disassembly import Disassembler, Instruction
from vmm.stepper.panes.pane import CHANGED, DIM, HERE, LIT, PLAIN, WARNING, View, line
from vmm.trace.words import interrupt

TITLE = "code"
SOURCE = "italic cyan"
ASSEMBLER = (".S", ".s")
SHADOWS = {"sti": "STI", "mov ss": "MOV SS"}
ADDRESS = 8
"""Digits of one at least."""
TEXT = 26
"""Columns that an instruction has at least, before there is a place of its source line."""


def draw(view: View) -> list[Text]:
    """In the order of addresses; the instruction that is about to begin a third down."""
    cpu, machine = view.walk.cpu, view.walk.machine
    disassembler = Disassembler(machine.architecture)
    symbols = machine.loaded.symbols if machine.loaded else None
    name = symbols.name_at(cpu.pc - 1) if symbols else None
    start = symbols.address(name.partition("+")[0]) if symbols and name else None
    before = disassembler.before(cpu, cpu.pc, start) if name or not symbols else []
    after = list(islice(_code(view, disassembler.ahead(cpu, cpu.pc)), view.height))
    above = [text for each in before for text in _lines(view, each)]
    below = [text for each in after for text in _lines(view, each)]
    kept = max(view.height // 3, view.height - len(below))
    return [*above[max(len(above) - kept, 0) :], *below][: view.height]


def _code(view: View, ahead: Iterable[Instruction]) -> Iterator[Instruction]:
    """Up to where the line table, if it says anything here, ends: what follows are data."""
    loaded, pc = view.walk.machine.loaded, view.walk.cpu.pc
    told = loaded is not None and loaded.place(pc)[1] is not None
    for each in ahead:
        if told and loaded and loaded.place(each.address)[1] is None:
            return
        yield each


def _lines(view: View, each: Instruction) -> Iterator[Text]:
    walk = view.walk
    machine, cpu = walk.machine, walk.cpu
    name, place = machine.loaded.place(each.address) if machine.loaded else (None, None)
    if name and "+" not in name:
        yield line((f"{name}:", LIT))
    here = each.address == cpu.pc
    if text := _source(view, each.address):
        yield line((f"   {text}", SOURCE))
    if walk.coming and walk.coming.place == each.address:
        yield line((f"   ▼ {_coming(view)}", WARNING))
    if here and (shadow := _shadow(cpu)):
        yield line((f"   ▽ {shadow}", WARNING))
    mark = "●" if each.address in walk.breakpoints() else " "
    address = f"{each.address:0{ADDRESS}x} "
    room = max(view.width - len(address) - 2, 0)
    names = [f" {place}", f" :{place.rpartition(':')[2]}"] if place else []
    least = max(TEXT, len(each.text))
    place = next((name for name in names if room - len(name) >= least), "")
    text = f"{each.text:{room - len(place)}}"
    arrow, style = ("▶", HERE) if here else (" ", PLAIN)
    yield line((mark, "bold red"), (arrow, CHANGED), (address, DIM), (text, style), (place, DIM))


def _source(view: View, address: int) -> str:
    """The line of C that begins there; assembler's is what the instruction is, or a macro."""
    loaded = view.walk.machine.loaded
    row = loaded.symbols.row_at(address) if loaded and loaded.symbols else None
    if row is None or row.address != address or row.file.endswith(ASSEMBLER):
        return ""
    text = view.walk.sources.line(row.file, row.number)
    return f"{row.number} {text}" if text else ""


def _shadow(cpu: object) -> str | None:
    kind = getattr(cpu, "shadow", None)
    return f"shadow of {SHADOWS[kind]}: no interrupt before this" if kind else None


def _coming(view: View) -> str:
    coming = view.walk.coming
    assert coming is not None, "who asks has looked"
    what = interrupt(coming.event.number, coming.event.source, view.walk.machine)
    if not coming.insns:
        return f"{what} comes now"
    return f"{what} comes here in {coming.insns} instruction{'s' * (coming.insns != 1)}"
