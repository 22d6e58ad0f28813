"""The 8259A pair: what is in service, what requests, and why it is not taken (Intel 231468)."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from vmm.core.event import Event
from vmm.core.native import lib
from vmm.findings import apic
from vmm.findings.past import Fits
from vmm.findings.standing import End, Request, Service, Standing, some

CASCADE = 2
LTIM, SFNM = 0x08, 0x10
"""Of ICW1 and ICW4."""
NAMES = ("the 8259A", "the slave 8259A")
CASCADED = "the cascade (IR2 of the master 8259A)"


def services(at: Standing) -> Iterator[Service]:
    """A slave's interrupt is in service on both chips, and both are owed an EOI."""
    pair = lib.vmm_pic_of(at.native)
    for chip in (0, 1):
        for n in range(8):
            if pair.chip[chip].isr >> n & 1 and not (chip == 0 and n == CASCADE and pair.chip[1].isr):
                yield _service(at, chip, n)


def _service(at: Standing, chip: int, n: int) -> Service:
    pin = 8 * chip + n
    if pin == CASCADE:
        place = at.past.last(_of_slave)
        number = -1 if place is None else at.past.events[place].number
        return at.service(CASCADED, number, None, _of_slave, "an EOI at the master, too")
    owed = "EOIs of slave and master" if chip else "an EOI"
    return at.service(_name(at, pin), _vector(at, pin), None, partial(_acknowledged, _vector(at, pin), pin), owed)


def requests(at: Standing) -> Iterator[Request]:
    pair = lib.vmm_pic_of(at.native)
    for pin in range(16):
        chip, n = divmod(pin, 8)
        if pin != CASCADE and pair.chip[chip].irr >> n & 1 and (why := _why(at, pin)) is not None:
            text, behind, barred = why
            yield Request(_name(at, pin), pair.chip[chip].raised[n], text, behind, barred)


def _why(at: Standing, pin: int) -> tuple[str, str, bool] | None:
    """Why it is not taken, the name of what holds it back, and whether the guest wants that; None: it will be."""
    if masked := mask(at, pin):
        elsewhere = apic.mask(at, pin)
        if not elsewhere and apic.pin_of(at, pin) is not None:
            return None  # the IOAPIC is asked for it
        return f"masked at {some([masked, elsewhere] if elsewhere else [masked])}", "", True
    blocker = _holds_back(at, pin)
    return ("", blocker, False) if blocker else apic.not_by_the_pair(at)


def _holds_back(at: Standing, pin: int) -> str:
    """The name of what is in service and of no lower priority, on the pin's chip or, of a slave's, on the master; empty
    where nothing is.
    """
    chip, n = divmod(pin, 8)
    blocker = _blocker(at, chip, n)
    if blocker is not None and chip:
        return _name(at, 8 + blocker)
    if blocker is None and chip:
        blocker = _blocker(at, 0, CASCADE)
    if blocker is None:
        return ""
    if blocker != CASCADE:
        return _name(at, blocker)
    return _name(at, 8 + _highest(at, 1)) if lib.vmm_pic_of(at.native).chip[1].isr else CASCADED


def mask(at: Standing, line: int) -> str:
    """Which chip masks it; empty: none."""
    pair = lib.vmm_pic_of(at.native)
    chip, n = divmod(line, 8)
    if not _is_pin(line):
        return ""
    if pair.chip[chip].imr >> n & 1:
        return NAMES[chip]
    return "the master 8259A (the cascade, IR2)" if chip and pair.chip[0].imr >> CASCADE & 1 else ""


def _blocker(at: Standing, chip: int, n: int) -> int | None:
    """The input in service, of this or a higher priority, that holds input `n` of a chip back."""
    raw = lib.vmm_pic_of(at.native).chip[chip]
    blocking = raw.isr & ~raw.imr if raw.special_mask else raw.isr
    nests = chip == 0 and raw.icw4 & SFNM and n == CASCADE
    for step in range(1, 9):
        each = raw.lowest + step & 7
        if blocking >> each & 1 and not (each == n and nests):
            return each
        if each == n:
            return None
    return None


def _highest(at: Standing, chip: int) -> int:
    raw = lib.vmm_pic_of(at.native).chip[chip]
    return next(each for step in range(1, 9) if raw.isr >> (each := raw.lowest + step & 7) & 1)


def edges(at: Standing, line: int) -> Iterator[End]:
    if not _is_pin(line) or _is_level(at, line):
        return
    vector = _vector(at, line)
    pair = lib.vmm_pic_of(at.native)
    yield End(
        vector=vector,
        requested=bool(pair.chip[line >> 3].irr >> (line & 7) & 1),
        enabled=not mask(at, line),
        pending=lambda event: (event.kind, event.number, event.value) == ("pending", line, 0),
        acknowledged=partial(_acknowledged, vector, line),
        keeps=bool(pair.keeps_edges),
        masked="the 8259A did not latch it",
        mask_then=partial(_mask_then, at, line),
    )


def taken(at: Standing, line: int) -> Iterator[Fits]:
    if _is_pin(line) and _is_level(at, line):
        yield partial(_acknowledged, _vector(at, line), line)


def sources(at: Standing, vcpu: int) -> Iterator[str]:
    names = [_name(at, pin) for pin in range(16) if _is_pin(pin) and not mask(at, pin)]
    if names and apic.passes_the_pair(at, vcpu):
        yield f"{some(names)} at the 8259A"


def deaf(at: Standing, vcpu: int) -> str:
    """The local APIC, through which it comes, tells of that."""
    return ""


def _mask_then(at: Standing, pin: int, place: int) -> str:
    """The chip that masked it, by the last mask that was written before."""
    chip, n = divmod(pin, 8)
    written = at.past.last(lambda event: (event.kind, event.number) == ("masked", chip), place)
    return NAMES[chip] if written is not None and at.past.events[written].value >> n & 1 else ""


def _of_slave(event: Event) -> bool:
    """The master's IR2 is in service since then; the slave's spurious IR15 is owed nothing itself."""
    return event.kind in ("acknowledged", "spurious") and 8 <= event.value < 16


def _acknowledged(vector: int, pin: int, event: Event) -> bool:
    return (event.kind, event.number, event.value) == ("acknowledged", vector, pin)


def _is_pin(line: int) -> bool:
    return line < 16 and line != CASCADE


def _is_level(at: Standing, pin: int) -> bool:
    raw = lib.vmm_pic_of(at.native).chip[pin >> 3]
    return bool(raw.icw1 & LTIM or raw.elcr >> (pin & 7) & 1)


def _name(at: Standing, pin: int) -> str:
    return at.lines.get(pin, f"IR{pin}")


def _vector(at: Standing, pin: int) -> int:
    return int(lib.vmm_pic_of(at.native).chip[pin >> 3].vector | (pin & 7))
