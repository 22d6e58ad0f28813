"""What a script keeps of a machine keeps the machine's memory, or has let go of it: no handle reads what is gone."""

from __future__ import annotations

import gc
import types
from collections.abc import Callable
from typing import Any

import pytest

import vmm
from vmm.catalog import resolve
from vmm.core.native import ffi
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine


def pc() -> Machine:
    """Two vCPUs, with an IRQ in service, a keyboard byte, a stimulus and a log."""
    m = Machine(Config(board="pc", smp=2, memory=2 << 20))
    m.load(resolve("x86/pit_ticks"))
    m.trace.record()
    m.run(until="tick")
    return m


def virt() -> Machine:
    m = Machine(Config(board="virt,gic=3", smp=2, memory=2 << 20, cpu="cortex-a57"))
    m.load(resolve("arm64/isr_bench_v3"))
    m.run(insns=900)
    return m


PC: dict[str, tuple[Callable[[Machine], Any], Callable[[Any], Any]]] = {
    "vCPU": (lambda m: m.cpus[1], lambda cpu: (cpu["eax"], cpu.pc, cpu.segment("cs"), cpu.off, cpu.count)),
    "running vCPU": (lambda m: m.cpu, lambda cpu: ([cpu[name] for name in cpu], cpu.recent(), cpu.read(cpu.pc, 4))),
    "fault chain": (lambda m: m.cpu.fault_chain(), list),
    "memory": (lambda m: m.memory, lambda memory: memory.read(0x1000, 64)),
    "line": (lambda m: m.irq(4), lambda line: (line.pulse(), line.number)),
    "driver's end": (lambda m: m.bus.line(6), lambda line: line.set(True)),
    "timer": (lambda m: m.clock.timer(lambda: None), lambda timer: timer.at(77)),
    "wave": (lambda m: m.clock.wave(m.bus.line(7)), lambda wave: wave.stop(True)),
    "clock": (lambda m: m.clock, lambda clock: clock.now()),
    "stimulus": (lambda m: m.stimulate(m.irq(5), vmm.Periodic(5)), lambda s: (s.pulses, s.stop())),
    "8259A": (lambda m: m.pic.master, lambda chip: (chip.irr, chip.isr, chip.imr, chip.vector)),
    "pair": (lambda m: m.pic, lambda pic: (pic.slave.imr, pic.write(1, 1, 0xFF))),
    "local APIC": (lambda m: m.lapic[1], lambda apic: (apic.id, apic.isr, apic.entry("lint0"), apic.version, apic.ppr)),
    "IOAPIC": (lambda m: m.ioapic, lambda ioapic: (ioapic.id, ioapic.pin(2), ioapic.version)),
    "device": (lambda m: m.board.devices["rtc"], lambda rtc: rtc.port_read(0x71, 1)),
    "chipset": (lambda m: m.board.devices["port92"], lambda port: port.port_write(0x92, 1, 2)),
    "trace": (lambda m: m.trace, lambda trace: (trace.hash, trace.last(5), list(trace.interrupts()))),
    "log": (lambda m: m.trace.of(kind="line"), lambda log: (len(log), log.first, log.insns)),
    "snapshot": (lambda m: m.snapshot(), lambda snapshot: snapshot.loaded.entry),
    "run control": (lambda m: m.limit, lambda limit: limit(insns=5)),
    "input": (lambda m: m.type, lambda write: write("x")),
    "byte": (lambda m: m.byte, lambda byte: byte(7)),
    "key": (lambda m: m.key, lambda key: key("a")),
    "vCPU's change": (lambda m: m.cpu.set_msr, lambda set_msr: set_msr(0x10, 5)),
    "board": (lambda m: m.board, lambda board: board.devices["pic"].master.irr),
}
VIRT: dict[str, tuple[Callable[[Machine], Any], Callable[[Any], Any]]] = {
    "vCPU": (lambda m: m.cpu, lambda cpu: ([cpu[name] for name in cpu], cpu.el, cpu.pstate)),
    "distributor": (lambda m: m.gic.dist, lambda dist: (dist.enabled, dist.pending, dist.targets(33), dist.groups)),
    "CPU interface": (lambda m: m.gic.cpu[1], lambda cpu: (cpu.pmr, cpu.enabled, cpu.priority(27), cpu.pending_lpis)),
    "GIC": (lambda m: m.gic, lambda gic: (gic.version, gic.cpu[0].running_priority)),
    "PPI": (lambda m: m.ppi(22), lambda ppi: ppi.pulse()),
    "ITS": (lambda m: m.board.devices["its"], lambda its: its.mmio_read(0x08080000, 4)),
}
BOTH = [(pc, PC), (virt, VIRT)]


@pytest.mark.slow
@pytest.mark.parametrize(("make", "rows"), BOTH, ids=["pc", "virt"])
def test_a_kept_handle_shows_what_it_would_show_with_its_machine(make, rows):
    """Of one machine each; then they are gone, and others with other contents take their place in the host's memory."""
    living = make()
    before, expected = living.snapshot(), {}
    for name, (keep, look) in rows.items():
        expected[name] = look(keep(living))
        living.restore(before)
    kept = {name: keep(make()) for name, (keep, _) in rows.items()}
    for _ in range(3):
        gc.collect()
        other = make()
        other.memory.write(other.memory.base, b"\xa5" * 0x4000)
        other.cpu["esp" if other.architecture == "x86" else "x20"] = 0xA5A5A5A5
        del other
    shown = {name: rows[name][1](handle) for name, handle in kept.items()}
    assert shown == expected
    gc.collect()


def cores(root: Any) -> set[Any]:
    """The owners of machines of the core that `root` reaches."""
    seen: set[int] = set()
    waiting, found = [root], set()
    while waiting:
        value = waiting.pop()
        if id(value) in seen or isinstance(value, type | types.ModuleType):
            continue
        seen.add(id(value))
        if isinstance(value, types.FunctionType):  # not its globals: they reach everything
            cells = (cell.cell_contents for cell in value.__closure__ or ())
            waiting += [*cells, *(value.__defaults__ or ())]
            continue
        if isinstance(value, ffi.CData) and owns_a_machine(value):
            found.add(value)
        waiting += gc.get_referents(value)
    return found


def owns_a_machine(value: Any) -> bool:
    return "GCP" in type(value).__name__ and ffi.typeof(value) is MACHINE


MACHINE = ffi.typeof("vmm_machine *")
POINTERLESS = ("fault chain",)
"""Plain values of Python's."""


@pytest.mark.parametrize(("make", "rows"), BOTH, ids=["pc", "virt"])
def test_a_kept_handle_reaches_the_owner_of_the_machines_memory(make, rows):
    m = make()
    assert [name for name, (keep, _) in rows.items() if not cores(keep(m))] == [
        each for each in POINTERLESS if each in rows
    ]


@pytest.mark.parametrize("make", [pc, virt])
def test_every_pointer_into_a_machine_that_an_object_keeps_comes_with_the_machine(make):
    """Whatever Python objects make up a machine."""
    m = make()
    views = [m, m.cpu, m.gic if make is virt else m.lapic, m.board]
    bare = set()
    for holder in [each for each in gc.get_objects() if str(type(each).__module__).startswith("vmm.")]:
        attributes = getattr(holder, "__dict__", {})
        for name, value in attributes.items():
            pointer = isinstance(value, ffi.CData) and ffi.typeof(value).kind == "pointer"
            if pointer and "vmm_" in ffi.typeof(value).cname and not any(map(cores, attributes.values())):
                bare.add(f"{type(holder).__name__}.{name}")
    assert views
    assert bare - OWN == set()


OWN = {"Selection._wanted"}
"""Structs of Python's own making."""


def test_a_trap_is_over_when_its_handler_has_returned():
    kept = []
    m = vmm.boot("x86/pit_ticks")

    @m.trap(vmm.Port(0x3F8))
    def keep(trap):
        if trap.write:
            kept.append((trap, trap.value, trap.size))

    m.run()
    assert len(kept) > 10
    for trap, value, size in kept:
        assert (trap.value, trap.size) == (value, size)
        with pytest.raises(VmmError, match=r"Port\(number=1016\) is over"):
            trap.value = 0x41
        assert trap.value == value


def test_a_traps_value_is_a_number_of_64_bits():
    m = vmm.boot("x86/pit_ticks")
    said = []

    @m.trap(vmm.Port(0x3F8))
    def wrong(trap):
        for value in (-1, 1 << 64):
            with pytest.raises(VmmError, match=r"value of a trap .* is outside 0-0xffffffffffffffff"):
                trap.value = value
        with pytest.raises(TypeError):
            trap.value = "x"
        said.append(trap.value)

    m.run(until="tick")
    assert said


def test_what_observers_and_logs_hold_in_the_core_goes_with_them():
    """A board's end of a line holds the core's machine and nothing else of it."""
    seen = []
    m = vmm.boot("x86/pit_ticks")
    m.trace.record()
    m.trace.observe(seen.append)
    line = m._board.devices["com1"]._irq
    line.set(True)
    line.set(False)
    m.trace.drain()
    assert len(seen) == 3  # the line, the request that it is at the 8259A, the line again
    del m
    gc.collect()
    seen.clear()
    for _ in range(10_000):  # more than the ring holds
        line.set(True)
        line.set(False)
    assert seen == []
