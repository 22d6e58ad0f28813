"""The virt board's memory map and interrupt numbers, and the flattened device tree that tells a guest about them.

Devicetree Specification 0.4; the bindings named there and in Linux's Documentation/devicetree/bindings. The layout is
that of QEMU's `virt`, less the devices this board does not have.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import NamedTuple

with warnings.catch_warnings():  # Python's of how it is written, whenever it has to be compiled first
    warnings.simplefilter("ignore")
    import fdt


class Region(NamedTuple):
    """Physical addresses; sizes in bytes."""

    first: int
    size: int


RAM_BASE = 0x40000000
FLASH = Region(0, 0x04000000)
"""The first bank; the other follows it."""
FLASH_BANKS, FLASH_WIDTH = 2, 4
"""Bytes of its bus."""

GICD = Region(0x08000000, 0x10000)
GICC = Region(0x08010000, 0x10000)
GICV2M = Region(0x08020000, 0x1000)
ITS = Region(0x08080000, 0x20000)
GICR = Region(0x080A0000, 0x20000)
"""The first vCPU's redistributor; the others' follow it."""
UART = Region(0x09000000, 0x1000)
RTC = Region(0x09010000, 0x1000)
FW_CFG = Region(0x09020000, 0x18)
VIRTIO = Region(0x0A000000, 0x200)
"""The first slot; the others follow it."""
VIRTIO_SLOTS = 32
TESTDEV = Region(0x0B000000, 0x1000)

UART_SPI, RTC_SPI, VIRTIO_SPI = 1, 2, 16
TIMER_PPIS = (13, 14, 11, 10)
"""Of the secure and non-secure physical, the virtual and the hypervisor timer, in the order of arm,arch_timer.yaml."""
MAINTENANCE_PPI = 9
MONITOR_PPI = 7
"""Overflow of the cycle counter."""

SPI, PPI = 0, 1
EDGE, LEVEL = 1, 4
"""Third cell of an interrupt: rising edge, active high."""

PCLK_HZ = 24_000_000
CLOCK_HANDLE, GIC_HANDLE, MSI_HANDLE = 1, 2, 3

PSCI_CALL32, PSCI_CALL64 = 0x84000000, 0xC4000000
"""Base of function numbers (SMC Calling Convention, section 6)."""

Value = int | str | list[int] | list[str] | bytes | None


def tree(
    *,
    architecture: str,
    cpu: str,
    cpus: int,
    gic: int,
    ram_size: int,
    cmdline: str = "",
    initrd: tuple[int, int] | None = None,
    el2: bool = False,
) -> bytes:
    """The blob, version 17: a function of its arguments.

    `cpu` is the vCPUs' compatible string ("arm,cortex-a57"), `gic` 2 or 3, `ram_size` in bytes, `initrd` its first
    address and the one behind its last. With `el2` HVC is the guest's own, so PSCI is called with SMC.
    """
    root = _node(
        "/",
        {
            "interrupt-parent": GIC_HANDLE,
            "model": "linux,dummy-virt",
            "compatible": "linux,dummy-virt",
            "#address-cells": 2,
            "#size-cells": 2,
        },
        _chosen(cmdline, initrd),
        _node("aliases", {"serial0": f"/pl011@{UART.first:x}"}),
        _device("memory", Region(RAM_BASE, ram_size), {"device_type": "memory"}),
        _cpus(cpu, cpus),
        _psci(architecture, "smc" if el2 else "hvc"),
        _timer(architecture, cpus, gic),
        *_monitors(architecture, cpus, gic),
        _clock(),
        _gic2(el2) if gic == 2 else _gic3(cpus, el2),
        *_devices(),
    )
    blob = fdt.FDT(entries=[])
    blob.root = root
    return bytes(blob.to_dtb(version=17))


def _chosen(cmdline: str, initrd: tuple[int, int] | None) -> fdt.Node:
    properties: dict[str, Value] = {"stdout-path": f"/pl011@{UART.first:x}"}
    if cmdline:
        # As bytes: the library's strings are printable ASCII, a command line is whatever the user gave.
        properties["bootargs"] = cmdline.encode(errors="surrogateescape") + b"\0"
    if initrd is not None:
        start, end = initrd
        properties |= {"linux,initrd-start": _cells(start), "linux,initrd-end": _cells(end)}
    return _node("chosen", properties)


def _cpus(cpu: str, cpus: int) -> fdt.Node:
    """MPIDR's affinity fields are the index, so one address cell does (cpus.yaml)."""
    nodes = [
        _node(f"cpu@{index:x}", {"device_type": "cpu", "compatible": cpu, "reg": index, "enable-method": "psci"})
        for index in range(cpus)
    ]
    return _node("cpus", {"#address-cells": 1, "#size-cells": 0}, *nodes)


def _psci(architecture: str, method: str) -> fdt.Node:
    """psci.yaml; the numbers are for guests that know PSCI 0.1 only."""
    calls = PSCI_CALL64 if architecture == "arm64" else PSCI_CALL32
    return _node(
        "psci",
        {
            "compatible": ["arm,psci-1.0", "arm,psci-0.2", "arm,psci"],
            "method": method,
            "cpu_suspend": calls + 1,
            "cpu_off": PSCI_CALL32 + 2,
            "cpu_on": calls + 3,
            "migrate": calls + 5,
        },
    )


def _ppi_flags(cpus: int, gic: int) -> int:
    """A GICv2's PPIs name in bits 15:8 the CPUs that have them (arm,gic.yaml)."""
    return LEVEL | (((1 << cpus) - 1) << 8 if gic == 2 else 0)


def _monitors(architecture: str, cpus: int, gic: int) -> list[fdt.Node]:
    """pmu.yaml; QEMU's board has none for ARMv7, either."""
    if architecture != "arm64":
        return []
    interrupts = [PPI, MONITOR_PPI, _ppi_flags(cpus, gic)]
    return [_node("pmu", {"compatible": "arm,armv8-pmuv3", "interrupts": interrupts})]


def _timer(architecture: str, cpus: int, gic: int) -> fdt.Node:
    """arm,arch_timer.yaml."""
    flags = _ppi_flags(cpus, gic)
    v7 = "arm,armv7-timer"
    return _node(
        "timer",
        {
            "compatible": ["arm,armv8-timer", v7] if architecture == "arm64" else v7,
            "interrupts": [cell for ppi in TIMER_PPIS for cell in (PPI, ppi, flags)],
            "always-on": None,
        },
    )


def _clock() -> fdt.Node:
    """Of the PrimeCells: their drivers want one."""
    return _node(
        "apb-pclk",
        {
            "compatible": "fixed-clock",
            "#clock-cells": 0,
            "clock-frequency": PCLK_HZ,
            "clock-output-names": "clk24mhz",
            "phandle": CLOCK_HANDLE,
        },
    )


def _gic2(el2: bool) -> fdt.Node:
    frame = _device("v2m", GICV2M, {"compatible": "arm,gic-v2m-frame", "msi-controller": None, "phandle": MSI_HANDLE})
    return _intc([GICD, GICC], {"compatible": "arm,cortex-a15-gic"}, el2, frame)


def _gic3(cpus: int, el2: bool) -> fdt.Node:
    its = _device(
        "its",
        ITS,
        {"compatible": "arm,gic-v3-its", "msi-controller": None, "#msi-cells": 1, "phandle": MSI_HANDLE},
    )
    redistributors = Region(GICR.first, cpus * GICR.size)
    return _intc([GICD, redistributors], {"compatible": "arm,gic-v3", "#redistributor-regions": 1}, el2, its)


def _intc(regions: list[Region], properties: Mapping[str, Value], el2: bool, child: fdt.Node) -> fdt.Node:
    maintenance: dict[str, Value] = {"interrupts": [PPI, MAINTENANCE_PPI, LEVEL]} if el2 else {}
    return _node(
        f"intc@{GICD.first:x}",
        {
            **properties,
            "reg": _reg(*regions),
            "interrupt-controller": None,
            "#interrupt-cells": 3,
            "#address-cells": 2,
            "#size-cells": 2,
            "ranges": None,
            "phandle": GIC_HANDLE,
            **maintenance,
        },
        child,
    )


def _devices() -> list[fdt.Node]:
    virtio = [
        _device(
            "virtio_mmio",
            Region(VIRTIO.first + slot * VIRTIO.size, VIRTIO.size),
            {"compatible": "virtio,mmio", "interrupts": [SPI, VIRTIO_SPI + slot, EDGE], "dma-coherent": None},
        )
        for slot in range(VIRTIO_SLOTS)
    ]
    banks = [Region(FLASH.first + bank * FLASH.size, FLASH.size) for bank in range(FLASH_BANKS)]
    flash: dict[str, Value] = {"compatible": "cfi-flash", "reg": _reg(*banks), "bank-width": FLASH_WIDTH}
    return [
        _node(f"flash@{FLASH.first:x}", flash),
        _primecell("pl011", UART, UART_SPI, ["uartclk", "apb_pclk"]),
        _primecell("pl031", RTC, RTC_SPI, ["apb_pclk"]),
        _device("fw-cfg", FW_CFG, {"compatible": "qemu,fw-cfg-mmio", "dma-coherent": None}),
        *virtio,
        _device("testdev", TESTDEV, {"compatible": "vmm,testdev"}),
    ]


def _primecell(name: str, region: Region, spi: int, clocks: list[str]) -> fdt.Node:
    """One of Arm's peripherals; all of its clocks are the board's one."""
    return _device(
        name,
        region,
        {
            "compatible": [f"arm,{name}", "arm,primecell"],
            "interrupts": [SPI, spi, LEVEL],
            "clocks": [CLOCK_HANDLE] * len(clocks),
            "clock-names": clocks,
        },
    )


def _device(name: str, region: Region, properties: Mapping[str, Value]) -> fdt.Node:
    return _node(f"{name}@{region.first:x}", {**properties, "reg": _reg(region)})


def _node(name: str, properties: Mapping[str, Value], *children: fdt.Node) -> fdt.Node:
    """A property without a value is None."""
    node = fdt.Node(name)
    for key, value in properties.items():
        node.set_property(key, value)
    for child in children:
        node.append(child)
    return node


def _reg(*regions: Region) -> list[int]:
    return [cell for region in regions for number in region for cell in _cells(number)]


def _cells(number: int) -> list[int]:
    """64 bits as two cells."""
    return [number >> 32, number & 0xFFFFFFFF]
