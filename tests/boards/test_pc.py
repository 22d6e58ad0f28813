"""The pc board as it is wired: firmware tables in RAM, event timers, legacy replacement and the NMI wire.

HPET registers and legacy replacement: IA-PC HPET specification 1.0a, 2.3; LINT1: Intel SDM vol. 3A 11.5.1; 8254 mode 0
and RTC periods from their datasheets.
"""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from intc.apic.apic_bench import APIC_BASE, LVT_LINT1, MASKED, Apic
from intc.apic.apic_bench import NMI as NMI_MODE
from x86.x86_bench import CODE, HLT, IF, JMP_SELF, NMI, X86Bench

from vmm.core.native import lib
from vmm.errors import VmmError
from vmm.intc.ioapic import IoApic
from vmm.machine.config import Config
from vmm.machine.machine import Machine

MIB = 0x100000
BIOS_AREA = range(0xF0000, MIB, 16)
HPET = 0xFED00000
CAPABILITIES, CONFIGURATION, TIMER_0, COMPARATOR_0 = 0x000, 0x010, 0x100, 0x108
ENABLE, LEGACY = 1, 2
INTERRUPT, ROUTE = 0x04, 1 << 9
PIN_OF_TIMER, CASCADE = 2, 2


def found(memory: bytes, signature: bytes) -> list[int]:
    """Where an operating system's search of the BIOS area finds `signature` (ACPI 5.2.5.1, MP 4)."""
    return [at for at in BIOS_AREA if memory.startswith(signature, at)]


def low_megabyte(machine: Machine) -> bytes:
    return machine.memory.read(0, MIB)


def acpi(machine: Machine) -> dict[bytes, bytes]:
    """Tables by signature, from the RSDP on."""
    memory = low_megabyte(machine)

    def table(at: int) -> bytes:
        return memory[at : at + int.from_bytes(memory[at + 4 : at + 8], "little")]

    (rsdp,) = found(memory, b"RSD PTR ")
    rsdt = table(int.from_bytes(memory[rsdp + 16 : rsdp + 20], "little"))
    entries = [int.from_bytes(rsdt[at : at + 4], "little") for at in range(36, len(rsdt), 4)]
    return {table(at)[:4]: table(at) for at in entries}


def local_apic_ids(madt: bytes) -> list[int]:
    ids, at = [], 44
    while at < len(madt):
        if madt[at] == 0:
            ids.append(madt[at + 3])
        at += madt[at + 1]
    return ids


# ---- firmware tables ----


@pytest.mark.parametrize("cpus", [1, 2, 8])
def test_the_tables_count_the_vcpus_as_fw_cfg_does(cpus: int) -> None:
    machine = Machine(Config(smp=cpus))
    fw_cfg = machine.board.devices["fw_cfg"]
    fw_cfg.port_write(0x510, 2, 5)
    assert fw_cfg.port_read(0x511, 1) == cpus
    assert local_apic_ids(acpi(machine)[b"APIC"]) == list(range(cpus))


def test_a_guest_that_searches_finds_the_root_pointer_and_the_mp_pointer() -> None:
    """The loop of a kernel: 16 bytes at a time from F0000h."""
    for signature in (b"RSD ", b"_MP_"):
        code = bytes.fromhex("be00000f00 813e") + signature + bytes.fromhex("7405 83c610 ebf3") + HLT
        bench = X86Bench("protected32", code)
        assert bench.machine.run(insns=4 * len(BIOS_AREA)).reason == "idle"
        assert found(low_megabyte(bench.machine), signature) == [bench.cpu["rsi"]]


def test_the_tables_say_what_a_guest_reads_from_the_hardware() -> None:
    """CPUID.01H, IA32_APIC_BASE, the versions of both APICs, the IOAPIC's id, the HPET's identity."""
    machine = Machine(Config(cpu="default,+x2apic"))
    memory, apic = low_megabyte(machine), Apic(machine._native, 0)
    lib.vmm_ioapic_write(machine._native, 0, 1)
    ioapic_version = lib.vmm_ioapic_read(machine._native, 0x10) & 0xFF
    assert ioapic_version == IoApic(machine._native).version == 0x20
    (pointer,) = found(memory, b"_MP_")
    table = memory[int.from_bytes(memory[pointer + 4 : pointer + 8], "little") :]
    signature, _, _, features = machine.cpu.cpuid(1)
    local_apic = (apic.rdmsr(APIC_BASE) & ~0xFFF).to_bytes(4, "little")
    processor = bytes((0, 0, apic.read(0x30) & 0xFF, 3))
    assert table[36:40] == acpi(machine)[b"APIC"][36:40] == local_apic
    assert table[44:56] == processor + signature.to_bytes(4, "little") + features.to_bytes(4, "little")
    assert table[72:80] == bytes((2, 0, ioapic_version, 1)) + (0xFEC00000).to_bytes(4, "little")
    identity = machine.board.devices["hpet"].mmio_read(HPET, 4)
    assert acpi(machine)[b"HPET"][36:40] == identity.to_bytes(4, "little")


def test_without_the_event_timers_there_is_no_table_of_them_and_nobody_answers() -> None:
    bench = X86Bench("protected32", bytes.fromhex("a10000d0fe") + HLT, board=",hpet=off")  # mov eax, [0fed00000h]
    bench.step()
    assert bench.cpu["rax"] == 0xFFFFFFFF
    assert b"HPET" not in acpi(bench.machine)
    bench = X86Bench("protected32", bytes.fromhex("a10000d0fe") + HLT)
    bench.step()
    assert bench.cpu["rax"] == 0x8086A201
    assert b"HPET" in acpi(bench.machine)


@pytest.mark.parametrize("load_address", [None, 0x600, 0xE0000])
def test_an_image_is_in_memory_whole_wherever_it_lies(tmp_path: Path, load_address: int | None) -> None:
    """Firmware comes first: what an image puts over its tables stays, and one below them leaves them alone."""
    image = tmp_path / "flat.bin"
    image.write_bytes(b"\xf4" + bytes(range(256)) * 256)
    machine = Machine(Config())
    at = machine.load(image, load_address=load_address).highest - image.stat().st_size
    assert machine.memory.read(at, image.stat().st_size) == image.read_bytes()
    assert len(found(low_megabyte(machine), b"RSD PTR ")) == (load_address != 0xE0000)


# ---- the power management timer ----


def pm_timer_after(seconds: int, code: str = "ed") -> int:
    """EAX after IN from 608h that long after power-on; 1 ms an instruction."""
    bench = X86Bench("protected32", JMP_SELF, board=",insn_ns=1000000", rdx=0x608)
    bench.step(1000 * seconds)
    bench.cpu["rip"] = CODE + 2
    bench.memory.write(CODE + 2, bytes.fromhex(code) + JMP_SELF)
    bench.machine._native.vcpus[0].flush_code = 1
    bench.step(2)
    return bench.cpu["rax"] & 0xFFFFFFFF


@pytest.mark.parametrize("seconds", [1, 10])
def test_the_pm_timer_counts_3579545_ticks_a_second_in_24_bits(seconds: int) -> None:
    """ACPI 4.8.3.3; a count of instructions begun, so the IN itself is in it."""
    ticks = (1000 * seconds + 1) * 3_579_545 // 1000
    assert pm_timer_after(seconds) == ticks % (1 << 24)


def test_a_part_of_the_pm_timer_is_that_part() -> None:
    """In 1.001 s 3583124 ticks, 36AC94h: IN AX gives two bytes, IN AL from the third port one."""
    assert pm_timer_after(1, "66ed") & 0xFFFF == 0xAC94
    assert pm_timer_after(1, "b20a ec") & 0xFF == 0x36


# ---- wires ----


def test_every_pin_of_the_ioapic_but_the_first_has_one_line() -> None:
    """The 8254 is at pin 2 (MP 5.3); the cascade is no ISA line, and pin 0 is left for ExtINT."""
    native = Machine(Config())._native
    lines, ioapic = native.lines, lib.vmm_line_end(native, b"ioapic")
    ends = [(lines[n].sink[i], lines[n].pin[i]) for n in range(256) for i in range(2)]
    pins = Counter(pin for sink, pin in ends if sink == ioapic)
    assert pins == dict.fromkeys(range(1, 24), 1)


def test_scripts_reach_lines_by_number_and_by_name() -> None:
    machine = Machine(Config(board="pc,pit=off"))
    machine.irq(4).raise_()
    machine.irq(16).raise_()
    machine.line("GSI 23").raise_()
    assert IoApic(machine._native).asserted == {4, 16, 23}
    machine.line("IRQ 4").lower()
    assert IoApic(machine._native).asserted == {16, 23}


def test_a_wrong_line_is_answered_with_the_nearest() -> None:
    machine = Machine(Config())
    with pytest.raises(VmmError, match="IRQ 24 is not among 0-23"):
        machine.irq(24)
    with pytest.raises(VmmError, match="unknown line 'NM1'; did you mean 'NMI'"):
        machine.line("NM1")


@pytest.mark.parametrize(("entry", "vectors"), [(NMI_MODE, [NMI]), (NMI_MODE | MASKED, []), (0x51, [0x51])])
def test_the_nmi_wire_is_what_lint1s_entry_says(entry: int, vectors: list[int]) -> None:
    """SDM vol. 3A 11.5.1: an unmasked NMI delivers vector 2, a masked one nothing, a fixed interrupt its own vector."""
    bench = X86Bench("protected32", b"", flags=IF)
    apic = Apic(bench.machine._native, 0)
    apic.write(LVT_LINT1, entry)
    bench.machine.line("NMI").pulse()
    bench.step(3)
    assert bench.vectors == vectors
    assert apic.state.isr == {vector for vector in vectors if vector != NMI}


def test_firmware_leaves_the_nmi_wire_open_and_its_level_gives_one_nmi() -> None:
    bench = X86Bench("protected32", b"")
    wire = bench.machine.line("NMI")
    wire.raise_()
    wire.raise_()
    bench.step(3)
    assert bench.vectors == [NMI]
    assert not bench.machine._native.vcpus[0].pending & lib.VMM_PEND_NMI


# ---- the event timers ----


class Timers:
    """A spinning machine, its HPET and what legacy replacement is about; an instruction is a tick of the HPET."""

    def __init__(self) -> None:
        self.bench = X86Bench("protected32", JMP_SELF, board=",pit=on")
        self.machine = self.bench.machine
        self.devices = self.machine.board.devices
        self.ioapic = IoApic(self.machine._native)
        self.bench.initialise_pic()

    def hpet(self, register: int, value: int) -> None:
        self.devices["hpet"].mmio_write(HPET + register, 8, value)

    def ticks(self, count: int) -> None:
        self.bench.step(count)

    def one_shot(self, pin: int, ticks: int, config: int = 0) -> None:
        self.hpet(TIMER_0, INTERRUPT | pin * ROUTE)
        self.hpet(COMPARATOR_0, ticks)
        self.hpet(CONFIGURATION, ENABLE | config)

    def strobe(self, pulses: int) -> None:
        """8254 counter 0 in mode 0: OUT falls now and rises after so many periods of 838 ns."""
        for port, value in ((0x43, 0x30), (0x40, pulses), (0x40, 0)):
            self.devices["pit"].port_write(port, 1, value)

    def alarm(self) -> None:
        """The RTC's periodic interrupt, every 122 us, until register C is read."""
        for register, value in ((0x0A, 0x23), (0x0B, 0x42)):
            self.devices["rtc"].port_write(0x70, 1, register)
            self.devices["rtc"].port_write(0x71, 1, value)

    def requested(self) -> set[int]:
        """IRQs that the 8259A pair has latched."""
        irr = self.machine.pic.master.irr | self.machine.pic.slave.irr << 8
        return {irq for irq in range(16) if irr >> irq & 1}


@pytest.fixture
def timers() -> Timers:
    return Timers()


def test_a_timer_may_be_routed_to_pins_16_to_23(timers: Timers) -> None:
    assert timers.devices["hpet"].mmio_read(HPET + TIMER_0 + 4, 4) == 0x00FF0000


@pytest.mark.parametrize("pin", [16, 20, 23])
def test_a_timer_interrupts_through_its_pin_of_the_ioapic(timers: Timers, pin: int) -> None:
    for register, value in ((0x11 + 2 * pin, 0), (0x10 + 2 * pin, 0x51)):
        lib.vmm_ioapic_write(timers.machine._native, 0, register)
        lib.vmm_ioapic_write(timers.machine._native, 0x10, value)
    timers.bench.cpu["rflags"] = IF | 2
    timers.one_shot(pin, 100)
    timers.ticks(100)
    assert timers.bench.vectors == []
    timers.ticks(2)
    assert timers.bench.vectors == [0x51]
    assert pin in timers.ioapic.asserted


def test_under_legacy_replacement_a_timer_is_irq_0_and_pin_2(timers: Timers) -> None:
    timers.one_shot(20, 100, LEGACY)
    timers.ticks(200)
    assert timers.requested() == {0}
    assert timers.ioapic.asserted == {PIN_OF_TIMER}


def test_the_8254_and_the_rtc_are_not_felt_while_they_are_replaced(timers: Timers) -> None:
    timers.strobe(10)
    timers.alarm()
    timers.hpet(CONFIGURATION, LEGACY)
    timers.ticks(20_000)
    assert (timers.requested(), timers.ioapic.asserted) == (set(), set())


def test_they_come_back_at_the_level_they_have_by_then(timers: Timers) -> None:
    timers.strobe(10)
    timers.alarm()
    timers.hpet(CONFIGURATION, LEGACY)
    timers.ticks(20_000)
    timers.hpet(CONFIGURATION, 0)
    assert timers.requested() == {0, 8, CASCADE}
    assert timers.ioapic.asserted == {PIN_OF_TIMER, 8}


def test_one_that_has_fallen_meanwhile_comes_back_low_and_works_on(timers: Timers) -> None:
    timers.strobe(1)
    timers.ticks(1000)
    assert timers.ioapic.asserted == {PIN_OF_TIMER}
    timers.hpet(CONFIGURATION, LEGACY)
    assert timers.ioapic.asserted == set()
    timers.strobe(100)
    timers.hpet(CONFIGURATION, 0)
    assert timers.ioapic.asserted == set()
    timers.ticks(20_000)
    assert timers.ioapic.asserted == {PIN_OF_TIMER}


def test_scripts_drive_irq_0_whatever_is_replaced(timers: Timers) -> None:
    timers.strobe(10)
    timers.hpet(CONFIGURATION, LEGACY)
    timers.machine.irq(0).raise_()
    assert timers.ioapic.asserted == {PIN_OF_TIMER}


def test_a_machine_without_the_8254_may_be_replaced_all_the_same() -> None:
    bench = X86Bench("protected32", JMP_SELF)
    hpet = bench.machine.board.devices["hpet"]
    hpet.mmio_write(HPET + CONFIGURATION, 8, LEGACY)
    hpet.mmio_write(HPET + CONFIGURATION, 8, 0)
    assert IoApic(bench.machine._native).asserted == set()


@pytest.mark.parametrize("option", ["hpet", "pit"])
def test_a_switch_is_on_or_off(option: str) -> None:
    with pytest.raises(VmmError, match=f"--board: {option}='yes' must be on or off"):
        Machine(Config(board=f"pc,{option}=yes"))
