"""The PC's firmware tables, read by a reader of its own that starts where operating systems start: with a search.

Offsets are those of the ACPI specification 6.5, chapter 5, and of the MultiProcessor Specification 1.4, chapter 4;
values those of the board's devices and of QEMU's `pc`.
"""

import struct

import pytest
from devices.fakes import FakeClock, FakeCounter, FakeStop

from vmm.boards.pc_tables import System, acpi_tables, mp_tables, tables
from vmm.devices.acpi_pm import AcpiPm
from vmm.devices.hpet import Hpet
from vmm.devices.i8042 import I8042

TIMER_ON_PIN_2 = {irq: irq for irq in range(16) if irq != 2} | {0: 2}
MEMORY_SIZE = 0x100000


A_BOARD = {
    "cpus": 2, "signature": 0x663, "features": 0x0781ABFD, "pins": TIMER_ON_PIN_2, "sci": 9, "hpet": None,
    "lapic": 0xFEE00000, "lapic_version": 0x14, "ioapic": 0xFEC00000, "ioapic_id": 0, "ioapic_version": 0x20,
}  # fmt: skip


def a_system(**changes) -> System:
    return System(**A_BOARD | changes)


def in_memory(blobs: dict[int, bytes]) -> bytes:
    """The first megabyte, with noise where nothing was put."""
    memory = bytearray(b"\xa5" * MEMORY_SIZE)
    for address, blob in blobs.items():
        memory[address : address + len(blob)] = blob
    return bytes(memory)


class Reader:
    """Little-endian fields of memory from an address on."""

    def __init__(self, memory: bytes, at: int) -> None:
        self.memory, self.at = memory, at

    def raw(self, offset: int, size: int) -> bytes:
        return self.memory[self.at + offset : self.at + offset + size]

    def number(self, offset: int, size: int) -> int:
        return int.from_bytes(self.raw(offset, size), "little")

    def gas(self, offset: int) -> tuple[int, int, int, int, int]:
        """Address space, bit width, bit offset, access size, address."""
        return struct.unpack("<BBBBQ", self.raw(offset, 12))


def search(memory: bytes, signature: bytes) -> int:
    (found,) = (at for at in range(0xF0000, MEMORY_SIZE, 16) if memory.startswith(signature, at))
    return found


class Acpi:
    """Walks RSDP → RSDT and XSDT → tables, and holds every checksum."""

    def __init__(self, blobs: dict[int, bytes]) -> None:
        self.memory = in_memory(blobs)
        self.rsdp = Reader(self.memory, search(self.memory, b"RSD PTR "))
        assert sum(self.rsdp.raw(0, 20)) & 0xFF == 0
        assert sum(self.rsdp.raw(0, self.rsdp.number(20, 4))) & 0xFF == 0
        rsdt = self.table(self.rsdp.number(16, 4))
        xsdt = self.table(self.rsdp.number(24, 8))
        assert (rsdt.raw(0, 4), xsdt.raw(0, 4)) == (b"RSDT", b"XSDT")
        self.from_rsdt = [rsdt.number(at, 4) for at in range(36, rsdt.number(4, 4), 4)]
        self.from_xsdt = [xsdt.number(at, 8) for at in range(36, xsdt.number(4, 4), 8)]
        self.tables = {reader.raw(0, 4): reader for reader in map(self.table, self.from_xsdt)}

    def table(self, at: int) -> Reader:
        reader = Reader(self.memory, at)
        assert sum(reader.raw(0, reader.number(4, 4))) & 0xFF == 0
        return reader

    def madt(self) -> list[tuple[int, bytes]]:
        """(type, what follows type and length) of each entry."""
        madt, entries, at = self.tables[b"APIC"], [], 44
        while at < madt.number(4, 4):
            kind, length = madt.raw(at, 2)
            entries.append((kind, madt.raw(at + 2, length - 2)))
            at += length
        assert at == madt.number(4, 4)
        return entries

    def of_type(self, kind: int, form: str) -> list[tuple[int, ...]]:
        return [struct.unpack(form, entry) for found, entry in self.madt() if found == kind]


@pytest.fixture
def acpi() -> Acpi:
    return Acpi(tables(a_system(hpet=0xFED00000)))


def test_the_root_pointer_is_of_revision_2_and_found_in_the_bios_area(acpi):
    assert acpi.rsdp.number(15, 1) == 2
    assert acpi.rsdp.number(20, 4) == 36


def test_rsdt_and_xsdt_lead_to_the_same_tables(acpi):
    assert acpi.from_rsdt == acpi.from_xsdt
    assert sorted(acpi.tables) == [b"APIC", b"FACP", b"HPET"]


def test_tables_move_with_their_address():
    moved = Acpi({0xFE010: acpi_tables(a_system(), 0xFE010)})
    assert moved.rsdp.at == 0xFE010
    assert sorted(moved.tables) == [b"APIC", b"FACP"], "a_system has no event timers"
    assert all(at > 0xFE010 for at in moved.from_xsdt)
    assert moved.tables[b"FACP"].number(36, 4) % 64 == 0


def test_the_fadt_names_the_power_management_ports_and_the_sci(acpi):
    fadt = acpi.tables[b"FACP"]
    assert (fadt.number(4, 4), fadt.number(8, 1), fadt.number(131, 1)) == (276, 6, 5)
    assert fadt.number(46, 2) == 9
    assert [fadt.number(at, 4) for at in range(56, 88, 4)] == [0x600, 0, 0x604, 0, 0, 0x608, 0, 0]
    assert list(fadt.raw(88, 8)) == [4, 2, 0, 4, 0, 0, 0, 0]
    assert fadt.gas(148) == (1, 32, 0, 2, 0x600)
    assert fadt.gas(172) == (1, 16, 0, 2, 0x604)
    assert fadt.gas(208) == (1, 32, 0, 3, 0x608)


def test_acpi_mode_is_always_on_and_the_hardware_is_not_reduced(acpi):
    fadt = acpi.tables[b"FACP"]
    assert fadt.number(48, 4) == 0
    assert not fadt.number(112, 4) & 1 << 20
    assert not fadt.number(112, 4) & 1 << 8, "the timer has 24 bits"


def test_the_reset_register_resets(acpi):
    fadt, inits = acpi.tables[b"FACP"], []
    assert fadt.number(112, 4) & 1 << 10
    space, width, offset, _, port = fadt.gas(116)
    assert (space, width, offset) == (1, 8, 0)
    clock = FakeClock()
    keyboard = I8042(irq=clock.line(), init=lambda: inits.append(port), a20=lambda level: None)
    keyboard.port_write(port, 1, fadt.number(128, 1))
    assert len(inits) == 1


def test_the_fadt_leads_to_the_facs_and_by_both_fields_to_the_dsdt(acpi):
    fadt = acpi.tables[b"FACP"]
    facs = Reader(acpi.memory, fadt.number(36, 4))
    assert (facs.raw(0, 4), facs.number(4, 4), facs.number(32, 1)) == (b"FACS", 64, 2)
    assert facs.at % 64 == 0
    assert facs.raw(8, 24) == bytes(24) and facs.raw(33, 31) == bytes(31)
    assert fadt.number(132, 8) == 0
    assert fadt.number(40, 4) == fadt.number(140, 8)
    assert acpi.table(fadt.number(40, 4)).raw(0, 4) == b"DSDT"


def test_writing_the_sleep_type_of_s5_turns_the_machine_off(acpi):
    fadt = acpi.tables[b"FACP"]
    dsdt = acpi.table(fadt.number(40, 4))
    aml = dsdt.raw(36, dsdt.number(4, 4) - 36)
    assert aml[:5] == b"\x08_S5_"
    package, length, count = aml[5:8]
    assert (package, length, count) == (0x12, len(aml) - 6, 4)
    assert list(aml[8::2]) == [0x0A] * 4
    sleep_type, stop, clock = aml[9], FakeStop(), FakeClock()
    pm = AcpiPm(clock=clock, sci=clock.line(), stop=stop)
    control = fadt.number(64, 4)
    value = 0x2000 | sleep_type << 10
    pm.port_write(control, 1, value & 0xFF)
    assert not stop.calls
    pm.port_write(control + 1, 1, value >> 8)
    assert stop.calls == [("poweroff", 0)]


@pytest.mark.parametrize("cpus", [1, 2, 8])
def test_every_vcpu_has_an_enabled_local_apic_in_the_madt(cpus):
    acpi = Acpi(tables(a_system(cpus=cpus)))
    assert acpi.of_type(0, "<BBI") == [(cpu, cpu, 1) for cpu in range(cpus)]
    assert acpi.tables[b"APIC"].number(36, 4) == 0xFEE00000
    assert acpi.tables[b"APIC"].number(40, 4) == 1, "an 8259A pair is there too"


def test_the_madt_has_one_ioapic_from_interrupt_0(acpi):
    assert acpi.of_type(1, "<BBII") == [(0, 0, 0xFEC00000, 0)]


def test_the_timer_goes_to_pin_2_and_the_sci_is_level_triggered_active_high(acpi):
    assert acpi.of_type(2, "<BBIH") == [(0, 0, 2, 0), (0, 9, 9, 0xD)]


def test_nmi_is_on_lint1_of_every_local_apic(acpi):
    assert acpi.of_type(4, "<BHB") == [(0xFF, 0, 1)]


def test_the_madt_has_nothing_else(acpi):
    assert [kind for kind, _ in acpi.madt()] == [0, 0, 1, 2, 2, 4]


def test_the_hpet_table_repeats_the_devices_own_identity(acpi):
    table, clock = acpi.tables[b"HPET"], FakeClock()
    device = Hpet(
        clock=clock, counter=FakeCounter(clock), lines={}, irq0=clock.line(), irq8=clock.line(), replace=lambda on: None
    )
    assert table.number(36, 4) == device.mmio_read(0xFED00000, 4)
    assert table.gas(40) == (0, 64, 0, 0, 0xFED00000)
    assert table.number(52, 1) == 0
    assert table.number(53, 2) > 0


def test_without_an_hpet_there_is_no_table_of_it():
    assert sorted(Acpi(tables(a_system())).tables) == [b"APIC", b"FACP"]


class Mp:
    """Walks the floating pointer → the configuration table, and holds every checksum."""

    SIZES = (20, 8, 8, 8, 8)

    def __init__(self, blobs: dict[int, bytes]) -> None:
        memory = in_memory(blobs)
        self.pointer = Reader(memory, search(memory, b"_MP_"))
        assert sum(self.pointer.raw(0, 16 * self.pointer.number(8, 1))) & 0xFF == 0
        self.table = Reader(memory, self.pointer.number(4, 4))
        length = self.table.number(4, 2)
        assert sum(self.table.raw(0, length)) & 0xFF == 0
        self.entries, at = [], 44
        while at < length:
            kind = self.table.number(at, 1)
            self.entries.append((kind, self.table.raw(at + 1, self.SIZES[kind] - 1)))
            at += self.SIZES[kind]
        assert at == length

    def of_type(self, kind: int, form: str) -> list[tuple]:
        return [struct.unpack(form, entry) for found, entry in self.entries if found == kind]


@pytest.fixture
def mp() -> Mp:
    return Mp(tables(a_system()))


def test_the_mp_pointer_is_of_1_4_with_a_table_and_without_an_imcr(mp):
    assert (mp.pointer.number(8, 1), mp.pointer.number(9, 1)) == (1, 4)
    assert mp.pointer.raw(11, 5) == bytes(5)


def test_the_mp_header_counts_its_entries_and_names_the_local_apics(mp):
    assert (mp.table.raw(0, 4), mp.table.number(6, 1)) == (b"PCMP", 4)
    assert mp.table.number(34, 2) == len(mp.entries)
    assert mp.table.number(36, 4) == 0xFEE00000
    assert mp.table.raw(8, 20) == b"VMM     PC          "
    assert (mp.table.number(28, 4), mp.table.number(32, 2), mp.table.number(40, 4)) == (0, 0, 0)


def test_the_mp_entries_are_in_the_order_of_their_types(mp):
    kinds = [kind for kind, _ in mp.entries]
    assert kinds == sorted(kinds)
    assert [kinds.count(kind) for kind in range(5)] == [2, 1, 1, 15, 2]


@pytest.mark.parametrize("cpus", [1, 3, 8])
def test_the_first_processor_boots_and_all_are_what_cpuid_says(cpus):
    processors = Mp(tables(a_system(cpus=cpus))).of_type(0, "<BBBII8x")
    flags = [3] + [1] * (cpus - 1)
    assert processors == [(cpu, 0x14, flags[cpu], 0x663, 0x0781ABFD) for cpu in range(cpus)]


def test_there_is_an_isa_bus_and_an_ioapic(mp):
    assert mp.of_type(1, "<B6s") == [(0, b"ISA   ")]
    assert mp.of_type(2, "<BBBI") == [(0, 0x20, 1, 0xFEC00000)]


def test_isa_interrupts_go_to_their_pins_but_the_timer_to_pin_2(mp):
    # Kind, flags, bus, IRQ, IOAPIC, pin.
    expected = [(0, 0, 0, 0, 0, 2)] + [(0, 0, 0, irq, 0, irq) for irq in (1, *range(3, 16))]
    expected[8] = (0, 0xD, 0, 9, 0, 9)
    assert mp.of_type(3, "<BHBBBB") == expected


def test_the_cascade_is_no_interrupt_even_where_the_board_gives_it_a_pin():
    mp = Mp(tables(a_system(pins=TIMER_ON_PIN_2 | {2: 0})))
    assert 2 not in [irq for _, _, _, irq, _, _ in mp.of_type(3, "<BHBBBB")]


def test_lint0_takes_the_8259a_on_the_boot_processor_and_lint1_nmi_on_all(mp):
    assert mp.of_type(4, "<BHBBBB") == [(3, 0, 0, 0, 0, 0), (1, 0, 0, 0, 0xFF, 1)]


def test_the_mp_pointer_leads_to_its_table_wherever_they_are():
    assert Mp({0xFB730: mp_tables(a_system(), 0xFB730)}).table.at == 0xFB740


def test_the_largest_board_leaves_the_firmwares_stubs_and_its_own_tables_alone():
    blobs = sorted(tables(a_system(cpus=8, hpet=0xFED00000)).items())
    ends = [address + len(blob) for address, blob in blobs]
    assert all(end <= start for end, (start, _) in zip(ends, blobs[1:], strict=False))
    assert ends[-1] <= 0xFFEA5, "the first stub of vmm/boards/pc_firmware.py"


def test_the_same_board_has_the_same_tables():
    assert tables(a_system()) == tables(a_system(pins=dict(reversed(TIMER_ON_PIN_2.items()))))
