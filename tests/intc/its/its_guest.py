"""A guest of the ITS: registers and commands as Arm IHI 0069 has them, memory, and redistributors that remember."""

from __future__ import annotations

from vmm.errors import VmmError
from vmm.intc.its import Its

BASE = 0x0808_0000
CTLR, IIDR, TYPER, CBASER, CWRITER, CREADR, BASER0, BASER1 = 0x00, 0x04, 0x08, 0x80, 0x88, 0x90, 0x100, 0x108
TRANSLATER = 0x10040
VALID = 1 << 63
INDIRECT = 1 << 62
STALLED = RETRY = 1

RAM = 0x4000_0000
RAM_SIZE = 0x40_0000
QUEUE = RAM
DEVICE_TABLE = RAM + 0x2_0000
COLLECTION_TABLE = RAM + 0x3_0000
LEVEL_2 = RAM + 0x4_0000
ITTS = RAM + 0x10_0000
ITT_SIZE = 0x8_0000
"""65536 events of 8 bytes."""

CPUS = 4


class FakeMemory:
    def __init__(self) -> None:
        self.ram = bytearray(RAM_SIZE)

    def _place(self, address: int, size: int) -> int:
        if not RAM <= address <= RAM + RAM_SIZE - size:
            raise VmmError(f"no RAM at {address:#x}")
        return address - RAM

    def read(self, address: int, size: int) -> bytes:
        place = self._place(address, size)
        return bytes(self.ram[place : place + size])

    def write(self, address: int, data: bytes) -> None:
        place = self._place(address, len(data))
        self.ram[place : place + len(data)] = data


class FakeRedistributors:
    """Remembers every call."""

    def __init__(self) -> None:
        self.calls: list[tuple[object, ...]] = []

    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        self.calls.append(("pend" if pending else "clear", cpu, intid))

    def reload(self, cpu: int) -> None:
        self.calls.append(("reload", cpu))

    def move(self, source: int, target: int, intid: int) -> None:
        self.calls.append(("move", source, target, intid))

    def move_all(self, source: int, target: int) -> None:
        self.calls.append(("move all", source, target))


# ---- commands as the manual's figures draw them ----


def mapd(device, *, itt=ITTS, bits=8, valid=True):
    return (0x08 | device << 32, bits - 1, itt | valid << 63, 0)


def mapc(collection, target, *, valid=True):
    return (0x09, 0, collection | target << 16 | valid << 63, 0)


def mapti(device, event, intid, collection):
    return (0x0A | device << 32, event | intid << 32, collection, 0)


def mapi(device, event, collection):
    return (0x0B | device << 32, event, collection, 0)


def movi(device, event, collection):
    return (0x01 | device << 32, event, collection, 0)


def movall(source, target):
    return (0x0E, 0, source << 16, target << 16)


def of_event(opcode):
    return lambda device, event: (opcode | device << 32, event, 0, 0)


int_, clear, inv, discard = of_event(0x03), of_event(0x04), of_event(0x0C), of_event(0x0F)


def invall(collection):
    return (0x0D, 0, collection, 0)


def sync(target):
    return (0x05, 0, target << 16, 0)


class Guest:
    """A guest with a 4 KiB queue and one 64 KiB page for each table, 8192 entries."""

    def __init__(self, redistributors=None) -> None:
        self.memory = FakeMemory()
        self.redistributors = redistributors or FakeRedistributors()
        self.errors: list[int] = []
        self.reserved: list[int] = []
        self.its = Its(
            memory=self.memory,
            redistributors=self.redistributors,
            cpus=CPUS,
            guest_error=self.errors.append,
            reserved=self.reserved.append,
        )
        self.tail = 0
        self.queue_size = 0x1000

    def set_up(self) -> Guest:
        self.write(BASER0, VALID | DEVICE_TABLE)
        self.write(BASER1, VALID | COLLECTION_TABLE)
        self.write(CBASER, VALID | QUEUE)
        self.write(CTLR, 1, 4)
        return self

    def read(self, offset, size=8):
        return self.its.mmio_read(BASE + offset, size)

    def write(self, offset, value, size=8):
        self.its.mmio_write(BASE + offset, size, value)

    def poke(self, address, *doublewords):
        self.memory.write(address, b"".join(value.to_bytes(8, "little") for value in doublewords))

    def peek(self, address):
        return int.from_bytes(self.memory.read(address, 8), "little")

    def queue(self, *commands):
        """Put commands into the queue's memory; GITS_CWRITER does not know yet."""
        for command in commands:
            self.poke(QUEUE + self.tail, *command)
            self.tail = (self.tail + 32) % self.queue_size

    def send(self, *commands):
        self.queue(*commands)
        self.write(CWRITER, self.tail)

    def calls(self):
        """What reached the redistributors since last asked."""
        calls, self.redistributors.calls = self.redistributors.calls, []
        return calls

    def complaints(self):
        """The error codes since last asked."""
        errors = self.errors[:]
        self.errors.clear()
        return errors
