"""What everybody may ask of an architecture, so that nobody else has to know which there are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol

from vmm.arch.boot import Boot

if TYPE_CHECKING:
    from vmm.arch.debugger import Debugger
    from vmm.arch.target import Target
    from vmm.arch.traps import Traps
    from vmm.arch.vcpu import Vcpu
    from vmm.arch.words import ExceptionName, Words
    from vmm.core.event import Event

Action = Literal["NMIs", "messages to local APICs", "local APICs", "SPIs", "PPIs", "SGIs"]
"""What a script can only do to, or look at in, machines of some architectures."""


class Processor(NamedTuple):
    """A CPU model that was found, ready to be added to a machine."""

    architecture: str
    compatible: str
    """Its device tree name; empty where there are no device trees."""
    add: Callable[..., Vcpu]
    """`add(native machine, **features)` makes one more vCPU; the features are those the board names in its layout."""
    precise: str = ""
    """Why it is run in the precise gear, whatever is asked for; empty: it need not."""


class Value(NamedTuple):
    """A register."""

    name: str
    value: int
    digits: int
    """Hexadecimal ones that it has."""


class Field(NamedTuple):
    """A part of a frame."""

    name: str
    at: int | None
    """Its linear address; None: it is a register."""
    size: int
    """Bytes."""
    value: int | None
    """What it holds now; None: nothing is mapped there."""
    delivered: int | None
    """What the delivery put there; None: that is not known."""
    leads: bool = False
    """It is the address of code, linear."""


class Interrupted(NamedTuple):
    """An instruction, and how it is decoded."""

    address: int
    """Linear."""
    bits: int
    """Of its code, as a vCPU's `bits` has it."""
    before: bytes = b""
    """As `Dump.before`."""


class Dump(Protocol):
    """What a crash report shows of a vCPU; usually a module."""

    @property
    def LONGEST(self) -> int:
        """Bytes of an instruction at most."""

    def code(self, cpu: Any) -> str:
        """What the code of a vCPU is now: "32-bit", "A64"."""

    def registers(self, cpu: Any) -> Iterator[str]:
        """Lines of registers, and what is masked."""

    def disassembler(self, bits: int) -> Any:
        """Capstone's, for code of so many bits, as a vCPU's `bits` has it."""

    def before(self, cpu: Any, address: int) -> bytes:
        """What must be decoded before the instruction there, for it means another thing behind that."""

    def behind(self, before: bytes, code: bytes) -> bytes:
        """So of the next instruction, behind one with these bytes."""

    def interrupted(self, cpu: Any, event: Event) -> Interrupted:
        """The instruction that a delivery to the vCPU came before, or that raised it."""

    def entered(self, cpu: Any, event: Event) -> int:
        """Those of the handler's code."""

    def values(self, cpu: Any) -> Iterator[Value]:
        """The registers that everybody looks at first."""

    def flags(self, cpu: Any) -> Iterator[tuple[str, bool]]:
        """Flags and masks by name, and whether each is set."""

    def stack(self, cpu: Any) -> tuple[int, int]:
        """The linear address of the stack's top, and the bytes of a slot."""

    def frame(self, cpu: Any, event: Event) -> Iterator[Field]:
        """What a delivery to the vCPU kept of what it interrupted; registers only while nothing else was delivered."""


@dataclass(frozen=True)
class Architecture:
    """One row of `vmm.arch`. What takes long to import or is asked for rarely is behind a call."""

    name: str
    """As users and directories of guests call it: "arm64"."""
    title: str
    """As documents call it: "AArch64"."""
    family: str
    """What it and its relatives, which share boards and models, are called together: "ARM"."""
    article: str
    """What stands before `title` and `family`: "an"."""
    board: str
    """The board of an image that asks for none."""
    cpu: str
    """The CPU model that goes with it."""
    cpu_prefix: str
    """How names of CPU models begin that only this family has; empty: none."""
    number: str
    """What its interrupts are numbered by: "vector", "INTID"."""
    irq: str
    """What the numbered lines of its boards are called: "IRQ", "SPI"."""
    actions: frozenset[Action]
    no_nmi: str
    """What is said to who wants to latch an NMI, where there is none."""
    boot: Boot
    gears: tuple[str, ...]
    """How its vCPUs may be run."""
    qemu: str
    """QEMU's program for its machines."""
    qemu_registers: Callable[[Any], Iterator[str]]
    """The registers of a vCPU in lines, as QEMU's `-d cpu` has them."""
    proofs: Mapping[str, str]
    """By controller, a bundled guest that takes interrupts through it and checks itself."""
    processor: Callable[[str], Processor]
    """The CPU that `--cpu` calls so, of this architecture or of its relatives; VmmError names what is off."""
    words: Callable[[], Words]
    traps: Callable[[], Traps]
    dump: Callable[[], Dump]
    int_line: Callable[[Event, ExceptionName], str]
    """A delivery as a line of `-d int`."""
    target: Callable[[], Target]
    debugger: Callable[[], Debugger]

    @property
    def has_vectors(self) -> bool:
        """Interrupts are called as x86 calls them, and events have its controllers' numbers."""
        return self.number == "vector"
