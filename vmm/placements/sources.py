"""What may happen at a boundary, as people write it, and the decision that a recording keeps of it.

irq:4  spi:1        a line, high until a controller has acknowledged it; irq:4,edge: up and down at once; irq:4,high
spurious            a request that is gone when it is asked for, of each controller: spurious:pic, spurious:apic,
                    spurious:gic; spurious:apic,cpu=1; of a line: spurious:irq:7, spurious:spi:5
nmi  nmi:1          an NMI, of vCPU 0 or another
vector:0x40         an external interrupt past every controller; vector:0x40,cpu=1
ppi:27  sgi:3       of a GIC's vCPU 0; ppi:27,cpu=1
key:a  byte:0x41    a key, a byte on the console
turn:1  turn        the turn goes to vCPU 1; to each other one that is awake
timer               the timer that is due next expires
timer-late:5        the timer that would expire next does so 5 instructions later; timer-late:1..20, timer-late:1,7
read:x=0,7          an instruction that reads x finds 0 there, or 7; read:u8 x=0,7
read:port:0x60=0,7  one that reads port 60h; read:0x9000018=0,7: a device's register
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from vmm.core.native import lib
from vmm.errors import VmmError, unknown, within
from vmm.machine.machine import accesses_of, check_device, spurious_of
from vmm.placements.predicate import terms

if TYPE_CHECKING:
    from vmm.inputs.lines import IrqLine
    from vmm.machine.machine import Machine


class Row(NamedTuple):
    """What C does for it; CALL: `happen`."""

    kind: int
    number: int = 0
    vector: int = 0
    size: int = 0
    physical: int = 0
    value: int = 0


@dataclass(frozen=True)
class Source:
    """One of the things that may happen."""

    name: str
    """As it is written: "irq:4"."""
    row: Callable[[Machine], Row]
    """VmmError where the machine has no such thing."""
    happen: Callable[[Machine], object]
    """The same by the machine's own methods."""
    interrupts: bool = True
    """It is to be delivered; False: a device may take it and interrupt nobody."""
    each: Callable[[Machine], list[Source]] | None = None
    """It stands for several, which the machine tells."""


PAGE = 4096

LINES = {
    "": lib.VMM_CHOICE_SERVED,
    "edge": lib.VMM_CHOICE_EDGE,
    "high": lib.VMM_CHOICE_HIGH,
    "withdrawn": lib.VMM_CHOICE_WITHDRAWN,
}


def _line(name: str, kind: str, number: int, how: str, cpu: int) -> Source:
    def line(machine: Machine) -> IrqLine:
        return machine.spi(number) if kind == "spi" else machine.irq(number)

    def row(machine: Machine) -> Row:
        line(machine)
        return Row(LINES[how], number)

    def happen(machine: Machine) -> object:
        method = {"": "until_served", "edge": "edge", "high": "raise_", "withdrawn": "until_taken"}[how]
        return getattr(line(machine), method)()

    return Source(name, row, happen)


def _called(happen: Callable[[Machine, int, int], object]) -> Callable[[str, str, int, str, int], Source]:
    def source(name: str, kind: str, number: int, how: str, cpu: int) -> Source:
        return Source(
            name,
            lambda machine: Row(lib.VMM_CHOICE_CALL),
            lambda machine: happen(machine, number, cpu),
            kind != "byte",
        )

    return source


def _nmi(name: str, kind: str, number: int, how: str, cpu: int) -> Source:
    return Source(
        name, lambda machine: Row(lib.VMM_CHOICE_NMI, number),
        lambda machine: machine.nmi(number),
    )  # fmt: skip


def _vector(name: str, kind: str, number: int, how: str, cpu: int) -> Source:
    return Source(
        name, lambda machine: Row(lib.VMM_CHOICE_INJECT, cpu, number),
        lambda machine: machine.inject(number, cpu),
    )  # fmt: skip


def _turn(name: str, kind: str, number: int, how: str, cpu: int) -> Source:
    def row(machine: Machine) -> Row:
        if len(machine.cpus) == 1:
            raise VmmError(f"{name}: the machine has one vCPU, whose turn it always is: more come with --smp N")
        if number >= len(machine.cpus):
            raise VmmError(f"{name}: vCPU {number} is not among 0-{len(machine.cpus) - 1}")
        return Row(lib.VMM_CHOICE_TURN, number)

    return Source(name, row, lambda machine: machine.turn(number), interrupts=False)


def _turns(name: str) -> Source:
    """To whichever vCPU."""

    def each(machine: Machine) -> list[Source]:
        return [_turn(f"{name}:{cpu.index}", name, cpu.index, "", 0) for cpu in machine.cpus]

    return Source(name, lambda machine: each(machine)[0].row(machine), lambda machine: None, False, each)


def _finds(name: str, rest: str) -> Source:
    """Each of the values that are listed."""
    where, _, listed = rest.rpartition("=")
    if not where.strip() or not listed.strip():
        raise VmmError(f"{name!r}: read:x=0,7 is where it is read, and what may be found there")
    find = _port if where.strip().startswith(PORT) else _find
    found = [find(where.strip(), value.strip()) for value in listed.split(",")]
    return Source(name, found[0].row, lambda machine: None, False, lambda machine: found)


PORT = "port:"


def _port(where: str, value: str) -> Source:
    name = f"read:{where}={value}"
    port, number = _number(name, where.removeprefix(PORT)), _number(name, value)

    def row(machine: Machine) -> Row:
        check_device(machine, port, port=True)
        return Row(lib.VMM_CHOICE_FIND_PORT, physical=port, value=number)

    return Source(name, row, lambda machine: machine.answer(port, number, port=True), False)


def _find(where: str, value: str) -> Source:
    """As a comparison names values: "u8 x = 7"."""
    (term,) = terms(f"{where} == {value}")
    if term.kind != lib.VMM_TERM_MEMORY:
        raise VmmError(f"read:{where}: a value lies in memory or is a device's, not in a register")
    data = term.value.to_bytes(8, "little")[: term.size]
    number = int.from_bytes(data, "little")

    def row(machine: Machine) -> Row:
        if _is_of_device(machine, term.where):
            return Row(lib.VMM_CHOICE_FIND_DEVICE, physical=machine.address(term.where), value=number)
        with accesses_of(machine) as accesses:
            physical = accesses.physical(machine.cpu, machine.address(term.where))
        if physical is None or physical // PAGE != (physical + term.size - 1) // PAGE:
            raise VmmError(f"read:{where}: a value lies in RAM, within one page, as the first vCPU maps it")
        return Row(lib.VMM_CHOICE_FIND, size=term.size, physical=physical, value=number)

    def happen(machine: Machine) -> None:
        if _is_of_device(machine, term.where):
            machine.answer(machine.address(term.where), number)
        else:
            machine.write(term.where, data)

    return Source(f"read:{where}={value}", row, happen, False)


def _is_of_device(machine: Machine, where: str) -> bool:
    with suppress(VmmError):
        check_device(machine, machine.address(where), port=False)
        return True
    return False


CONTROLLERS = ("pic", "apic", "gic")
"""Whose requests may be gone."""


def _spurious(name: str, rest: str) -> Source:
    kind, colon, number = rest.partition(":")
    if colon:
        if kind not in ("irq", "spi"):
            raise unknown(f"line in {name!r}", kind, ("irq", "spi"))
        return _line(name, kind, _number(name, number), "withdrawn", 0)
    controller, _, option = rest.partition(",")
    if controller not in CONTROLLERS:
        raise unknown(f"controller in {name!r}", controller, (*CONTROLLERS, "irq:7", "spi:5"))
    word, equals, cpu = option.partition("=")
    if option and (word != "cpu" or not equals):
        raise VmmError(f"{name!r}: {option!r} says nothing of it: it takes cpu=N")
    return _of_controller(name, controller, _number(name, cpu) if option else 0)


def _of_controller(name: str, controller: str, cpu: int) -> Source:
    def row(machine: Machine) -> Row:
        number, index = spurious_of(machine, controller, cpu)
        return Row(lib.VMM_CHOICE_SPURIOUS, index, number)

    return Source(name, row, lambda machine: machine.spurious(controller, cpu))


def _any_spurious(name: str) -> Source:
    """Of the first vCPU."""

    def each(machine: Machine) -> list[Source]:
        found = [_of_controller(f"{name}:{controller}", controller, 0) for controller in CONTROLLERS]
        return [each for each in found if _has(machine, each)]

    return Source(name, lambda machine: each(machine)[0].row(machine), lambda machine: None, True, each)


def _has(machine: Machine, source: Source) -> bool:
    with suppress(VmmError):
        source.row(machine)
        return True
    return False


USUALLY_LATE = "1..16"


def _late(name: str, rest: str) -> Source:
    """By each of the numbers of instructions that are listed."""
    found = [_late_by(insns) for part in rest.split(",") for insns in _numbers(name, part)]
    return Source(name, found[0].row, lambda machine: None, False, lambda machine: found)


def _late_by(insns: int) -> Source:
    return Source(
        f"timer-late:{insns}", lambda machine: Row(lib.VMM_CHOICE_LATE, insns),
        lambda machine: machine.delay_timer(insns), False,
    )  # fmt: skip


def _numbers(name: str, part: str) -> Sequence[int]:
    """One, or from one to another."""
    first, dots, last = part.partition("..")
    low, high = _number(name, first), _number(name, last if dots else first)
    if not 1 <= low <= high < low + lib.VMM_MAX_CHOICES:
        raise VmmError(f"{name!r}: {part} is not 1 and more, nor 1 to {lib.VMM_MAX_CHOICES} of them in their order")
    return range(low, high + 1)


def _ppi(machine: Machine, number: int, cpu: int) -> None:
    machine.ppi(number, cpu).until_served()


def _sgi(machine: Machine, number: int, cpu: int) -> None:
    machine.sgi(number, target=cpu, source=cpu)


IPIS = 0xFEE00000
"""Where messages to local APICs go; bits 12 to 19 are the destination's ID (SDM vol. 3A 11.11.1)."""


def _ipi(machine: Machine, number: int, cpu: int) -> None:
    within("interrupt vector", number, 256)
    within("vCPU", cpu, len(machine.cpus))
    machine.msi(IPIS | machine.lapic[cpu].id << 12, number)


def _byte(machine: Machine, number: int, cpu: int) -> None:
    machine.byte(number)


KINDS: dict[str, Callable[[str, str, int, str, int], Source]] = {
    "irq": _line,
    "spi": _line,
    "nmi": _nmi,
    "vector": _vector,
    "ipi": _called(_ipi),
    "ppi": _called(_ppi),
    "sgi": _called(_sgi),
    "byte": _called(_byte),
    "turn": _turn,
}
"""A kind of source is a row."""
OF_A_CPU = ("vector", "ipi", "ppi", "sgi")
"""Kinds that take cpu=N."""


def source(text: str) -> Source:
    """What `text` names; VmmError for what names none."""
    kind, colon, rest = text.strip().partition(":")
    if kind == "key":
        return Source(text.strip(), lambda machine: Row(lib.VMM_CHOICE_CALL), lambda machine: machine.key(rest), False)
    if text.strip() == "timer":
        return Source("timer", lambda machine: Row(lib.VMM_CHOICE_TIMER), lambda machine: machine.skip_to_timer())
    if kind == "read":
        return _finds(text.strip(), rest)
    if kind == "spurious":
        return _spurious(text.strip(), rest) if colon else _any_spurious(text.strip())
    if kind == "timer-late":
        return _late(text.strip(), rest if colon else USUALLY_LATE)
    if kind == "timer":
        raise VmmError(f"{text.strip()!r}: the timer is the one that is due next: it takes nothing more")
    if kind not in KINDS:
        word = kind.rstrip("0123456789")
        if word != kind and word.lower() in KINDS:
            raise VmmError(f"unknown source of interrupts {kind!r}; did you mean '{word.lower()}:{kind[len(word) :]}'?")
        raise unknown("source of interrupts", kind, [*KINDS, "key", "read", "spurious", "timer", "timer-late"])
    first, *options = rest.split(",")
    cpu, how = 0, ""
    for option in options:
        word, equals, value = option.partition("=")
        if equals and word == "cpu" and kind in OF_A_CPU:
            cpu = _number(text, value)
        elif KINDS[kind] is _line and option in ("edge", "high"):
            how = option
        else:
            takes = "cpu=N" if kind in OF_A_CPU else "edge or high" if KINDS[kind] is _line else "nothing more"
            raise VmmError(f"{text!r}: {option!r} says nothing of {kind}: it takes {takes}")
    if not colon and kind == "nmi":
        first = "0"
    if not colon and kind == "turn" and not options:
        return _turns(text.strip())
    return KINDS[kind](text.strip(), kind, _number(text, first), how, cpu)


def of_machine(sources: Sequence[Source], machine: Machine) -> list[Source]:
    """With each that stands for several as these; VmmError where there are too many."""
    found = [one for each in sources for one in (each.each(machine) if each.each else [each])]
    if len(found) > lib.VMM_MAX_CHOICES:
        raise VmmError(f"{len(found)} sources: there are 1 to {lib.VMM_MAX_CHOICES}")
    return found


def _number(text: str, digits: str) -> int:
    try:
        number = int(digits, 0)
    except ValueError:
        raise VmmError(f"{text!r}: {digits!r} is no number: irq:4, nmi, vector:0x40 and ppi:27 are sources") from None
    if not 0 <= number < 1 << 32:
        raise VmmError(f"{text!r}: {digits} is not a number of 32 bits")
    return number
