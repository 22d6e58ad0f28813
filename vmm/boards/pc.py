"""The PC/AT: an 8259A pair, an 8254, an RTC, two UARTs, and what QEMU's `pc` adds for test images.

IRQ n is line n. Source of the map: IBM PC/AT Technical Reference, ISA System Architecture; QEMU's documentation for
fw_cfg, isa-debug-exit and the ACPI ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from vmm.boards import pc_firmware
from vmm.boards.board import MOST_QUANTUM, Board, Layout, Parts, check_options, number, switch
from vmm.devices.acpi_pm import AcpiPm
from vmm.devices.debug_exit import DebugExit
from vmm.devices.debugcon import Debugcon
from vmm.devices.fw_cfg import FwCfg
from vmm.devices.i8042 import I8042
from vmm.devices.i8254 import I8254
from vmm.devices.pci_host import PciHost
from vmm.devices.port61 import Port61
from vmm.devices.port92 import Port92
from vmm.devices.rtc import Rtc
from vmm.devices.testdev import MEMORY, TestMemory, TestPort
from vmm.devices.uart16550 import Uart16550
from vmm.engine import lib
from vmm.intc.i8259 import Pic
from vmm.intc.ioapic import IoApic
from vmm.wiring import PortDevice

NAME = "pc"
SUMMARY = "PC/AT: 8259A pair, 8254, RTC, two 16550A, ACPI power-off, isa-debug-exit, test device"
ARCHITECTURES = ("x86",)
OPTIONS = ("pit", "quantum", "insn_ns")
DEVICES = (0xC0000000, 0x1_0000_0000)
"""Memory-mapped devices lie here; RAM ends below."""

IRQS = {0: "8254", 1: "keyboard", 2: "cascade", 3: "COM2", 4: "COM1", 8: "RTC", 9: "ACPI", 13: "FERR"}
PIC_PORTS = ((0x20, 2, 0), (0xA0, 2, 1))
ELCR_PORTS = (0x4D0, 2)
SECOND_UART = ((0x2F8, 8),)
IOAPIC = (0xFEC00000, 0x1000)
IOAPIC_PINS = {0: 2}
"""Pins of the IOAPIC whose number is not the IRQ's (MP specification 1.4, 5.3: the 8254 is at INTIN2)."""
TESTDEV_PORTS = (0x2000, 16)
"""`out 0x2000 + n, level` drives IRQ n."""


def layout(options: Mapping[str, str]) -> Layout:
    """VmmError for an option the board does not have."""
    check_options(NAME, options, OPTIONS)
    return Layout(
        ram_base=0,
        most_ram=DEVICES[0],
        devices=DEVICES,
        floating=True,
        most_cpus=8,
        quantum=number(options, "quantum", 1000, MOST_QUANTUM),
    )


def build(parts: Parts) -> Board:
    """Wire the board."""
    bus, clock, stop = parts.bus, parts.clock, parts.stop
    pic, a20 = Pic(parts.native), parts.cpus[0].set_a20
    for first, count, chip in PIC_PORTS:
        bus.add_native_ports(first, count, lib.VMM_ON_PIC, chip)
    bus.add_native_ports(*ELCR_PORTS, lib.VMM_ON_ELCR, 0)
    for irq in range(16):
        bus.connect(irq, (lib.VMM_SINK_PIC, irq), (lib.VMM_SINK_IOAPIC, IOAPIC_PINS.get(irq, irq)))
    bus.add_native_memory(*IOAPIC, lib.VMM_ON_IOAPIC, 0)
    bus.add_native_ports(*TESTDEV_PORTS, lib.VMM_ON_TESTDEV, lib.VMM_TESTDEV_DRIVER)

    pit = I8254(clock=clock, irq=bus.line(0))
    table: list[tuple[str, Callable[[], PortDevice]]] = [
        ("pit", lambda: pit),
        ("port61", lambda: Port61(clock=clock, pit=pit)),
        ("keyboard", lambda: I8042(irq=bus.line(1), stop=stop, a20=a20)),
        ("port92", lambda: Port92(stop=stop, a20=a20)),
        ("rtc", lambda: Rtc(clock=clock, irq=bus.line(8))),
        ("com1", lambda: Uart16550(clock=clock, irq=bus.line(4), output=parts.console)),
        ("com2", lambda: Uart16550(clock=clock, irq=bus.line(3), output=lambda data: None)),
        ("acpi", lambda: AcpiPm(clock=clock, sci=bus.line(9), stop=stop)),
        ("fw_cfg", lambda: FwCfg(cpus=len(parts.cpus), ram_size=parts.memory.size, cmdline=parts.cmdline)),
        ("debug_exit", lambda: DebugExit(stop=stop)),
        ("debugcon", lambda: Debugcon(output=lambda data: None)),
        ("pci", PciHost),
        ("test_port", TestPort),
    ]
    without_pit = not switch(parts.options, "pit", True)
    names = {irq: f"IRQ {irq}" for irq in range(16)}
    board = Board(devices={"pic": pic, "ioapic": IoApic(parts.native)}, line_names=names)
    for name, make in table:
        if name == "pit" and without_pit:
            continue
        device = make()
        board.devices[name] = device
        bus.add_ports(device, *(SECOND_UART if name == "com2" else device.PORTS))
    board.devices["test_memory"] = memory = TestMemory()
    bus.add_memory(memory, *MEMORY)
    pc_firmware.hand_over(parts.memory, pic.write, board.devices.get("pit"))
    return board

