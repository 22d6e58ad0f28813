"""The keys of the stepper, a row a key."""

from __future__ import annotations

from typing import NamedTuple


class Key(NamedTuple):
    """What it is called, does, and is."""

    keys: str
    """As textual names them, with commas between."""
    action: str
    label: str
    """As people read it."""
    does: str


KEYS = (
    Key("n,right", "forward", "n →", "one boundary on"),
    Key("p,left", "back", "p ←", "one boundary back"),
    Key("N", "next_delivery", "N", "on to the next handler, at its first instruction"),
    Key("P", "last_delivery", "P", "back to the handler before"),
    Key("f", "finish", "f", "out of the innermost handler"),
    Key("b", "ask('toggle')", "b", "set or remove a breakpoint: a symbol, file.c:94, an address"),
    Key("c", "go_on", "c", "on to a breakpoint, or the end"),
    Key("C", "go_back", "C", "back to a breakpoint, or the beginning"),
    Key("g", "ask('go_to')", "g", "to where so many instructions have begun"),
    Key("slash", "ask('search')", "/", "on to the next event with these words"),
    Key("i", "ask('line')", "i", "drive an interrupt line: its name or number, and raise, lower, pulse, …"),
    Key("m", "nmi", "m", "latch an NMI for this vCPU"),
    Key("colon", "ask('command')", ":", "any command of gdb's monitor: help lists them"),
    Key("v", "next_cpu", "v", "show the next vCPU, and step that one"),
    Key("tab", "fold", "Tab", "in a narrow window: the next pane"),
    Key("escape", "escape", "Esc", "end a long move, or this"),
    Key("question_mark", "help", "?", "this list"),
    Key("q,ctrl+c", "leave", "q", "leave"),
)

SHORT = {
    "n p": "step", "N P": "interrupt", "f": "finish", "b": "break", "g": "go to", "/": "search", "?": "help",
    "q": "quit", "i": "line",
}  # fmt: skip
"""The line at the bottom, the most important first."""
