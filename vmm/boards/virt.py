"""The ARM board that QEMU calls `virt`: a GIC, generic timers, a PL011, a PL031, and firmware that speaks PSCI.

Line n is SPI n (INTID 32 + n). The map is in virt_tree.py, where the device tree tells guests the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from vmm.arch.arm.power import Power
from vmm.arch.arm.vcpu import Arm
from vmm.boards import extras, virt_tree
from vmm.boards.board import MOST_QUANTUM, Board, Layout, Parts, check_options, choice, number, switch
from vmm.boards.extras import Place
from vmm.core.native import check, lib
from vmm.devices.fw_cfg_mmio import FwCfgMmio
from vmm.devices.gicv2m import Gicv2m
from vmm.devices.pflash import Pflash
from vmm.devices.pl011 import Pl011
from vmm.devices.pl031 import Pl031
from vmm.devices.psci import Psci
from vmm.devices.semihosting import Semihosting
from vmm.devices.virtio_mmio import EmptyVirtioMmio
from vmm.intc.gic import Gic
from vmm.intc.its import TRANSLATER, Its
from vmm.intc.redistributors import Redistributors

NAME = "virt"
SUMMARY = "ARM: GICv2 or GICv3 with ITS, generic timers, PL011, PL031, PSCI, semihosting, test device"
ARCHITECTURES = ("arm64", "arm")
"""The first has the default CPU."""
OPTIONS = ("gic", "itargetsr", "virtualization", "secure", "quantum", "insn_ns", *extras.OPTIONS)

DEVICES = (0x08000000, 0x40000000)
MOST_RAM = 0xC0000000
"""Below 4 GiB, where 32-bit processors reach."""
SPIS = 256
EXTRAS = {"audio": Place(0x0B010000, 3), "nic": Place(0x0B011000, 4)}
DRIVERS = {virt_tree.UART_SPI: ("uart",), virt_tree.RTC_SPI: ("rtc",), **extras.drivers(EXTRAS)}
"""By line, which devices drive it."""
V2M_SPI, V2M_COUNT = 48, 64
MESSAGE_DEVICE = 4
"""DeviceID that the bus adds to messages for the ITS."""
GICR_WAKER = 0x14


def layout(options: Mapping[str, str]) -> Layout:
    """VmmError for an option the board does not have."""
    check_options(NAME, options, OPTIONS)
    version = gic_version(options)
    el2, el3 = switch(options, "virtualization", False), switch(options, "secure", False)
    return Layout(
        ram_base=virt_tree.RAM_BASE,
        most_ram=MOST_RAM,
        devices=DEVICES,
        floating=False,
        rom=virt_tree.FLASH.size * virt_tree.FLASH_BANKS,
        most_cpus=8,
        controller=lambda native, cpus: int(lib.vmm_gic_init(native, version, cpus, el3)),
        features={"el2": el2, "el3": el3},
        quantum=number(options, "quantum", 1000, MOST_QUANTUM),
    )


def gic_version(options: Mapping[str, str]) -> int:
    return int(choice(options, "gic", ("2", "3")))


def build(parts: Parts) -> Board:
    """Wire the board."""
    bus, clock, cpus = parts.bus, parts.clock, parts.cpus
    gic, features = gic_version(parts.options), layout(parts.options).features
    names = {spi: f"SPI {spi}" for spi in range(SPIS)}
    board = Board(NAME, console="uart", line_names=names, drivers=DRIVERS, irqs=SPIS)
    for spi in range(SPIS):
        bus.connect(spi, ("gic", spi))
    _place_gic(parts, board, gic)
    bus.add_native_memory(*virt_tree.TESTDEV, "testdev", lib.VMM_TESTDEV_DRIVER)
    board.devices["uart"] = Pl011(parts.native, clock=clock, irq=bus.line(virt_tree.UART_SPI), console=True)
    bus.add_native_memory(*virt_tree.UART, "pl011", 0)
    fw_cfg = FwCfgMmio(cpus=len(cpus), ram_size=parts.memory.size, cmdline=parts.cmdline)
    slots = (virt_tree.VIRTIO.first, virt_tree.VIRTIO.size * virt_tree.VIRTIO_SLOTS)
    table: list[tuple[str, Any, tuple[int, int]]] = [
        ("rtc", Pl031(clock=clock, irq=bus.line(virt_tree.RTC_SPI)), virt_tree.RTC),
        ("fw_cfg", fw_cfg, virt_tree.FW_CFG),
        ("virtio", EmptyVirtioMmio(), slots),
    ]
    for name, device, region in table:
        board.devices[name] = device
        bus.add_memory(device, *region)
    extras.add(parts, board, EXTRAS, Messages(board.devices.get("v2m"), board.devices.get("its")).write)

    for bank in range(virt_tree.FLASH_BANKS):
        board.devices[f"flash{bank}"] = flash = _flash(parts, bank)
        bus.add_memory(flash, flash.base, flash.size)

    def tree(initrd: tuple[int, int] | None) -> bytes:
        return virt_tree.tree(
            architecture=parts.processor.architecture,
            cpu=parts.processor.compatible,
            cpus=len(cpus),
            gic=gic,
            ram_size=parts.memory.size,
            cmdline=parts.cmdline,
            initrd=initrd,
            el2=features["el2"],
        )

    board.device_tree = tree
    if not features["el3"]:
        board.firmware = _firmware(parts, features["el2"])
    board.host_call = _host_calls(parts)
    return board


class Messages:
    """Where messages of devices lead: to the frame of a GICv2, or to the ITS, whose state is then theirs, too."""

    def __init__(self, v2m: Gicv2m | None, its: Its | None) -> None:
        self._v2m, self._its = v2m, its

    def write(self, address: int, data: int) -> None:
        """One that leads nowhere is lost."""
        if self._v2m is not None and address - virt_tree.GICV2M.first in range(virt_tree.GICV2M.size):
            self._v2m.mmio_write(address, 4, data)
        if self._its is not None and address == virt_tree.ITS.first + TRANSLATER:
            self._its.translate(MESSAGE_DEVICE, data)


def _flash(parts: Parts, bank: int) -> Pflash:
    first, size = virt_tree.FLASH.first + bank * virt_tree.FLASH.size, virt_tree.FLASH.size

    def answers(device: bool) -> None:
        check(parts.native, lib.vmm_flash_answer(parts.native, first, device))

    return Pflash(memory=parts.memory, base=first, size=size, answers=answers)


def _place_gic(parts: Parts, board: Board, version: int) -> None:
    bus, cpus = parts.bus, len(parts.cpus)
    board.devices["gic"] = Gic(parts.native)
    lib.vmm_gic_of(parts.native).raz_targets = choice(parts.options, "itargetsr", ("kept", "raz")) == "raz"
    bus.add_native_memory(*virt_tree.GICD, "gicd", 0)
    if version == 2:
        bus.add_native_memory(*virt_tree.GICC, "gicc", 0)
        lines = [bus.line(V2M_SPI + n) for n in range(V2M_COUNT)]
        board.devices["v2m"] = v2m = Gicv2m(lines=lines, first_intid=32 + V2M_SPI)
        bus.add_memory(v2m, *virt_tree.GICV2M)
        return
    bus.add_native_memory(virt_tree.GICR.first, virt_tree.GICR.size * cpus, "gicr", 0)
    if not layout(parts.options).features["el3"]:  # firmware has woken the redistributors before it starts an image
        for cpu in range(cpus):
            lib.vmm_gic_redist_write(parts.native, cpu * virt_tree.GICR.size + GICR_WAKER, 4, 0)

    def report(what: int, value: int) -> None:
        lib.vmm_guest_error(parts.native, what, value)

    board.devices["its"] = its = Its(
        memory=parts.memory,
        redistributors=Redistributors(parts.native),
        cpus=cpus,
        guest_error=partial(report, lib.VMM_GE_ITS_COMMAND),
        reserved=partial(report, lib.VMM_GE_RESERVED),
    )
    bus.add_memory(its, *virt_tree.ITS)


def _firmware(parts: Parts, el2: bool) -> Callable[[Arm], int | None]:
    power = Power(parts.native)
    psci = Psci(power, parts.stop)
    for cpu in parts.cpus:
        cpu.firmware_by(lib.VMM_CONDUIT_SMC if el2 else lib.VMM_CONDUIT_HVC)

    def call(cpu: Arm) -> int | None:
        power.caller = cpu.index
        function, *arguments = cpu.arguments(4)
        return psci.call(function & 0xFFFF_FFFF, (arguments[0], arguments[1], arguments[2]), cpu.bits == 64)

    return call


def _host_calls(parts: Parts) -> Callable[[Arm], int | None]:
    def call(cpu: Arm) -> int | None:
        host = Semihosting(read=cpu.read, write=cpu.write, output=parts.console, stop=parts.stop, clock=parts.clock)
        operation, parameter = cpu.arguments(2)
        return host.call(operation, parameter, cpu.bits == 64)

    return call
