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
    short: str = ""
    """In the line at the bottom; empty: not there."""


KEYS = (
    Key("n,right", "forward", "n →", "one boundary on", "on"),
    Key("p,left", "back", "p ←", "one boundary back", "back"),
    Key("N", "next_delivery", "N", "on to the next handler, at its first instruction", "next interrupt"),
    Key("P", "last_delivery", "P", "back to the handler before", "last interrupt"),
    Key("f", "finish", "f", "out of the innermost handler", "finish"),
    Key("b", "ask('toggle')", "b", "set or remove a breakpoint: a symbol, file.c:94, an address", "breakpoint"),
    Key("c", "go_on", "c", "on to a breakpoint, or the end"),
    Key("C", "go_back", "C", "back to a breakpoint, or the beginning"),
    Key("g", "ask('go_to')", "g", "to where so many instructions have begun", "go to"),
    Key("slash", "ask('search')", "/", "on to the next event with these words", "search"),
    Key("i", "ask('line')", "i", "drive an interrupt line: its name or number, and raise, lower, pulse, …", "line"),
    Key("m", "nmi", "m", "latch an NMI for this vCPU"),
    Key("colon", "ask('command')", ":", "any command of gdb's monitor: help lists them"),
    Key("v", "next_cpu", "v", "show the next vCPU, and step that one"),
    Key("tab", "fold", "Tab", "in a narrow window: the next pane"),
    Key("escape", "escape", "Esc", "end a long move, or this"),
    Key("question_mark", "help", "?", "this list", "help"),
    Key("q,ctrl+c", "leave", "q", "leave", "quit"),
)
