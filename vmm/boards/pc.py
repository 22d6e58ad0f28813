"""The PC: an 8259A pair, an 8254, an RTC, two UARTs, a display, APICs, an HPET, and what QEMU's `pc` adds for tests.

Lines 0-15 are the ISA's IRQs, lines 16-23 the other pins of the IOAPIC, and behind them comes NMI, which is LINT1 of
every local APIC. Source of the map: IBM PC/AT Technical Reference, ISA System Architecture; MultiProcessor
Specification 1.4; QEMU's documentation for fw_cfg, isa-debug-exit and the ACPI ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

from vmm.arch.boot import Bios
from vmm.boards import extras, pc_bios_data, pc_firmware, pc_profiles, pc_tables
from vmm.boards.board import MOST_QUANTUM, Alias, Board, Layout, Parts, check_options, choice, number, switch
from vmm.boards.extras import Place
from vmm.core.native import lib, vcpu_of
from vmm.devices import acpi_pm, crtc
from vmm.devices.acpi_pm import AcpiPm
from vmm.devices.boot_port import BootPort
from vmm.devices.crtc import Crtc
from vmm.devices.debug_exit import DebugExit
from vmm.devices.debugcon import Debugcon
from vmm.devices.fw_cfg import FwCfg
from vmm.devices.hpet import MEMORY as HPET
from vmm.devices.hpet import Hpet
from vmm.devices.i8042 import I8042
from vmm.devices.i8254 import I8254
from vmm.devices.pci_host import PciHost
from vmm.devices.port61 import Port61
from vmm.devices.port92 import Port92
from vmm.devices.reset_control import ResetControl
from vmm.devices.rtc import Rtc
from vmm.devices.testdev import MEMORY as TEST_MEMORY
from vmm.devices.testdev import TestMemory, TestPort
from vmm.devices.uart16550 import Uart16550
from vmm.intc.i8259 import Pic
from vmm.intc.ioapic import PINS, IoApic
from vmm.intc.lapic import LocalApic
from vmm.protocols import PcDevice, SwitchedLine

NAME = "pc"
SUMMARY = "PC: 8259A pair, APICs, 8254, HPET, RTC, two 16550A, display, ACPI and MP tables, isa-debug-exit, test device"
ARCHITECTURES = ("x86",)
OPTIONS = ("pit", "hpet", "reset", "profile", "quantum", "insn_ns", *extras.OPTIONS)
DEVICES = (0xC0000000, 0xFFFF0000)
"""Memory-mapped devices lie here; RAM ends below."""
FIRMWARE = Alias(first=DEVICES[1], of=pc_firmware.SEGMENT << 4, size=0x10000)
"""With the reset vector, FFFFFFF0h."""

ISA_IRQS = range(16)
TIMER, KEYBOARD, CASCADE, COM2, COM1, RTC, SCI = 0, 1, 2, 3, 4, 8, 9
EXTRAS = {"audio": Place(0xFEB00000, 11), "nic": Place(0xFEB01000, 10)}
DRIVERS = {
    TIMER: ("pit",), KEYBOARD: ("keyboard",), COM2: ("com2",), COM1: ("com1",), RTC: ("rtc",), SCI: ("acpi",),
    **extras.drivers(EXTRAS),
}  # fmt: skip
"""By line, which devices drive it."""
HPET_LINES = range(16, PINS)
NMI = PINS
"""The line's number; scripts call it by its name."""

PIC_PORTS = ((0x20, 2, 0), (0xA0, 2, 1))
ELCR_PORTS = (0x4D0, 2)
SECOND_UART = ((0x2F8, 8),)
OF_THE_CORE = {"com1": ("uart16550", 0), "com2": ("uart16550", 1)}
"""Devices whose registers answer in native/machine.c: by their name there, and which of them."""
SERIAL_PORTS = tuple(ports[0][0] for ports in (Uart16550.PORTS, SECOND_UART))
IOAPIC = (0xFEC00000, 0x1000)
IOAPIC_PINS = {irq: irq for irq in ISA_IRQS if irq != CASCADE} | {TIMER: 2}
"""By IRQ (MP specification 1.4, 5.3: the 8254 is at INTIN2); the cascade is a wire between the 8259As."""
FERR, FERR_PORTS = 13, (0xF0, 1)
TESTDEV_PORTS = (0x2000, PINS)
"""`out 0x2000 + n, level` drives line n."""


def layout(options: Mapping[str, str]) -> Layout:
    """VmmError for an option the board does not have."""
    check_options(NAME, options, OPTIONS)
    return Layout(
        ram_base=0,
        most_ram=DEVICES[0],
        devices=DEVICES,
        alias=FIRMWARE,
        floating=True,
        most_cpus=8,
        quantum=number(options, "quantum", 1000, MOST_QUANTUM),
    )


def build(parts: Parts) -> Board:
    """Wire the board."""
    bus, clock, stop = parts.bus, parts.clock, parts.stop
    pic, ioapic, a20 = Pic(parts.native), IoApic(parts.native), parts.cpus[0].set_a20
    for first, count, chip in PIC_PORTS:
        bus.add_native_ports(first, count, "pic", chip)
    bus.add_native_ports(*ELCR_PORTS, "elcr", 0)
    for irq in ISA_IRQS:
        ends = [("ioapic", IOAPIC_PINS[irq])] if irq in IOAPIC_PINS else []
        bus.connect(irq, ("pic", irq), *ends)
    for pin in HPET_LINES:
        bus.connect(pin, ("ioapic", pin))
    bus.connect(NMI, ("lint1", 0))
    bus.add_native_memory(*IOAPIC, "ioapic", 0)
    bus.add_native_ports(*TESTDEV_PORTS, "testdev", lib.VMM_TESTDEV_DRIVER)
    bus.add_native_ports(*FERR_PORTS, "ferr", FERR)
    parts.cpus[0].connect_ferr(FERR)
    parts.native.counter_hz, parts.native.counter_mask = acpi_pm.PM_TIMER.num, acpi_pm.TIMER_MASK
    bus.add_native_ports(*acpi_pm.TIMER_PORTS, "counter", 0)

    pit_irq, rtc_irq = bus.line(TIMER), bus.line(RTC)
    pit = I8254(clock=clock, irq=pit_irq)
    reboots = choice(parts.options, "reset", ("stop", "reboot")) == "reboot"

    def init() -> None:
        """INIT# as the chipset drives it."""
        port92.initialised()
        parts.cpus[0].init()

    port92, display = Port92(init=init, a20=a20), Crtc(clock=clock, memory=parts.memory)
    table: list[tuple[str, Callable[[], PcDevice]]] = [
        ("pit", lambda: pit),
        ("port61", lambda: Port61(clock=clock, pit=pit)),
        ("keyboard", lambda: I8042(irq=bus.line(KEYBOARD), init=init, a20=a20)),
        ("port92", lambda: port92),
        ("reset_control", lambda: ResetControl(init=init, stop=stop)),
        ("boot", lambda: BootPort(boot=parts.boot_again if reboots else lambda: stop("reset"))),
        ("rtc", lambda: Rtc(clock=clock, irq=rtc_irq, cmos=pc_bios_data.cmos(parts.memory.size))),
        ("com1", lambda: Uart16550(parts.native, 0, clock=clock, irq=bus.line(COM1), console=True)),
        ("com2", lambda: Uart16550(parts.native, 1, clock=clock, irq=bus.line(COM2))),
        ("crtc", lambda: display),
        ("acpi", lambda: AcpiPm(clock=clock, sci=bus.line(SCI), stop=stop)),
        ("fw_cfg", lambda: FwCfg(cpus=len(parts.cpus), ram_size=parts.memory.size, cmdline=parts.cmdline)),
        ("debug_exit", lambda: DebugExit(stop=stop)),
        ("debugcon", lambda: Debugcon(output=lambda data: None)),
        ("pci", PciHost),
        ("test_port", TestPort),
    ]
    without_pit = not switch(parts.options, "pit", True)
    board = Board(
        NAME,
        console="com1",
        devices={"pic": pic, "ioapic": ioapic},
        line_names=_line_names(),
        drivers=DRIVERS,
        irqs=PINS,
    )
    for name, make in table:
        if name == "pit" and without_pit:
            continue
        device = make()
        board.devices[name] = device
        ranges = SECOND_UART if name == "com2" else device.PORTS
        if name not in OF_THE_CORE:
            bus.add_ports(device, *ranges)
            continue
        for first, count in ranges:
            bus.add_native_ports(first, count, *OF_THE_CORE[name])
    board.devices["test_memory"] = memory = TestMemory()
    bus.add_memory(memory, *TEST_MEMORY)
    if switch(parts.options, "hpet", True):
        board.devices["hpet"] = timers = _hpet(parts, (pit_irq, rtc_irq))
        bus.add_memory(timers, *HPET)
    extras.add(parts, board, EXTRAS, partial(lib.vmm_msi, parts.native))
    pc_profiles.apply(parts.native, board.devices, parts.options.get("profile", pc_profiles.DEFAULT))
    tables = pc_tables.tables(_system(parts, board))

    def hand_over() -> None:
        for cpu in parts.cpus:
            cpu.hand_over()
        pc_firmware.hand_over(parts.memory, pic.write, board.devices.get("pit"), tables)
        pc_bios_data.hand_over(parts.memory, SERIAL_PORTS)
        display.clear()

    hand_over()
    board.hand_over = hand_over
    board.screen = display.screen
    board.bios = Bios(pc_tables.ACPI_AT, pc_bios_data.MODE, crtc.COLUMNS, crtc.ROWS, crtc.CELL_LINES)
    return board


def _line_names() -> dict[int, str]:
    isa, others = {irq: f"IRQ {irq}" for irq in ISA_IRQS}, {pin: f"GSI {pin}" for pin in HPET_LINES}
    return {**isa, **others, NMI: "NMI"}


def _hpet(parts: Parts, legacy: tuple[SwitchedLine, SwitchedLine]) -> Hpet:
    """The event timers; `legacy` are the ends of the 8254 and the RTC that they replace (HPET specification 2.3.5)."""

    def replace(replaced: bool) -> None:
        for end in legacy:
            end.connect(not replaced)

    line = parts.bus.line
    lines = {number: line(number) for number in HPET_LINES}
    return Hpet(clock=parts.clock, lines=lines, irq0=line(TIMER), irq8=line(RTC), replace=replace)


def _system(parts: Parts, board: Board) -> pc_tables.System:
    """What firmware would find out by asking the hardware."""
    signature, _, _, features = parts.cpus[0].cpuid(1)
    apic, ioapic = LocalApic(vcpu_of(parts.native, 0)), board.devices["ioapic"]
    return pc_tables.System(
        cpus=len(parts.cpus),
        signature=signature,
        features=features,
        pins=IOAPIC_PINS,
        sci=SCI,
        lapic=apic.base,
        lapic_version=apic.version,
        ioapic=IOAPIC[0],
        ioapic_id=ioapic.id,
        ioapic_version=ioapic.version,
        hpet=HPET[0] if "hpet" in board.devices else None,
    )
