"""The sequences of kvm-unit-tests: arm/gic.c, lib/arm64/gic-v3-its*.c."""

from __future__ import annotations

from .its_guest import (
    CBASER,
    COLLECTION_TABLE,
    CPUS,
    CREADR,
    CTLR,
    CWRITER,
    DEVICE_TABLE,
    IIDR,
    ITTS,
    QUEUE,
    RAM,
    RAM_SIZE,
    TYPER,
    VALID,
    Guest,
    int_,
    inv,
    invall,
    mapc,
    mapd,
    mapti,
)


class CachingRedistributors:
    """Redistributors that read LPI enables from `config` only when told to, and deliver what is pending and enabled."""

    def __init__(self) -> None:
        self.config: dict[int, bool] = {}
        self.cached: dict[int, dict[int, bool]] = {cpu: {} for cpu in range(CPUS)}
        self.pending: set[tuple[int, int]] = set()
        self.taken: list[tuple[int, int]] = []

    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        (self.pending.add if pending else self.pending.discard)((cpu, intid))
        self._deliver()

    def reload(self, cpu: int) -> None:
        self.cached[cpu] = dict(self.config)
        self._deliver()

    def _deliver(self) -> None:
        for cpu, intid in sorted(self.pending):
            if self.cached[cpu].get(intid):
                self.pending.remove((cpu, intid))
                self.taken.append((cpu, intid))


class KvmUnitTest:
    """its_init, its_enable_defaults and one command at a time, each waited for, in a 64 KiB queue."""

    def __init__(self) -> None:
        self.redistributors = CachingRedistributors()
        self.guest = Guest(self.redistributors)
        self.guest.queue_size = 0x1_0000
        for kind, table in ((1, DEVICE_TABLE), (4, COLLECTION_TABLE)):
            offset, value = self.baser_of(kind)
            self.guest.write(offset, value | table | VALID)
        self.guest.write(CBASER, QUEUE | 0xF | VALID)
        self.guest.write(CWRITER, 0)
        self.guest.write(CTLR, 1, 4)
        self.itts = iter(range(ITTS, RAM + RAM_SIZE, 0x1000))

    def baser_of(self, kind):
        found = [offset for offset in range(0x100, 0x140, 8) if self.guest.read(offset) >> 56 & 7 == kind]
        value = self.guest.read(found[0])
        assert value & 0x300 == 0x200, "64 KiB pages before the first write"
        return found[0], value

    def send(self, command):
        self.guest.send(command)
        assert self.guest.read(CREADR) == self.guest.tail

    def create_device(self, device):
        self.itt = next(self.itts)
        self.send(mapd(device, itt=self.itt, bits=8))

    def set_up_1(self):
        self.redistributors.config.update({8195: True, 8196: True})
        self.create_device(2)
        self.create_device(7)
        for command in (mapc(3, 3), mapc(2, 2), invall(2), invall(3), mapti(2, 20, 8195, 3), mapti(7, 255, 8196, 2)):
            self.send(command)
        return self

    def taken(self):
        taken, self.redistributors.taken = self.redistributors.taken, []
        return taken


def test_kvm_unit_tests_its_introspection():
    guest = Guest()
    for offset in (IIDR, TYPER):
        original = guest.read(offset, 4)
        for pattern in (0xFFFF_FFFF, ~original & 0xFFFF_FFFF, 0):
            guest.write(offset, pattern, 4)
            assert guest.read(offset, 4) == original
    typer = guest.read(TYPER)
    assert typer & 1
    assert not typer >> 19 & 1
    assert ((typer >> 4 & 0xF) + 1) * 256 <= 0x1000, "a page must hold the table of 256 events it allots"


def test_kvm_unit_tests_its_trigger():
    test = KvmUnitTest().set_up_1()
    test.send(int_(2, 20))
    assert test.taken() == [(3, 8195)]
    test.send(int_(7, 255))
    assert test.taken() == [(2, 8196)]

    test.redistributors.config[8195] = False
    test.send(inv(2, 20))
    test.send(int_(2, 20))
    assert test.taken() == []
    test.redistributors.config[8195] = True
    test.send(int_(2, 20))
    test.send(invall(3))
    assert test.taken() == [(3, 8195)]
    test.send(int_(2, 20))
    assert test.taken() == [(3, 8195)]

    assert test.guest.errors == []
    test.send(mapd(2, itt=ITTS, valid=False))
    test.send(int_(2, 20))
    assert test.taken() == []
    assert test.guest.errors == [0x010304]


def test_kvm_unit_tests_unmapped_collection():
    test = KvmUnitTest().set_up_1()
    test.send(mapti(2, 0, 8192, 0))
    test.redistributors.config[8192] = True
    test.send(mapc(0, 0))
    test.send(invall(0))
    test.send(int_(7, 255))
    test.send(int_(2, 0))
    assert test.taken() == [(2, 8196), (0, 8192)]
    assert test.guest.errors == []


def test_kvm_unit_tests_pending_lpis_of_256_events_on_two_processors():
    test = KvmUnitTest()
    test.create_device(2)
    test.send(mapc(3, 3))
    test.send(mapc(2, 2))
    for event in range(256):
        collection = 3 if event % 2 else 2
        test.send(mapti(2, event, 8192 + event, collection))
        test.redistributors.config[8192 + event] = True
        test.redistributors.pending.add((collection, 8192 + event))
    test.send(invall(3))
    test.send(invall(2))
    taken = test.taken()
    assert [sum(cpu == wanted for cpu, _ in taken) for wanted in range(CPUS)] == [0, 0, 128, 128]
    assert test.guest.errors == []
