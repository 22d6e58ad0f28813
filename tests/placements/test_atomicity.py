"""Which orders of three accesses no order of two pieces of code explains, by hand: of the eight of reads and writes,
the four that AVIO (ASPLOS 2006, table 1) calls unserializable.
"""

from __future__ import annotations

from itertools import product

import pytest

from vmm.machine.accesses import Access
from vmm.placements.atomicity import conflicts
from vmm.placements.observed import Step

VARIABLE, STACK = 0x9000, 0x8000


class Told:
    """Steps, written by hand, over bytes that are kept."""

    def __init__(self):
        self.steps, self.memory = [], {}

    def step(self, depth, *accesses, stack=STACK, delivery=False):
        """Accesses: (address, size) for a read, (address, bytes) for a write."""
        done = []
        for address, what in accesses:
            writes = isinstance(what, bytes)
            size = len(what) if writes else what
            before = bytes(self.memory.get(address + n, 0) for n in range(size))
            self.memory.update({address + n: byte for n, byte in enumerate(what)} if writes else {})
            done.append(Access(address, before, what if writes else before, writes, False))
        self.steps.append(Step(len(self.steps), 0, 0x100, "", depth, stack, delivery, tuple(done)))

    def deliver(self, depth=0, frame=12, stack=STACK):
        self.step(depth, (stack - frame, b"\1" * frame), stack=stack, delivery=True)

    def found(self):
        return [each[:3] for each in conflicts(self.steps, 0)]


def access(kind, value):
    return (VARIABLE, bytes([value])) if kind == "W" else (VARIABLE, 1)


UNSERIALIZABLE = {
    "RWR": "read-write-read",
    "WWR": "write-write-read",
    "RWW": "read-write-write",
    "WRW": "write-read-write",
}


@pytest.mark.parametrize("order", ["".join(each) for each in product("RW", repeat=3)])
def test_three_accesses_of_a_byte(order):
    told = Told()
    told.step(0, access(order[0], 1))
    told.deliver()
    told.step(1, access(order[1], 2), stack=STACK - 12)
    told.step(0, access(order[2], 3))
    assert told.found() == ([(UNSERIALIZABLE[order], VARIABLE, 1)] if order in UNSERIALIZABLE else [])


def test_a_handler_that_writes_what_is_there_changes_nothing():
    told = Told()
    told.step(0, (VARIABLE, 1))
    told.deliver()
    told.step(1, (VARIABLE, b"\0"), stack=STACK - 12)
    told.step(0, (VARIABLE, b"\3"))
    assert told.found() == []


def test_only_the_bytes_that_all_three_access():
    """4 bytes, 1 of them by the handler."""
    told = Told()
    told.step(0, (VARIABLE, 4))
    told.deliver()
    told.step(1, (VARIABLE + 2, b"\2"), stack=STACK - 12)
    told.step(0, (VARIABLE, bytes(4)))
    assert told.found() == [("read-write-write", VARIABLE + 2, 1)]


def test_what_lies_below_the_stack_pointer_is_nobodys():
    """Popped, overwritten by the frame and by the handler's pushes, pushed again."""
    told = Told()
    told.step(0, (STACK - 8, b"\7" * 8), stack=STACK)
    told.step(0, (STACK - 8, 8), stack=STACK - 8)
    told.deliver()
    told.step(1, (STACK - 16, b"\5" * 4), stack=STACK - 12)
    told.step(1, (STACK - 16, 4), stack=STACK - 16)
    told.step(0, (STACK - 8, b"\6" * 8), stack=STACK)
    assert told.found() == []


def test_what_was_put_below_the_stack_pointer_and_is_read_again_is_lost():
    """The red zone of a program for System V on x86-64, which an interrupt on the same stack overwrites."""
    told = Told()
    told.step(0, (STACK - 8, b"\7" * 8))
    told.deliver()
    told.step(0, (STACK - 8, 8))
    assert told.found() == [("write-write-read", STACK - 8, 8)]


def test_a_handler_that_is_interrupted_itself():
    told = Told()
    told.step(0, (VARIABLE, b"\1"))
    told.deliver()
    told.step(1, (VARIABLE + 16, 1), stack=STACK - 12)
    told.deliver(1, stack=STACK - 12)
    told.step(2, (VARIABLE + 16, b"\2"), stack=STACK - 24)
    told.step(1, (VARIABLE + 16, b"\3"), stack=STACK - 12)
    assert told.found() == [("read-write-write", VARIABLE + 16, 1)]


def test_two_visits_of_a_handler_are_not_one():
    """It reads, returns, and reads another value the next time: that is what interrupted it in between did not do."""
    told = Told()
    for value in (1, 2):
        told.step(0, (VARIABLE, bytes([value])))
        told.deliver()
        told.step(1, (VARIABLE, 1), stack=STACK - 12)
        told.step(0)
    assert [each for each in told.found() if each[0] == "read-write-read"] == []


def test_halves():
    """Of an aligned value, from two times; of two values that are not halves of one, nothing is said."""
    for first, expected in ((VARIABLE, [("torn read", VARIABLE, 8)]), (VARIABLE + 4, [])):
        told = Told()
        told.step(0, (first, 4))
        told.deliver()
        told.step(1, (VARIABLE, b"\1" * 12), stack=STACK - 12)
        told.step(0, (first + 4, 4))
        assert told.found() == expected


def test_a_value_that_is_half_written_when_it_is_read():
    told = Told()
    told.step(0, (VARIABLE, b"\1" * 4))
    told.deliver()
    told.step(1, (VARIABLE, 8), stack=STACK - 12)
    told.step(0, (VARIABLE + 4, b"\1" * 4))
    assert told.found() == [("torn write", VARIABLE, 8)]


def test_nothing_is_known_across_a_gap():
    told = Told()
    told.step(0, (VARIABLE, 1))
    told.steps.append(None)
    told.deliver()
    told.step(1, (VARIABLE, b"\2"), stack=STACK - 12)
    told.step(0, (VARIABLE, b"\3"))
    assert conflicts(told.steps, 0) == []
