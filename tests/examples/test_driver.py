"""A driver against a device of one's own: a queue of bytes whose line is high while it is not empty."""

import pytest


class Queue:
    """At 0C000000h: a read takes the oldest byte, a write adds one. Its line is a level: high while a byte waits."""

    def __init__(self, line):
        self.line = line
        self.bytes: list[int] = []

    def put(self, data):
        self.bytes.extend(data)
        self.line.set(bool(self.bytes))

    def mmio_read(self, address, size):
        value = self.bytes.pop(0) if self.bytes else 0
        self.line.set(bool(self.bytes))
        return value

    def mmio_write(self, address, size, value):
        self.put([value & 0xFF])


@pytest.mark.guest("driver.S")
def test_a_level_interrupts_again_until_the_queue_is_empty(guest):
    queue = Queue(guest.bus.line(40))
    guest.attach(queue, memory=(0x0C000000, 4))
    queue.put(b"one")
    with guest.trace.record():
        assert guest.run().reason == "poweroff"
    assert guest.read("received", 3) == b"one"
    assert len(guest.trace.of(intid=32 + 40)) == 3
    assert guest.stop.exit_status == 0 and queue.bytes == []
