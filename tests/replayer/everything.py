"""A recording of everything that a script can decide, on a machine of either family; what damages one."""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import vmm
from vmm.inputs.traps import DONE
from vmm.machine.machine import Machine


class Ticker:
    """A device of a script's: read, it counts; every 50 us of its own it drives a line."""

    port_width = 1

    def __init__(self, m: Machine) -> None:
        self._clock, self._line, self.reads = m.clock, m.bus.line(6), 0
        self._timer = m.clock.timer(self._tick)
        self._timer.at(m.clock.now() + 50_000)
        wave = m.clock.wave(m.bus.line(7))
        wave.start(origin_ns=m.clock.now(), hz_num=1000, hz_den=3, level=True, first_tick=1, toggles=4)

    def _tick(self) -> None:
        self._line.set(self.reads % 2 == 0)
        self.reads += 1
        self._timer.at(self._clock.now() + 50_000)

    def port_read(self, port: int, size: int) -> int:
        self.reads += 1
        return self.reads

    def port_write(self, port: int, size: int, value: int) -> None:
        self._line.set(False)

    def mmio_read(self, address: int, size: int) -> int:
        return self.port_read(address, size)

    def mmio_write(self, address: int, size: int, value: int) -> None:
        self.port_write(address, size, value)


async def on_a_pc(m: Machine) -> None:
    await vmm.Delivered(0x20)
    m.irq(4).pulse()
    m.attach(Ticker(m), ports=(0x300, 4))
    await vmm.Elapsed(insns=3)
    m.nmi()
    m.memory.write(0x500, b"here")
    m.write("kernel_stack", b"\x01\x02")
    m.cpu["edi"] = 0x1234
    m.cpu.set_msr(0x10, 77)
    m.cpu.set_a20(True)
    m.cpu.set_segment("fs", m.cpu.segment("fs"))
    m.stimulate(m.irq(5), vmm.Periodic(1000, count=9))
    vector = m.stimulate(vmm.Vector(0x77), vmm.Sequence([100_000]))
    await vmm.Elapsed(us=900)
    vector.stop()
    m.board.devices["keyboard"].key(0x1E)
    m.board.devices["com1"].port_write(0x3FF, 1, 0x5A)
    m.irq(3).until_served()
    m.byte("x")
    m.pic.write(1, 1, 0xFF)
    m.lapic[0].event("thermal")
    m.lapic[0].lint(1, False)
    m.msi(0xFEE00000, 0x4099)
    m.type("abc")
    m.limit(insns=9_000_000)


async def on_virt(m: Machine) -> None:
    await vmm.Delivered(27)
    m.spi(4).pulse()
    m.ppi(22).raise_()
    m.ppi(21).until_served()
    m.spi(5).until_served()
    m.attach(Ticker(m), memory=(0x0C000000, 0x100))
    await vmm.Elapsed(insns=3)
    m.sgi(3)
    m.inject(44)
    m.cpu["x20"] = 0x1234
    m.memory.write(0x40000500, b"here")
    m.cpu.serror(3)
    m.stimulate(m.irq(5), vmm.Poisson(1000, count=9))
    m.type("abc")
    m.limit(insns=9_000_000)


def on_a_pc_traps(m: Machine) -> None:
    @m.trap(vmm.Port(0x3F8))
    def upper(t: Any) -> None:
        if t.write:
            t.value = ord(chr(t.value).upper())


def on_virt_traps(m: Machine) -> None:
    @m.trap(vmm.SysReg("cntv_ctl_el0"))
    def same(t: Any) -> str | None:
        return None if t.write else DONE


MACHINES: dict[str, tuple[Callable[[Machine], None], Callable[[Machine], Any]]] = {
    "x86/pit_ticks": (on_a_pc_traps, on_a_pc),
    "arm64/timer_ticks": (on_virt_traps, on_virt),
}


def record(image: str, path: Path) -> list[str]:
    """The lines of the recording, but for its checksum."""
    m = vmm.boot(image)
    traps, scenario = MACHINES[image]
    with m.recording(path):
        traps(m)
        m.start(scenario)
        m.run()
        m.close()
    return path.read_text().splitlines()[:-1]


ODD: tuple[Any, ...] = (
    None, True, -1, 0, 1, 2, 7, 255, 256, 65536, 1 << 31, 1 << 32, 1 << 63, (1 << 64) - 1, 1 << 64, 1 << 200, 1.5, "",
    "x", "cpu", "\x00", "\ud800", [], [1], {}, {"hex": "00"}, {"hex": "00" * 4096}, {"refused": ["line", 1, 1]},
    [[[[]]]], "a" * 5000,
)  # fmt: skip


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The way to each value within a JSON value."""
    items = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(place for key, item in items for place in places(item, (*path, key)))]


def changed(line: str, dice: random.Random) -> str:
    """One value of a JSON object is another."""
    whole = json.loads(line)
    *way, last = dice.choice(places(whole)[1:])
    owner = whole
    for key in way:
        owner = owner[key]
    old = owner[last]
    choice = dice.randrange(8)
    if choice == 0:
        del owner[last]
    elif choice == 1 and isinstance(old, int):
        owner[last] = old + dice.choice((-1, 1, 1 << dice.randrange(64)))
    else:
        owner[last] = dice.choice(ODD)
    return json.dumps(whole)


def crafted(lines: list[str], dice: random.Random) -> list[str]:
    """Another recording, a little or much like this one."""
    lines = list(lines)
    for _ in range(dice.choice((1, 1, 2, 5))):
        n = dice.randrange(len(lines))
        choice = dice.randrange(6)
        if choice == 0:
            del lines[n]
        elif choice == 1:
            lines.insert(n, dice.choice(lines))
        elif lines:
            lines[n] = changed(lines[n], dice)
        lines = lines or ["{}"]
    return lines
