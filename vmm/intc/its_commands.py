"""What the GICv3 Interrupt Translation Service does: its commands, and the tables they keep in guest memory.

Source: Arm IHI 0069, chapter 5 "Locality-specific Peripheral Interrupts and the ITS" and GITS_BASER<n> in chapter 12.

The format of table entries is the implementation's choice (5.2). Here every entry is one little-endian doubleword:

    device table     [63] valid  [51:8] ITT address  [4:0] EventID bits minus one
    collection table [63] valid  [15:0] processor number
    ITT              [63] valid  [47:16] INTID       [15:0] collection

Nothing is cached, so INV and INVALL concern the redistributors only, and the guest may move or clear a table while the
ITS is disabled. What is read back is checked as if it were a command: a guest can write to its own tables.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import NamedTuple, Protocol

from vmm.errors import VmmError
from vmm.protocols import Memory

FIRST_LPI = 8192
INTID_BITS = 16
EVENT_BITS = 16
TABLE_BITS = 16  # of DeviceIDs and of collection numbers

ENTRY_SIZE = 8  # bytes, of every table
PAGE_SIZE = 0x10000  # bytes; the only size there is
ENTRIES_A_PAGE = PAGE_SIZE // ENTRY_SIZE

VALID = 1 << 63

BASER_INDIRECT = 1 << 62
BASER_TYPE_SHIFT = 56
BASER_ENTRY_SIZE_SHIFT = 48
BASER_ADDRESS = 0x0000_FFFF_FFFF_0000
BASER_ADDRESS_HIGH = 0xF000  # address [51:48], with 64 KiB pages
BASER_ADDRESS_HIGH_SHIFT = 36
BASER_PAGE_64K = 2 << 8
BASER_PAGES = 0xFF  # minus one
BASER_WRITABLE = 0xF8E0_FFFF_FFFF_FCFF
LEVEL_1_ADDRESS = 0x000F_FFFF_FFFF_0000

TYPE_DEVICES = 1
TYPE_COLLECTIONS = 4

ITT_ADDRESS = 0x000F_FFFF_FFFF_FF00
ITT_SIZE = 0x1F
ICID = 0xFFFF
PROCESSOR = 0xFFFF
INTID_SHIFT = 16
INTID = 0xFFFF_FFFF
RDBASE_SHIFT = 16
RDBASE = (1 << 36) - 1

PACKET = struct.Struct("<4Q")
"""A command: four doublewords."""

MOVI = 0x01
INT = 0x03
CLEAR = 0x04
SYNC = 0x05
MAPD = 0x08
MAPC = 0x09
MAPTI = 0x0A
MAPI = 0x0B
INV = 0x0C
INVALL = 0x0D
MOVALL = 0x0E
DISCARD = 0x0F

COMMAND_ERROR = 0x01
ERROR_GROUPS = {CLEAR: 0x05}
"""Where the error encodings (5.5) do not stand under the command's own number."""


class Fault(IntEnum):
    """The low byte of an error code; the last two are ours, for what the architecture has no code for."""

    DEVICE_OOR = 0x01
    MOVALL_PROCNUM_OOR = 0x01
    ITTSIZE_OOR = 0x02
    PROCNUM_OOR = 0x02
    COLLECTION_OOR = 0x03
    UNMAPPED_DEVICE = 0x04
    ID_OOR = 0x05
    PHYSICALID_OOR = 0x06
    UNMAPPED_INTERRUPT = 0x07
    UNMAPPED_COLLECTION = 0x09
    ITE_INVALID = 0x10
    NO_SUCH_COMMAND = 0x00
    NOT_MEMORY = 0xFF


def error_code(command: int, fault: Fault) -> int:
    """The 24-bit encoding of a command error: 01, the command, the fault (5.5)."""
    return COMMAND_ERROR << 16 | ERROR_GROUPS.get(command, command) << 8 | fault


class Redistributors(Protocol):
    """What the ITS drives. `cpu`, `source` and `target` are processor numbers that exist, `intid` is an LPI's."""

    def lpi(self, cpu: int, intid: int, pending: bool) -> None:
        """Set or clear the pending state of an LPI."""

    def reload(self, cpu: int) -> None:
        """Forget cached LPI configuration and read it again."""

    def move(self, source: int, target: int, intid: int) -> None:
        """Move the pending state of one LPI."""

    def move_all(self, source: int, target: int) -> None:
        """Move the pending state of all LPIs."""


class Refused(Exception):
    """A command cannot be carried out."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.name)
        self.fault = fault


def check(holds: object, fault: Fault) -> None:
    if not holds:
        raise Refused(fault)


def load(memory: Memory, address: int) -> int:
    try:
        return int.from_bytes(memory.read(address, ENTRY_SIZE), "little")
    except VmmError as error:
        raise Refused(Fault.NOT_MEMORY) from error


def store(memory: Memory, address: int, value: int) -> None:
    try:
        memory.write(address, value.to_bytes(ENTRY_SIZE, "little"))
    except VmmError as error:
        raise Refused(Fault.NOT_MEMORY) from error


class Table:
    """A table of up to 65536 entries in guest memory, and the GITS_BASER<n> register that says where it is."""

    def __init__(self, memory: Memory, kind: int, out_of_range: Fault) -> None:
        self._memory = memory
        self._fixed = kind << BASER_TYPE_SHIFT | (ENTRY_SIZE - 1) << BASER_ENTRY_SIZE_SHIFT | BASER_PAGE_64K
        self._out_of_range = out_of_range
        self.configure(0)

    def configure(self, baser: int) -> None:
        """Write the register."""
        self.baser = baser & BASER_WRITABLE | self._fixed

    def covers(self, index: int) -> bool:
        """Whether the guest gave memory for the entry, or for what leads to it in a two-level table."""
        slots = ENTRIES_A_PAGE * ((self.baser & BASER_PAGES) + 1)
        if self.baser & BASER_INDIRECT:
            slots *= ENTRIES_A_PAGE
        return bool(self.baser & VALID) and index < min(slots, 1 << TABLE_BITS)

    def require(self, index: int) -> None:
        check(self.covers(index), self._out_of_range)

    def read(self, index: int) -> int:
        """An entry, 0 (not valid) where a second level is missing."""
        address = self._address(index)
        return 0 if address is None else load(self._memory, address)

    def write(self, index: int, entry: int) -> None:
        """Change an entry; out of range, too, is one whose second level is missing."""
        address = self._address(index)
        if address is None:
            raise Refused(self._out_of_range)
        store(self._memory, address, entry)

    def _address(self, index: int) -> int | None:
        self.require(index)
        base = self.baser & BASER_ADDRESS | (self.baser & BASER_ADDRESS_HIGH) << BASER_ADDRESS_HIGH_SHIFT
        if not self.baser & BASER_INDIRECT:
            return base + ENTRY_SIZE * index
        page, slot = divmod(index, ENTRIES_A_PAGE)
        level_1 = load(self._memory, base + ENTRY_SIZE * page)
        return (level_1 & LEVEL_1_ADDRESS) + ENTRY_SIZE * slot if level_1 & VALID else None


class Command(NamedTuple):
    """The doublewords of a command and the fields in them (5.3)."""

    dw0: int
    dw1: int
    dw2: int
    dw3: int

    @property
    def opcode(self) -> int:
        return self.dw0 & 0xFF

    @property
    def device(self) -> int:
        return self.dw0 >> 32

    @property
    def event(self) -> int:
        return self.dw1 & 0xFFFF_FFFF

    @property
    def intid(self) -> int:
        return self.dw1 >> 32

    @property
    def size(self) -> int:
        return self.dw1 & ITT_SIZE

    @property
    def valid(self) -> bool:
        return bool(self.dw2 & VALID)

    @property
    def collection(self) -> int:
        return self.dw2 & ICID

    @property
    def target(self) -> int:
        return self.dw2 >> RDBASE_SHIFT & RDBASE

    @property
    def second_target(self) -> int:
        return self.dw3 >> RDBASE_SHIFT & RDBASE


class Route(NamedTuple):
    """Where an event leads."""

    ite: int  # address of its entry
    intid: int
    cpu: int


class Translations:
    """The mapping device, event → INTID, collection → processor, and the commands that keep and use it."""

    def __init__(self, *, memory: Memory, redistributors: Redistributors, cpus: int) -> None:
        self._memory = memory
        self._redistributors = redistributors
        self._cpus = cpus
        self.devices = Table(memory, TYPE_DEVICES, Fault.DEVICE_OOR)
        self.collections = Table(memory, TYPE_COLLECTIONS, Fault.COLLECTION_OOR)
        self._actions = {
            MAPD: self._mapd,
            MAPC: self._mapc,
            MAPTI: lambda command: self._map(command, command.intid),
            MAPI: lambda command: self._map(command, command.event),
            MOVI: self._movi,
            MOVALL: self._movall,
            INV: lambda command: redistributors.reload(self._route(command).cpu),
            INVALL: self._invall,
            SYNC: lambda command: None,  # every command has taken effect before the next one begins
            INT: lambda command: self._pend(self._route(command), True),
            CLEAR: lambda command: self._pend(self._route(command), False),
            DISCARD: self._discard,
        }

    def execute(self, command: Command) -> int | None:
        """Carry out a command. None, or the error code of one that was refused and changed nothing."""
        try:
            action = self._actions.get(command.opcode)
            if action is None:
                raise Refused(Fault.NO_SUCH_COMMAND)
            action(command)
        except Refused as refused:
            return error_code(command.opcode, refused.fault)
        return None

    # ---- mapping ----

    def _mapd(self, command: Command) -> None:
        self.devices.require(command.device)
        check(not command.valid or command.size < EVENT_BITS, Fault.ITTSIZE_OOR)
        entry = VALID | command.dw2 & ITT_ADDRESS | command.size
        self.devices.write(command.device, entry if command.valid else 0)

    def _mapc(self, command: Command) -> None:
        check(not command.valid or command.target < self._cpus, Fault.PROCNUM_OOR)
        self.collections.write(command.collection, VALID | command.target if command.valid else 0)

    def _map(self, command: Command, intid: int) -> None:
        # The collection may be mapped later: a route is checked when it is taken.
        self.collections.require(command.collection)
        address = self._ite_address(command)
        check(is_lpi(intid), Fault.PHYSICALID_OOR)
        store(self._memory, address, VALID | intid << INTID_SHIFT | command.collection)

    def _discard(self, command: Command) -> None:
        route = self._route(command)
        store(self._memory, route.ite, 0)
        self._pend(route, False)

    # ---- moving ----

    def _movi(self, command: Command) -> None:
        self.collections.require(command.collection)
        address, ite = self._mapped(command)
        source = self._processor(ite & ICID, Fault.UNMAPPED_COLLECTION)
        target = self._processor(command.collection, Fault.UNMAPPED_COLLECTION)
        intid = ite >> INTID_SHIFT & INTID
        check(is_lpi(intid), Fault.ITE_INVALID)
        store(self._memory, address, VALID | intid << INTID_SHIFT | command.collection)
        if source != target:
            self._redistributors.move(source, target, intid)

    def _movall(self, command: Command) -> None:
        source, target = command.target, command.second_target
        check(max(source, target) < self._cpus, Fault.MOVALL_PROCNUM_OOR)
        if source != target:
            self._redistributors.move_all(source, target)

    def _invall(self, command: Command) -> None:
        self.collections.require(command.collection)
        self._redistributors.reload(self._processor(command.collection, Fault.UNMAPPED_COLLECTION))

    # ---- the way of an event ----

    def _ite_address(self, command: Command) -> int:
        dte = self.devices.read(command.device)
        check(dte & VALID, Fault.UNMAPPED_DEVICE)
        check(command.event >> (dte & ITT_SIZE) + 1 == 0, Fault.ID_OOR)
        return (dte & ITT_ADDRESS) + ENTRY_SIZE * command.event

    def _mapped(self, command: Command) -> tuple[int, int]:
        """Address and value of the event's entry."""
        address = self._ite_address(command)
        ite = load(self._memory, address)
        check(ite & VALID, Fault.UNMAPPED_INTERRUPT)
        return address, ite

    def _processor(self, collection: int, unmapped: Fault) -> int:
        cte = self.collections.read(collection) if self.collections.covers(collection) else 0
        check(cte & VALID and cte & PROCESSOR < self._cpus, unmapped)
        return cte & PROCESSOR

    def _route(self, command: Command) -> Route:
        address, ite = self._mapped(command)
        intid = ite >> INTID_SHIFT & INTID
        check(is_lpi(intid), Fault.ITE_INVALID)
        return Route(address, intid, self._processor(ite & ICID, Fault.ITE_INVALID))

    def _pend(self, route: Route, pending: bool) -> None:
        self._redistributors.lpi(route.cpu, route.intid, pending)


def is_lpi(intid: int) -> bool:
    return FIRST_LPI <= intid < 1 << INTID_BITS
