"""What the PC's firmware leaves in memory for operating systems: ACPI and MultiProcessor configuration tables.

Source: ACPI specification 6.5, chapter 5 "ACPI Software Programming Model" and section 20.2 "AML Grammar Definition";
Intel MultiProcessor Specification 1.4, chapter 4; IA-PC HPET specification 1.0a, section 3.2.4. Every value that a
device or the board decides comes from there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from struct import calcsize, pack

from vmm.devices import acpi_pm, hpet, i8042, rtc
from vmm.devices.acpi_pm import AcpiPm

ACPI_AT, MP_AT = 0xF0000, 0xF1000
"""Both searched for on 16-byte boundaries from F0000h (ACPI 5.2.5.1, MP 4)."""

OEM = b"VMM"
PRODUCT = b"PC"
ALL_CPUS = 0xFF

CONFORMS = 0x0  # to the bus: for ISA active high, edge-triggered
ACTIVE_HIGH_LEVEL = 0x1 | 0x3 << 2
"""Polarity and trigger as both specifications encode them (ACPI table 5.26, MP table 4-10)."""


@dataclass(frozen=True)
class System:
    """What the tables tell of a board. Local APIC ids are 0 to `cpus` - 1, and 0 boots."""

    cpus: int
    signature: int
    """CPUID.01H:EAX."""
    features: int
    """CPUID.01H:EDX."""
    pins: Mapping[int, int]
    """IOAPIC pin, which is the global system interrupt, by ISA IRQ."""
    sci: int
    """ISA IRQ of ACPI events, the one that is level-triggered."""
    lapic: int
    """Physical, as the IOAPIC's and the HPET's."""
    lapic_version: int
    ioapic: int
    ioapic_id: int
    ioapic_version: int
    hpet: int | None
    """None: there is none."""

    def flags(self, irq: int) -> int:
        """Polarity and trigger of an ISA IRQ."""
        return ACTIVE_HIGH_LEVEL if irq == self.sci else CONFORMS


def tables(system: System) -> dict[int, bytes]:
    """All tables, by the physical address of their first byte."""
    return {ACPI_AT: acpi_tables(system, ACPI_AT), MP_AT: mp_tables(system, MP_AT)}


def _checked(blob: bytes, at: int) -> bytes:
    """`blob` with the byte at `at`, 0 so far, such that all add up to 0 modulo 256."""
    return blob[:at] + bytes((-sum(blob) & 0xFF,)) + blob[at + 1 :]


# ---- ACPI ----

HEADER = "<4sIBB6s8sI4sI"
HEADER_CHECKSUM = 9

RSDP = "<8sB6sBIIQB3x"
RSDP_V1_SIZE = 20  # what the first checksum covers
RSDP_CHECKSUM, RSDP_EXTENDED_CHECKSUM = 8, 32

FACS_SIZE = FACS_ALIGNMENT = 64

SYSTEM_MEMORY, SYSTEM_IO = 0, 1  # address spaces
BYTE, WORD, DWORD = 1, 2, 3  # access sizes

PM1_EVENT = AcpiPm.PORTS[0][0]
PM1_CONTROL = PM1_EVENT + acpi_pm.CONTROL
PM_TIMER = acpi_pm.TIMER_PORTS[0]
RESET_PORT = i8042.I8042.PORTS[1][0]
RESET_VALUE = i8042.PULSE | 0xF & ~i8042.OUTPUT_NO_RESET
"""The 8042's command that pulses the CPU's reset line."""

NO_C2, NO_C3 = 101, 1001
"""Latencies in microseconds from which a processor has no such state."""

LEGACY_DEVICES, HAS_8042, NO_VGA = 0x1, 0x2, 0x4  # boot architecture flags, 5.2.9.3
WBINVD = 1 << 0  # fixed feature flags, 5.2.9
PROC_C1 = 1 << 2
NO_POWER_BUTTON = 1 << 4
NO_SLEEP_BUTTON = 1 << 5
NO_RTC_STATUS = 1 << 6
RESET_SUPPORTED = 1 << 10
FIXED_FEATURES = WBINVD | PROC_C1 | NO_POWER_BUTTON | NO_SLEEP_BUTTON | NO_RTC_STATUS | RESET_SUPPORTED

PCAT_COMPATIBLE = 1  # an 8259A pair, to be masked before the APICs are used
ENABLED = 1
MADT_LAPIC, MADT_IOAPIC, MADT_OVERRIDE, MADT_LAPIC_NMI = 0, 1, 2, 4
ISA = 0

HPET_MINIMUM_TICKS = 100
"""The shortest period without lost interrupts: a hundred instructions at the usual 10 ns."""

NAME_OP, PACKAGE_OP, BYTE_PREFIX = 0x08, 0x12, 0x0A


def acpi_tables(system: System, address: int) -> bytes:
    """The RSDP and, behind it, all it leads to, for physical `address`, a multiple of 16."""
    blob = bytearray(calcsize(RSDP))

    def place(table: bytes, alignment: int = 16) -> int:
        blob.extend(bytes(-(address + len(blob)) % alignment))
        blob.extend(table)
        return address + len(blob) - len(table)

    facs = place(pack("<4sI24xB31x", b"FACS", FACS_SIZE, 2), FACS_ALIGNMENT)
    dsdt = place(_table(b"DSDT", 2, _s5()))
    entries = [place(_fadt(system, facs, dsdt)), place(_madt(system))]
    if system.hpet is not None:
        entries.append(place(_hpet(system.hpet)))
    rsdt = place(_table(b"RSDT", 1, pack(f"<{len(entries)}I", *entries)))
    xsdt = place(_table(b"XSDT", 1, pack(f"<{len(entries)}Q", *entries)))
    blob[: calcsize(RSDP)] = _rsdp(rsdt, xsdt)
    return bytes(blob)


def _rsdp(rsdt: int, xsdt: int) -> bytes:
    """5.2.5.3."""
    rsdp = pack(RSDP, b"RSD PTR ", 0, OEM, 2, rsdt, calcsize(RSDP), xsdt, 0)
    rsdp = _checked(rsdp[:RSDP_V1_SIZE], RSDP_CHECKSUM) + rsdp[RSDP_V1_SIZE:]
    return _checked(rsdp, RSDP_EXTENDED_CHECKSUM)


def _table(signature: bytes, revision: int, body: bytes) -> bytes:
    """`body` behind the header of 5.2.6."""
    length = calcsize(HEADER) + len(body)
    header = pack(HEADER, signature, length, revision, 0, OEM, PRODUCT, 1, OEM, 1)
    return _checked(header + body, HEADER_CHECKSUM)


def _gas(space: int, bits: int, access: int, address: int) -> bytes:
    """Generic Address Structure, 5.2.3.2."""
    return pack("<BBBBQ", space, bits, 0, access, address)


def _fadt(system: System, facs: int, dsdt: int) -> bytes:
    """5.2.9, from FIRMWARE_CTRL to the hypervisor's identity. No SMI command port: ACPI mode is always on."""
    none = _gas(0, 0, 0, 0)
    parts = (
        pack("<IIBB", facs, dsdt, 0, 0),
        pack("<HIBBBB", system.sci, 0, 0, 0, 0, 0),
        pack("<8I", PM1_EVENT, 0, PM1_CONTROL, 0, 0, PM_TIMER, 0, 0),
        pack("<8B", 4, 2, 0, 4, 0, 0, 0, 0),  # lengths of those blocks
        pack("<HHHHBB", NO_C2, NO_C3, 0, 0, 0, 0),
        pack("<BBBHx", 0, 0, rtc.CENTURY, LEGACY_DEVICES | HAS_8042 | NO_VGA),
        pack("<I", FIXED_FEATURES),
        _gas(SYSTEM_IO, 8, BYTE, RESET_PORT),
        pack("<BHB", RESET_VALUE, 0, 5),
        pack("<QQ", 0, dsdt),  # FIRMWARE_CTRL is given, so X_FIRMWARE_CTRL must not be
        _gas(SYSTEM_IO, 32, WORD, PM1_EVENT),
        none,
        _gas(SYSTEM_IO, 16, WORD, PM1_CONTROL),
        none,
        none,
        _gas(SYSTEM_IO, 32, DWORD, PM_TIMER),
        none * 4,  # general-purpose events, sleep control and status
        pack("<Q", 0),
    )
    return _table(b"FACP", 6, b"".join(parts))


def _madt(system: System) -> bytes:
    """5.2.12: a local APIC per vCPU, the IOAPIC, ISA IRQs that are not like their pins, and NMI on every LINT1."""
    parts = [pack("<II", system.lapic, PCAT_COMPATIBLE)]
    parts += [pack("<BBBBI", MADT_LAPIC, 8, cpu, cpu, ENABLED) for cpu in range(system.cpus)]
    parts.append(pack("<BBBxII", MADT_IOAPIC, 12, system.ioapic_id, system.ioapic, 0))
    for irq, pin in sorted(system.pins.items()):
        if irq != pin or system.flags(irq) != CONFORMS:
            parts.append(pack("<BBBBIH", MADT_OVERRIDE, 10, ISA, irq, pin, system.flags(irq)))
    parts.append(pack("<BBBHB", MADT_LAPIC_NMI, 6, ALL_CPUS, CONFORMS, 1))
    return _table(b"APIC", 5, b"".join(parts))


def _hpet(address: int) -> bytes:
    gas = _gas(SYSTEM_MEMORY, 64, 0, address)
    return _table(b"HPET", 1, pack("<I", hpet.BLOCK_ID) + gas + pack("<BHB", 0, HPET_MINIMUM_TICKS, 0))


def _s5() -> bytes:
    r"""`Name (\_S5, Package () {type, type, 0, 0})` in AML: what to write to SLP_TYP for soft-off (7.4.2).

    A name at the top of a DSDT is in the root. PkgLength counts itself, the number of elements and the elements.
    """
    sleep_type = acpi_pm.SLEEP_TYPE_S5
    values = (sleep_type, sleep_type, 0, 0)
    elements = b"".join(bytes((BYTE_PREFIX, value)) for value in values)
    return bytes((NAME_OP,)) + b"_S5_" + bytes((PACKAGE_OP, 2 + len(elements), len(values))) + elements


# ---- MultiProcessor specification ----

SPECIFICATION = 4  # 1.4
FLOATING_POINTER = "<4sIBBB5x"  # five feature bytes of 0: there is a configuration table, and no IMCR
FLOATING_CHECKSUM = 10
MP_HEADER = "<4sHBB8s12sIHHIHBx"
MP_HEADER_CHECKSUM = 7

MP_PROCESSOR, MP_BUS, MP_IOAPIC, MP_IO_INTERRUPT, MP_LOCAL_INTERRUPT = range(5)
BOOTS = 2
VECTORED, NMI, EXTINT = 0, 1, 3
ISA_BUS = 0
CASCADE = 2


def mp_tables(system: System, address: int) -> bytes:
    """The floating pointer structure and, behind it, the configuration table, for physical `address` (4.1-4.3)."""
    size = calcsize(FLOATING_POINTER)
    pointer = pack(FLOATING_POINTER, b"_MP_", address + size, size // 16, SPECIFICATION, 0)
    entries = _mp_entries(system)
    body = b"".join(entries)
    header = pack(
        MP_HEADER,
        b"PCMP", calcsize(MP_HEADER) + len(body), SPECIFICATION, 0,
        OEM.ljust(8), PRODUCT.ljust(12), 0, 0, len(entries), system.lapic, 0, 0,
    )  # fmt: skip
    return _checked(pointer, FLOATING_CHECKSUM) + _checked(header + body, MP_HEADER_CHECKSUM)


def _mp_entries(system: System) -> list[bytes]:
    """4.3.1-4.3.5, in the order of their types, as required."""
    version, signature, features = system.lapic_version, system.signature, system.features
    flags = (ENABLED | BOOTS if cpu == 0 else ENABLED for cpu in range(system.cpus))
    ioapic = system.ioapic_id
    return [
        *(pack("<BBBBII8x", MP_PROCESSOR, cpu, version, flag, signature, features) for cpu, flag in enumerate(flags)),
        pack("<BB6s", MP_BUS, ISA_BUS, b"ISA".ljust(6)),
        pack("<BBBBI", MP_IOAPIC, ioapic, system.ioapic_version, ENABLED, system.ioapic),
        *(
            _interrupt(MP_IO_INTERRUPT, VECTORED, system.flags(irq), irq, ioapic, pin)
            for irq, pin in sorted(system.pins.items())
            if irq != CASCADE
        ),
        _interrupt(MP_LOCAL_INTERRUPT, EXTINT, CONFORMS, 0, 0, 0),
        _interrupt(MP_LOCAL_INTERRUPT, NMI, CONFORMS, 0, ALL_CPUS, 1),
    ]


def _interrupt(entry: int, kind: int, flags: int, irq: int, apic: int, pin: int) -> bytes:
    return pack("<BBHBBBB", entry, kind, flags, ISA_BUS, irq, apic, pin)
