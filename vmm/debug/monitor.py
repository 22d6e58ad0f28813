"""Commands about interrupts, of gdb's `monitor`, the stepper and the interactive console; a row a command."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm.arch.vcpu import Handler
from vmm.errors import VmmError, unknown
from vmm.inputs.lines import IrqLine
from vmm.trace.words import interrupt

if TYPE_CHECKING:
    from vmm.debug.target import Target

Function = Callable[["Target", list[str]], str]


class Row(NamedTuple):
    """A command."""

    usage: str
    does: str
    function: Function


def answer(target: Target, text: str, commands: Mapping[str, Row] | None = None) -> str:
    """What a command line says, of these or of all `commands`; of one that makes no sense, why."""
    known = COMMANDS if commands is None else commands
    try:
        words = shlex.split(text)
    except ValueError as error:
        return f"monitor {text}: {error}\n"
    name, *rest = words or ["help"]
    if name not in known:
        return f"{unknown('monitor command', name, known)}\n"
    try:
        return known[name].function(target, rest)
    except VmmError as error:
        return f"{error}\n"


def _lines(rows: list[str]) -> str:
    return "".join(f"{row}\n" for row in rows)


def _number(text: str, what: str) -> int:
    try:
        value = int(text, 0)
    except ValueError:
        raise VmmError(f"{what} {text!r}: it is a number") from None
    if value.bit_length() > 64:
        raise VmmError(f"{what} {text!r}: nothing has so large a number")
    return value


def _one_of(words: list[str], known: tuple[str, ...], what: str) -> str | None:
    """None: nothing was said."""
    if not words:
        return None
    if words[0] not in known:
        raise unknown(what, words[0], known)
    return words[0]


# ---- looks ----


def usages(commands: Mapping[str, Row]) -> str:
    """A line for each."""
    return _lines([f"{row.usage:28}{row.does}" for row in commands.values()])


def _help(target: Target, words: list[str]) -> str:
    return usages(COMMANDS)


def _where(target: Target, words: list[str]) -> str:
    machine = target.machine
    rows = [f"{machine.position}"]
    for cpu in machine.cpus:
        state = "off" if cpu.off else f"{cpu.state}{', halted' * cpu.halted}"
        rows.append(f"vCPU {cpu.index} at {machine.where(cpu.pc)}: {state}")
    return _lines([*rows, f"trace {machine.trace.hash}"])


def _irq_lines(target: Target, words: list[str]) -> str:
    machine = target.machine
    return _lines([repr(machine.line(name))[1:-1] for name in machine.board.line_names.values()])


def _irq_line(target: Target, words: list[str]) -> str:
    if not words:
        raise VmmError("which line? monitor line NAME, or its number")
    machine = target.machine
    line = machine.irq(_number(words[0].lstrip("0") or "0", "line")) if words[0].isdecimal() else machine.line(words[0])
    if what := _one_of(words[1:], tuple(LINE_ACTS), "act on a line"):
        target.change(partial(LINE_ACTS[what], line))
    return f"{repr(line)[1:-1]}\n"


LINE_ACTS: dict[str, Callable[[IrqLine], None]] = {
    "raise": IrqLine.raise_, "lower": IrqLine.lower, "pulse": IrqLine.pulse, "edge": IrqLine.edge,
    "until-served": IrqLine.until_served,
}  # fmt: skip


def _controllers(target: Target, words: list[str]) -> str:
    rows: list[str] = []
    for name, parts in CONTROLLERS.items():
        try:
            controller = getattr(target.machine, name)
        except VmmError:  # this board has none
            continue
        rows += [repr(part)[1:-1] for part in parts(controller)]
    return _lines(rows)


CONTROLLERS: dict[str, Callable[[Any], Sequence[object]]] = {
    "pic": lambda pic: (pic.master, pic.slave), "lapic": tuple, "ioapic": lambda ioapic: (ioapic,),
    "gic": lambda gic: (gic.dist, *gic.cpu),
}  # fmt: skip
"""By what a machine calls it, its parts."""


def _events(target: Target, words: list[str]) -> str:
    trace = target.machine.trace
    count = _number(words[0], "count of events") if words else EVENTS
    return _lines(
        [f"{event.insns:>10}  vCPU {event.vcpu}  {trace.describe(event)}" for event in trace.last(max(count, 1))]
    )


EVENTS = 16


def _frames(target: Target, words: list[str]) -> str:
    cpu, rows = target.cpu, [_crossed(target, handler) for handler in reversed(target.cpu.handlers())]
    if _one_of(words, ("raw",), "form of frames"):  # for unwinder.py
        names = [name for name in target.view.usual_names if name not in target.view.stop[:2]]
        held = [f"{name}={target.view.interrupted.get(name, name)}" for name in names]
        head = " ".join([*target.view.stop[:2], *held])
        return _lines([head, *(f"{pc:#x} {sp:#x} {what}" for what, _, pc, sp in rows)])
    machine = target.machine
    told = [
        f"-- {what}, when {begun} insns had begun --\n   {machine.where(pc)}, stack {sp:#x}"
        for what, begun, pc, sp in rows
    ]
    return _lines([f"   {machine.where(cpu.pc)}", *(told or ["no handler is under way"])])


def _crossed(target: Target, handler: Handler) -> tuple[str, int, int, int]:
    """Of what an interrupt crossed: what came, when, and the program counter and stack pointer that it found."""
    machine = target.machine
    source = machine.trace.source_name(handler.source, handler.pin)
    return interrupt(handler.number, source, machine), handler.begun, handler.pc, handler.sp


def _unwinder(target: Target, words: list[str]) -> str:
    return (Path(__file__).parent / "unwinder.py").read_text()


# ---- what comes from outside ----


def _irq(target: Target, words: list[str]) -> str:
    what = _one_of(words, ("hold", "deliver"), "way of steps")
    if what:
        target.held = what == "hold"
    steps = "run through handlers that come meanwhile" if target.held else "go into handlers that come"
    return f"interrupts are {'held' if target.held else 'delivered'}: steps {steps}\n"


def _inject(target: Target, words: list[str]) -> str:
    if not words:
        raise VmmError("inject what? monitor inject NUMBER [VCPU]")
    vector = _number(words[0], "interrupt")
    cpu = _number(words[1], "vCPU") if len(words) > 1 else target.general
    target.change(lambda: target.machine.inject(vector, cpu))
    return f"{vector:#x} will be delivered to vCPU {cpu} at the next boundary that admits it\n"


def _nmi(target: Target, words: list[str]) -> str:
    cpu = _number(words[0], "vCPU") if words else target.general
    target.change(lambda: target.machine.nmi(cpu))
    return f"an NMI is latched for vCPU {cpu}\n"


# ---- to and fro ----


def _snapshot(target: Target, words: list[str]) -> str:
    target.past.check()
    if words:
        target.past.name(words[0])
        return f"{words[0]}: {target.machine.position}\n"
    named = [f"{name:12}{at}" for name, at in target.past.names.items()]
    return _lines([*named, f"{len(target.past.moments)} on the way, the first at {target.past.moments[0]}"])


def restore(target: Target, words: list[str]) -> str:
    """Go to a snapshot that was named."""
    target.past.check()
    if not words:
        raise VmmError("restore which? monitor restore NAME")
    target.past.restore(words[0])
    return f"{words[0]}: {target.machine.position}\n"


def _restore(target: Target, words: list[str]) -> str:
    return f"{restore(target, words).rstrip()}; tell gdb: maintenance flush register-cache\n"


def _stop(target: Target, words: list[str]) -> str:
    return f"{target.machine.stop}\n"


COMMANDS = {
    "help": Row("help", "these commands", _help),
    "where": Row("where", "the position in the run, and each vCPU's state", _where),
    "frames": Row("frames", "the handlers under way, and what each interrupted", _frames),
    "unwinder": Row("unwinder", "what lets gdb's backtraces cross interrupts: see the manual", _unwinder),
    "events": Row("events [COUNT]", "the last events of the trace", _events),
    "lines": Row("lines", "every interrupt line", _irq_lines),
    "line": Row("line NAME [ACT]", f"look at a line, or {', '.join(LINE_ACTS)}", _irq_line),
    "controllers": Row("controllers", "what each interrupt controller holds", _controllers),
    "irq": Row("irq [hold|deliver]", "whether steps run through handlers that come", _irq),
    "inject": Row("inject NUMBER [VCPU]", "deliver an interrupt that no controller knows of", _inject),
    "nmi": Row("nmi [VCPU]", "latch an NMI", _nmi),
    "snapshot": Row("snapshot [NAME]", "keep the machine as it is, or show what is kept", _snapshot),
    "restore": Row("restore NAME", "go to one that was kept", _restore),
    "stop": Row("stop", "why the last run ended", _stop),
}
