"""What every vCPU has, whatever its architecture."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, TypeVar

from vmm.arch.boot import Entry
from vmm.core.native import NEVER, ffi, lib
from vmm.errors import VmmError, unknown, within

if TYPE_CHECKING:
    from vmm._native import vmm_vcpu


Decide = Callable[..., Any]
"""The way in for what comes from outside (`Inputs.decide`): it is called with "cpu", the vCPU's index and a change."""
VECTOR = 16
"""Bytes of a vector register."""
Kind = TypeVar("Kind", bound="Vcpu")


class Handler(NamedTuple):
    """A handler under way: what was delivered, and what that interrupted."""

    number: int
    """Vector; on ARM the INTID, or an exception's class."""
    source: int
    """The core's enum vmm_source."""
    pin: int
    begun: int
    """Instructions of the vCPU."""
    pc: int
    """Linear; so the next."""
    sp: int


class Vcpu:
    """One vCPU of a machine, over the core's struct; where `decide` is given, as scripts have it.

    Registers and memory are an architecture's own affair: `cpu["pc"]` reads a register, `cpu["pc"] = 1` writes it,
    `list(cpu)` has their names.
    """

    arch: str
    """Its architecture's name."""

    def __init__(self, native: vmm_vcpu, decide: Decide | None = None) -> None:
        self._native = native
        self._decide = decide

    def for_scripts(self: Kind, decide: Decide) -> Kind:
        """The same vCPU, but what is changed through this one comes from outside."""
        return type(self)(self._native, decide)

    CHANGES: ClassVar[Mapping[str, Callable[..., None]]]
    """What a script can change, by name."""

    def change(self, name: str, *arguments: Any) -> None:
        """Make one of `CHANGES` now; VmmError for a name that is none."""
        if name not in self.CHANGES:
            raise unknown(f"change of an {self.arch} vCPU", name, self.CHANGES)
        self.CHANGES[name](self, *arguments)

    def _make(self, name: str, *arguments: Any) -> None:
        """Make one of `CHANGES`, as a decision where scripts ask for it."""
        if self._decide:
            self._decide("cpu", self.index, name, *arguments)
        else:
            self.change(name, *arguments)

    def __repr__(self) -> str:
        rest = "off" if self.off else f"at {self.pc:#x}, {self.state}" + ", halted" * self.halted
        return f"<vCPU {self.index}, {self.arch}: {self.count} instructions, {rest}>"

    def _repr_html_(self) -> str:
        from vmm.arch.notebook import vcpu

        return vcpu(self)

    @property
    def state(self) -> str:
        """Its code's width, its privilege and what is masked, in words."""
        raise NotImplementedError

    @property
    def index(self) -> int:
        """Which of the machine's it is, from 0."""
        return int(self._native.index)

    @property
    def count(self) -> int:
        """Instructions begun since power-on."""
        return int(self._native.count)

    @property
    def halted(self) -> bool:
        """It waits in HLT or WFI."""
        return bool(self._native.halted)

    @property
    def off(self) -> bool:
        """It was never started, or switched itself off."""
        return bool(self._native.off)

    def recent(self) -> list[int]:
        """Linear addresses of the last instructions begun, oldest first; at most 32."""
        lib.vmm_recent_known(self._native)
        ring, count = self._native.recent, self.count
        first = max(0, count - lib.VMM_RECENT)
        return [int(ring[n % lib.VMM_RECENT]) for n in range(first, count)]

    def handlers(self) -> list[Handler]:
        """Those under way, the innermost last; at most 32."""
        nest = (self._native.nest[n] for n in range(min(self._native.depth, lib.VMM_NEST)))
        return [Handler(each.number, each.source, each.pin, each.count, each.pc, each.sp) for each in nest]

    @property
    def bits(self) -> int:
        """Width of its code."""
        raise NotImplementedError

    def timers(self) -> Iterator[tuple[str, bool, bool, bool, int | None]]:
        """Its own: the name, whether it is enabled, masked and due, and in how many ticks of its counter it is or,
        below 0, was due; None: it is not enabled.
        """
        return iter(())

    def vector(self, number: int) -> int:
        """A vector register (128 bits): x86: XMM0 to XMM15, then ST0 to ST7 (80 bits) from 16 on; A64: V0 to V31;
        ARMv7: D0 to D31 (64 bits). VmmError for a number that is none.
        """
        data = ffi.new("uint8_t[]", VECTOR)
        self._vector_call("get", number, data)
        return int.from_bytes(bytes(data), "little")

    def set_vector(self, number: int, value: int) -> None:
        """As `vector`; VmmError for more than 128 bits."""
        within("vector", value, 1 << 128)
        self._make("vector", number, value.to_bytes(VECTOR, "little"))

    def _put_vector(self, number: int, value: bytes) -> None:
        if len(value) != VECTOR:
            raise VmmError(f"a vector of {len(value)} bytes: it has {VECTOR}")
        self._vector_call("set", number, ffi.new("uint8_t[]", value))

    def _vector_call(self, what: str, number: int, data: Any) -> None:
        call = getattr(lib, f"vmm_{self.FAMILY}_vector_{what}")
        if not 0 <= number < 1 << 32 or call(self._native, number, data):
            raise VmmError(f"this CPU has no vector register {number}")

    def number(self, name: str) -> int:
        """By which the core knows a register that a predicate names; VmmError for one there is not."""
        raise NotImplementedError

    FAMILY: ClassVar[str]
    """In the names of the core's calls."""

    def __getitem__(self, name: str) -> int:
        raise NotImplementedError

    def __setitem__(self, name: str, value: int) -> None:
        raise NotImplementedError

    def __iter__(self) -> Iterator[str]:
        raise NotImplementedError

    def _ipython_key_completions_(self) -> list[str]:
        """What IPython and notebooks complete `cpu["` to."""
        return list(self)

    @property
    def pc(self) -> int:
        """The linear address of the next instruction."""
        raise NotImplementedError

    @staticmethod
    def exception_name(number: int) -> str | None:
        """What the manuals call the exception of a vector or class; None for a number without a name."""
        raise NotImplementedError

    def shutdown_story(self, where: str, whose: str, raises: bool) -> str:
        """Why it could not go on `where` it stands, in a sentence. `whose` is " of vCPU n" where there are several;
        `raises`: its handler of exceptions raises one itself, instead of being out of reach.
        """
        raise NotImplementedError

    def physical(self, address: int) -> int | None:
        """Where in RAM it maps a linear address now; None: nowhere."""
        found = int(lib.vmm_physical(self._native, address & NEVER))
        return None if found == NEVER else found

    def enter(self, entry: Entry) -> None:
        """Stand where a loaded image begins."""
        raise NotImplementedError

    def read(self, address: int, size: int) -> bytes:
        """Guest memory as the vCPU maps it now; VmmError at the first address that is not mapped."""
        raise NotImplementedError

    def write(self, address: int, data: bytes) -> None:
        """Write guest memory whatever the page allows; VmmError at the first address that is not mapped."""
        raise NotImplementedError
