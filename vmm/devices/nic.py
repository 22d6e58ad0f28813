"""A network card that receives: packets go into buffers of a ring in memory, it interrupts for each, or for several.

It is of no manual: the least that coalesces interrupts, as those of Ethernet controllers do by count and delay. The
registers are words of 32 bits:

00 CONTROL   bit 0: receive; bit 1: interrupt; bit 2: by a message (MSI), not by its line
04 STATUS    bit 0: packets have come, which is the interrupt; bit 1: one was dropped. Written 1 they are cleared
08 RING      physical address of the descriptors; written, HEAD and TAIL are 0
0C ENTRIES   of them, 1 to 4096; written, HEAD and TAIL are 0
10 HEAD      read only: packets that were stored
14 TAIL      descriptors that were given to the device, from the first on: HEAD to HEAD + ENTRIES, else it is not taken
18 COUNT     it asks for an interrupt when so many packets have come since it asked last (0: as 1)
1C TIMER     or when none has come for so many microseconds since the last one (0: never)
20 ADDRESS   of the message
24 DATA      of it
28 DROPPED   read only: packets for which there was no descriptor, or no memory behind it

Packet n goes by descriptor n modulo ENTRIES, of four words: physical address of the buffer and its bytes, which the
driver writes; bytes of the packet, as far as they were stored, with bit 31 set, and n, which the device writes, the
buffer first. With TAIL the driver gives a buffer back: descriptor n is free again where TAIL is above n + ENTRIES - 1.
"""

from __future__ import annotations

from collections.abc import Callable
from struct import Struct
from typing import ClassVar

from vmm.errors import VmmError
from vmm.protocols import Clock, Line, Memory, Work

WORD = 0xFFFFFFFF
CONTROL, STATUS, RING, ENTRIES, HEAD, TAIL, COUNT, TIMER, ADDRESS, DATA, DROPPED = range(0, 0x2C, 4)
RECEIVE, INTERRUPT, MESSAGE = 1, 2, 4
RECEIVED, LOST = 1, 2
DONE = 1 << 31
HALF = Struct("<II")
"""Of a descriptor: what the driver writes, and what the device does."""
DESCRIPTOR = 2 * HALF.size
MOST_ENTRIES = 4096
MOST_BYTES = 9000
"""Of a packet."""
LEAST_BYTES, AROUND, BYTE_NS = 60, 24, 8
"""Of a frame on a wire of 1 Gbit/s (IEEE 802.3): what a short packet is filled up to; preamble, check and gap; each."""
MOST_PACKETS, MOST_NS = 1 << 20, 1 << 40
"""Of traffic, and of the time between two."""
US = 1000
SIZE = 0x1000


class Nic:
    """The card; `irq` is a level, high while STATUS bit 0 is set and CONTROL has bit 1 and not bit 2. A message is sent
    each time that it would rise.
    """

    OUTSIDE: ClassVar = ("arrive", "traffic")
    TELLS_WORK = True

    def __init__(
        self, *, clock: Clock, irq: Line, memory: Memory, work: Work, message: Callable[[int, int], object]
    ) -> None:
        self._clock, self._irq, self._memory, self._work, self._message = clock, irq, memory, work, message
        self._quiet = clock.timer(self._ask)
        self._next = clock.timer(self._generate)
        self.reset()

    def reset(self) -> None:
        self.control = self.status = self.count = self.timer = self.address = self.data = 0
        self.ring = self.head = self.tail = self.dropped = 0
        self.entries = 1
        self.uncounted = 0
        """Packets since it asked last."""
        self.number = 0
        """Of the first packet of this ring, among all that ever came."""
        self.asserts = False
        self.left, self.burst, self.every_ns, self.bytes = 0, 1, 0, 0
        """What traffic is still to come."""
        self.sent = self.due_ns = self.burst_ns = 0
        """Packets of it that came; when the next one does, and when its burst began."""
        self._quiet.cancel()
        self._next.cancel()
        self._drive()

    @property
    def asserted(self) -> str:
        """What holds its line high; empty: nothing does."""
        return "STATUS bit 0" if self.asserts and not self.control & MESSAGE else ""

    # ---- registers ----

    def mmio_read(self, address: int, size: int) -> int:
        registers = (
            self.control, self.status, self.ring, self.entries, self.head & WORD, self.tail & WORD, self.count,
            self.timer, self.address, self.data, self.dropped,
        )  # fmt: skip
        offset = address % SIZE
        return registers[offset // 4] if offset < 4 * len(registers) and not offset % 4 else 0

    def mmio_write(self, address: int, size: int, value: int) -> None:
        offset, value = address % SIZE, value & WORD
        if offset == CONTROL:
            self.control = value & (RECEIVE | INTERRUPT | MESSAGE)
        elif offset == STATUS:
            self.status &= ~value
            self._drive()  # it falls before it rises again, for an input that takes edges
            self._look_again()
        elif offset in (RING, ENTRIES):
            self._new_ring(offset, value)
        elif offset == TAIL:
            self._give(value)
        elif offset in (COUNT, TIMER):
            self._set_up(offset, value)
        elif offset == ADDRESS:
            self.address = value
        elif offset == DATA:
            self.data = value
        self._drive()

    def _new_ring(self, offset: int, value: int) -> None:
        self._done(self.head)
        self.number += self.head
        self.head = self.tail = 0
        if offset == RING:
            self.ring = value
        else:
            self.entries = min(max(value, 1), MOST_ENTRIES)

    def _give(self, value: int) -> None:
        more = value - self.tail & WORD
        if self.tail + more - self.head > self.entries:
            return
        self._done(min(self.tail + more - self.entries, self.head))
        self.tail += more

    def _done(self, behind: int) -> None:
        """Packets of this ring below `behind` are: those of which it was not yet said."""
        for packet in range(max(self.tail - self.entries, 0), behind):
            self._work.done(self.number + packet)

    def _set_up(self, offset: int, value: int) -> None:
        if offset == COUNT:
            self.count = value
        else:
            self.timer = value
        self._work.set_up()

    # ---- packets ----

    def arrive(self, data: bytes) -> None:
        """A packet comes, of at most 9000 bytes; VmmError for more."""
        if not isinstance(data, bytes) or len(data) > MOST_BYTES:
            raise VmmError(f"a packet is at most {MOST_BYTES} bytes")
        if self.control & RECEIVE:
            self._take(data)

    def traffic(self, count: int, every_ns: int, size: int = 64, burst: int = 1) -> None:
        """`count` packets of `size` bytes from now on, `burst` of them back to back, as a wire of 1 Gbit/s has them, so
        many again each `every_ns` of virtual time, or behind the burst where that takes longer. Byte i of a packet is
        its number among them plus i, modulo 256. It replaces what is still to come of others. VmmError for a number
        that makes no sense.
        """
        limits = {"count": (count, 1, MOST_PACKETS), "every_ns": (every_ns, 1, MOST_NS), "size": (size, 0, MOST_BYTES)}
        for name, (value, least, most) in (limits | {"burst": (burst, 1, MOST_PACKETS)}).items():
            if not isinstance(value, int) or not least <= value <= most:
                raise VmmError(f"traffic: {name}={value!r} is not from {least} to {most}")
        self.left, self.every_ns, self.bytes, self.burst = count, every_ns, size, burst
        self.sent = 0
        self.due_ns = self.burst_ns = self._clock.now()
        self._generate()

    def _generate(self) -> None:
        self.arrive(bytes(self.sent + i & 0xFF for i in range(self.bytes)))
        self.sent += 1
        self.left -= 1
        behind = self.due_ns + (max(self.bytes, LEAST_BYTES) + AROUND) * BYTE_NS
        if self.sent % self.burst == 0:
            self.burst_ns += self.every_ns
            if self.burst_ns <= self.due_ns:
                self.burst_ns = behind
            behind = self.burst_ns
        self.due_ns = behind
        if self.left:
            self._next.at(self.due_ns)

    def _take(self, data: bytes) -> None:
        if self.head == self.tail or not self._store(data):
            self.dropped = self.dropped + 1 & WORD
            self.status |= LOST
            return
        self._work.comes(self.number + self.head)
        self.head += 1
        self.uncounted += 1
        self._look_again()
        self._drive()

    def _store(self, data: bytes) -> bool:
        """A guest may name any address; where nothing is, nothing is stored."""
        at = self.ring + self.head % self.entries * DESCRIPTOR
        try:
            buffer, room = HALF.unpack(self._memory.read(at, HALF.size))
            stored = data[:room]
            self._memory.write(buffer, stored)
            self._memory.write(at + HALF.size, HALF.pack(len(stored) | DONE, self.head & WORD))
        except VmmError:
            return False
        return True

    # ---- interrupts ----

    def _look_again(self) -> None:
        """Enough have come, or it waits for more: from the last one on, or from when its driver cleared STATUS."""
        if self.status & RECEIVED or not self.uncounted:
            return
        if self.uncounted >= max(self.count, 1):
            self._ask()
        elif self.timer:
            self._quiet.at(self._clock.now() + self.timer * US)

    def _ask(self) -> None:
        if self.status & RECEIVED or not self.uncounted:
            return
        self._quiet.cancel()
        self.uncounted = 0
        self.status |= RECEIVED
        self._work.asked(self.number + self.head - 1)
        self._drive()

    def _drive(self) -> None:
        asserts = bool(self.status & RECEIVED and self.control & INTERRUPT)
        rises, self.asserts = asserts and not self.asserts, asserts
        by_message = bool(self.control & MESSAGE)
        self._irq.set(asserts and not by_message)
        if rises and by_message:
            self._message(self.address, self.data)
