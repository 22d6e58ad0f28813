"""Python devices declare nothing, and are put back in place, whatever they are made of."""

from __future__ import annotations

import array
import logging
import random
import threading
from collections import OrderedDict, defaultdict, deque
from dataclasses import dataclass, field
from pathlib import Path

import pytest

import vmm
from vmm.catalog import resolve
from vmm.core.device_state import DeviceState
from vmm.errors import VmmError
from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

# ---- what a device may be made of ----


class Slotted:
    __slots__ = ("empty", "full")

    def __init__(self):
        self.full = [1]


@dataclass
class Inner:
    values: list[int] = field(default_factory=list)
    path: Path = Path("/nowhere")


class Queue(list):
    """A container with an attribute of its own."""

    def __init__(self):
        super().__init__([1, 2])
        self.high_water = 2


class Everything:
    def __init__(self):
        self.number, self.text = 1, "one"
        self.list, self.dict, self.set = [1, [2]], {"a": {"b": 1}}, {1, 2}
        self.deque, self.ordered, self.default = deque([1, 2], maxlen=3), OrderedDict(a=1, b=2), defaultdict(list)
        self.bytes, self.array, self.view = bytearray(b"abc"), array.array("H", [1, 2]), memoryview(bytearray(4))
        self.dice = random.Random(5)
        self.slotted, self.inner, self.queue = Slotted(), Inner([1]), Queue()
        self.pair = (Inner([2]), 7)
        self.call, self.key, self.log = self.spoil, object(), logging.getLogger("device")

    def spoil(self):
        self.number, self.extra = 2, "new"
        del self.text
        self.list[1].append(3)
        self.list.insert(0, 0)
        self.dict["a"]["b"] = 2
        self.dict["z"] = self
        self.set ^= {2, 3}
        self.deque.extend([3, 4])
        self.ordered.move_to_end("a")
        self.default["x"].append(1)
        self.bytes += b"def"
        self.array.append(3)
        self.view[0] = 9
        self.dice.random()
        self.slotted.full.append(2)
        self.slotted.empty = 1
        self.inner.values = []
        self.queue.append(3)
        self.queue.high_water = 3
        self.pair[0].values.append(4)

    def shown(self):
        plain = {name: value for name, value in vars(self).items() if name not in ("call", "dice", "slotted", "view")}
        plain["pair"] = repr(self.pair)
        return repr(
            (plain, list(self.ordered), self.dice.getstate(), bytes(self.view), self.slotted.full,
             hasattr(self.slotted, "empty"), self.queue.high_water)
        )  # fmt: skip


def of(*devices: object) -> DeviceState:
    """A board with these devices."""
    state = DeviceState(wiring=())
    for device in devices:
        state.attach(device)
    state.built()
    return state


def test_whatever_a_device_is_made_of_is_put_back():
    device = Everything()
    state, before = of(device), device.shown()
    captured = state.take()
    device.spoil()
    assert device.shown() != before
    state.called.add(id(device))
    state.put(captured)
    assert device.shown() == before


def test_objects_stay_the_same_and_what_was_dropped_comes_back():
    device = Everything()
    kept = device.inner, device.list, device.slotted
    state = of(device)
    captured = state.take()
    device.inner, device.list, device.slotted = Inner(), [], Slotted()
    state.called.add(id(device))
    state.put(captured)
    assert all(now is then for now, then in zip((device.inner, device.list, device.slotted), kept, strict=True))


@pytest.mark.parametrize(
    "thing", [(n for n in "ab"), threading.Lock(), iter([1])], ids=["generator", "lock", "iterator"]
)
def test_what_nobody_can_put_back_is_named(thing):
    device = Inner()
    device.values = [thing]
    outer = Inner()
    outer.path = device
    with pytest.raises(VmmError, match=f"device Inner has a {type(thing).__name__} in list, whose state no snapshot"):
        of(outer).take()
    device.values, device.path = [], thing
    with pytest.raises(VmmError, match=f"has a {type(thing).__name__} in Inner.path,"):
        of(outer).take()


def test_after_an_error_the_next_snapshot_is_whole():
    device = Inner([1])
    state = of(device)
    device.values.append(iter([]))
    with pytest.raises(VmmError):
        state.take()
    device.values[1:] = [2]
    captured = state.take()
    device.values.clear()
    state.called.add(id(device))
    state.put(captured)
    assert device.values == [1, 2]


# ---- households ----


class Node:
    def __init__(self, friend: object = None):
        self.friend = friend
        self.count = 0


def test_a_device_that_was_not_called_is_not_taken_again():
    device, other = Inner([1]), Inner([2])
    state = of(device, other)
    first = state.take()
    state.called.add(id(device))
    second = state.take()
    assert [then[1] is now[1] for then, now in zip(first, second, strict=True)] == [False, True]


@pytest.mark.parametrize("order", [1, -1])
@pytest.mark.parametrize("by_method", [False, True])
def test_a_call_of_one_device_may_change_those_it_refers_to(order, by_method):
    class Caller(Node):
        def hear(self):
            self.count += 1

    called = Caller()
    caller = Node(called.hear if by_method else called)
    state = of(*[caller, called][::order])
    first = state.take()
    called.count = 5
    state.called.add(id(caller))
    second = state.take()
    called.count = 6
    state.called.add(id(caller))
    state.put(first)
    assert called.count == 0
    state.put(second)
    assert called.count == 5


def test_devices_that_become_acquainted_later_are_one_household_from_then_on():
    a, b = Node(), Node()
    state = of(a, b)
    apart = state.take()
    a.friend, a.count = b, 1
    state.called.add(id(a))
    together = state.take()
    b.count = 7
    state.called.add(id(a))
    later = state.take()
    expected = {id(apart): (None, 0, 0), id(together): (b, 1, 0), id(later): (b, 1, 7)}
    for captured in (apart, later, together, apart, together, later, apart):
        a.count = b.count = 99
        state.called.add(id(a))
        state.put(captured)
        assert (a.friend, a.count, b.count) == expected[id(captured)]


def test_random_histories_of_devices_are_put_back():
    """Held against a copy of every count and friend. Those of a board change when they are called, and then also what
    they refer to; those of scripts unheard, and they change their friends."""
    dice = random.Random(3)
    for _ in range(100):
        board = [Node() for _ in range(4)]
        for node in board:
            node.friend = dice.choice([*board, None, None])
        state = of(*board)
        scripts = [Node() for _ in range(3)]
        for node in scripts:
            state.attach(node)
        nodes = board + scripts
        kept = []
        for _ in range(30):
            node = dice.choice(nodes)
            if node in board:
                state.called.add(id(node))
            else:
                node.friend = dice.choice([*scripts, None])
            node.count += 1
            if node.friend:
                node.friend.count += 1
            if dice.random() < 0.4:
                kept.append((state.take(), [(node.friend, node.count) for node in nodes]))
            elif kept and dice.random() < 0.4:
                captured, copy = dice.choice(kept)
                state.put(captured)
                assert [(node.friend, node.count) for node in nodes] == copy


# ---- in a machine ----

COUNTER_PORT = 0x99


class Counter:
    """Counts writes, and has a timer."""

    port_width = 1

    def __init__(self, machine: Machine):
        self.writes, self.ticks = [], 0
        self.timer = machine.clock.timer(self.tick)
        machine.attach(self, ports=(COUNTER_PORT, 1))

    def port_read(self, port, size):
        return len(self.writes)

    def port_write(self, port, size, value):
        self.writes.append(value)
        self.timer.at(1000)

    def tick(self):
        self.ticks += 1


def counting(code: str, **config) -> tuple[Machine, Counter]:
    machine = Machine(Config(memory=MIB, board="pc,pit=off", **config))
    device = Counter(machine)
    machine.memory.write(0x1000, bytes.fromhex(code + "ebfe"))
    machine.cpu.enter_protected32(0x1000, {"rsp": 0x8000, "rax": 7})
    return machine, device


def test_a_device_of_the_user_goes_back_with_its_machine():
    machine, device = counting("e699" * 4)
    machine.run(insns=2)
    snapshot = machine.snapshot()
    machine.run(insns=200)
    assert (len(device.writes), device.ticks) == (4, 1)
    machine.restore(snapshot)
    assert (device.writes, device.ticks) == ([7, 7], 0)
    machine.run(insns=200)
    assert (len(device.writes), device.ticks) == (4, 1)


def test_a_script_may_change_devices_behind_the_back_of_the_bus():
    machine, device = counting("90")
    uart = machine.board.devices["com1"]
    scratch = 0x3FF
    snapshot = machine.snapshot()
    device.ticks = 5
    uart.port_write(scratch, 1, 0x5A)
    again = machine.snapshot()
    machine.restore(snapshot)
    assert (device.ticks, uart.port_read(scratch, 1)) == (0, 0)
    machine.restore(again)
    assert (device.ticks, uart.port_read(scratch, 1)) == (5, 0x5A)


@pytest.mark.parametrize("bound", [False, True])
def test_what_the_console_printed_is_not_taken_back(bound):
    class Terminal:
        def __init__(self):
            self.text = b""

        def write(self, data):
            self.text += data

    terminal, printed = Terminal(), bytearray()
    machine, _ = counting("66bafd03 66baf803 b041 ee", console=terminal.write if bound else printed.extend)
    snapshot = machine.snapshot()
    for _ in range(2):
        machine.run(insns=20)
        machine.restore(snapshot)
    assert (terminal.text if bound else printed) == b"AA"


def test_a_snapshot_of_another_machine_is_refused():
    machine, _ = counting("90")
    other, _ = counting("90")
    with pytest.raises(VmmError, match="another machine"):
        machine.restore(other.snapshot())


@pytest.mark.parametrize("call", ["snapshot", "restore"])
def test_during_a_run_there_is_no_snapshot(call):
    machine, _ = counting("e698")
    snapshot = machine.snapshot()

    @machine.trap(vmm.Port(0x98))
    def ask(trap):
        getattr(machine, call)(*[snapshot] * (call == "restore"))

    with pytest.raises(VmmError, match="only while the machine does not run"):
        machine.run(insns=5)


def test_an_image_that_was_loaded_later_has_no_symbols_in_an_earlier_snapshot():
    machine = Machine(Config())
    snapshot = machine.snapshot()
    machine.load(resolve("x86/hello"))
    entry = machine.cpu.pc
    machine.restore(snapshot)
    assert (machine.loaded, machine.cpu.pc) == (None, 0xFFFFFFF0)
    assert entry != machine.cpu.pc


def test_a_snapshot_outlives_the_others_and_the_machine():
    machine, device = counting("e699" * 4)
    snapshots = []
    for _ in range(4):
        snapshots.append(machine.snapshot())
        machine.run(insns=1)
    del snapshots[0:2]
    machine.restore(snapshots[0])
    assert device.writes == [7, 7]
    del machine, device
    del snapshots
