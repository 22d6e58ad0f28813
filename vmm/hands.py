"""What a script does to a machine: the hands that pull its wires, press its keys and change its memory.

All of it goes through `outside` (vmm/decisions.py), so a recording has it.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from vmm.attached import ScriptBus, ScriptClock
from vmm.boards.board import Board
from vmm.cpu.processors import Architecture, Cpu
from vmm.decisions import Outside
from vmm.errors import VmmError, unknown, within
from vmm.intc.gic import Gic
from vmm.intc.i8259 import Pic
from vmm.intc.ioapic import IoApic
from vmm.intc.lapic import LocalApic
from vmm.scenario.tasks import Task, Tasks
from vmm.scenario.triggers import Elapsed, Reach
from vmm.state import DeviceState
from vmm.traps import Key, Trap, arm_arm, arm_x86, key_of, unanswered
from vmm.wires import Ppi, Wire, Wires
from vmm.wiring import MmioDevice, PortDevice

if TYPE_CHECKING:
    from vmm.scenario.stimulation import Armed, Stimulation, Target
    from vmm.scenario.stimuli import Stimulus


class Hands:
    """The part of `Machine` that scripts act through."""

    bus: ScriptBus
    clock: ScriptClock
    cpus: list[Cpu]
    outside: Outside
    _board: Board
    _native: Any
    _state: DeviceState
    _tasks: Tasks
    _wires: Wires
    _traps: dict[Key, Callable[[Trap], Any]]

    @property
    def architecture(self) -> Architecture:
        raise NotImplementedError

    def address(self, where: str | int) -> int:
        raise NotImplementedError

    # ---- scenarios ----

    def start(self, scenario: Callable[[Any], Any] | Coroutine[Any, Any, Any]) -> Task:
        """Begin a scenario, an async function of the machine: it runs to its first await, then with the guest."""
        return self._tasks.start(scenario, self)

    @property
    def waiting(self) -> list[str]:
        """The scenarios that wait, and for what, in words."""
        return self._tasks.waiting()

    def reach(self, where: str | int) -> Reach:
        """`Reach(where)`: await it."""
        return Reach(where)

    # ---- interrupts ----

    def irq(self, number: int) -> Wire:
        """The scripts' end of interrupt line `number`: IRQ 0-23 of a pc, SPI 0-255 of a virt board."""
        if not 0 <= number < self._board.irqs:
            what = "IRQ" if self.architecture == "x86" else "SPI"
            raise VmmError(f"{what} {number} is not among 0-{self._board.irqs - 1}")
        return self._wire(number)

    def line(self, name: str) -> Wire:
        """The scripts' end of a line by its name: "IRQ 4", on a pc also "NMI", which is LINT1 of every local APIC."""
        numbers = {known: number for number, known in self._board.line_names.items()}
        if name not in numbers:
            raise unknown("line", name, numbers)
        return self._wire(numbers[name])

    def _wire(self, number: int) -> Wire:
        return Wire(self._wires, number, self._board.line_names[number], lambda: self._tasks.running)

    def spi(self, number: int) -> Wire:
        """SPI `number` (0-255; INTID 32 + `number`) of a GIC."""
        self._on("arm", "SPIs")
        return self.irq(number)

    def ppi(self, intid: int, cpu: int = 0) -> Ppi:
        """A vCPU's own input, INTID 16-31. A timer that drives the same one sets it again when its output changes."""
        self._on("arm", "PPIs")
        if not 16 <= intid < 32:
            raise VmmError(f"INTID {intid} is no PPI: they are 16-31")
        return Ppi(self.outside, self._index(cpu), intid)

    def sgi(self, intid: int, *, target: int = 0, source: int = 0) -> None:
        """Let vCPU `source` send SGI `intid` (0-15) of group 1 to vCPU `target`, as its own register write would."""
        self._on("arm", "SGIs")
        if not 0 <= intid < 16:
            raise VmmError(f"INTID {intid} is no SGI: they are 0-15")
        self.outside("sgi", self._index(source), self._index(target), intid)

    def nmi(self, cpu: int = 0) -> None:
        """Latch one NMI for a vCPU, at its pin, past any APIC; VmmError on ARM, which has none."""
        if self.architecture != "x86":
            raise VmmError("ARM has no NMI; a group 0 interrupt is an FIQ")
        self.outside("nmi", self._index(cpu))

    def msi(self, address: int, data: int) -> None:
        """A device's write of an interrupt message (SDM vol. 3A 11.11): 32 bits of `data` to FEExxxxxh."""
        self._on("x86", "messages to local APICs")
        self.outside("msi", address, data & 0xFFFFFFFF)

    def inject(self, vector: int, cpu: int = 0) -> None:
        """Deliver `vector` (0-255; on ARM as an IRQ of that INTID) as an external interrupt at the first boundary that
        admits one; no controller knows.
        """
        within("interrupt vector", vector, 256)
        self.outside("inject", self._index(cpu), vector)

    def stimulate(
        self,
        target: Target,
        stimulus: Stimulus,
        *,
        seed: int | None = None,
        until: Elapsed | None = None,
        armed: Armed = False,
    ) -> Stimulation:
        """Let interrupts come by themselves from this boundary on: a Periodic, Poisson, Burst, Storm or Sequence, on a
        line such as `m.irq(4)`, an `Nmi` or a `Vector`. None comes once `until`, in the stimulus' own unit, has passed.
        `armed` lets only those through that the guest has asked for: True, while the line is unmasked in a controller;
        two symbols or addresses, from the one up to the other. `seed` is 64 bits, by default derived from the machine's
        and the number of stimuli started so far. VmmError for what does not fit together.
        """
        from vmm.scenario.stimulation import Stimulation, decision
        from vmm.scenario.stimuli import Nmi, Stimulus, Vector

        if not isinstance(stimulus, Stimulus):
            raise VmmError(f"{stimulus!r} is not a stimulus: Periodic, Poisson, Burst, Storm and Sequence are")
        if isinstance(target, Nmi | Vector):
            self._index(target.cpu)
        if isinstance(target, Nmi):
            self._on("x86", "NMIs")
        plan = decision(self._native, self.address, target, stimulus, seed=seed, until=until, armed=armed)
        self.outside("stimulate", *plan)
        return Stimulation(self._native, self.outside, self._native.stimuli.started - 1)

    def _index(self, cpu: int) -> int:
        if not 0 <= cpu < len(self.cpus):
            raise VmmError(f"vCPU {cpu} is not among 0-{len(self.cpus) - 1}")
        return cpu

    def _on(self, architecture: str, what: str) -> None:
        if not self.architecture.startswith(architecture):
            raise VmmError(f"{what} are {architecture}'s; this machine is {self.architecture}")

    # ---- controllers, to look at ----

    @property
    def pic(self) -> Pic:
        """The 8259A pair of a pc."""
        pic: Pic = self._controller("pic")
        return pic

    @property
    def lapic(self) -> Sequence[LocalApic]:
        """The local APIC of each vCPU of a pc."""
        self._on("x86", "local APICs")
        return tuple(LocalApic(self._native.vcpus[n]) for n in range(len(self.cpus)))

    @property
    def ioapic(self) -> IoApic:
        """The IOAPIC of a pc."""
        ioapic: IoApic = self._controller("ioapic")
        return ioapic

    @property
    def gic(self) -> Gic:
        """The GIC of a virt board."""
        gic: Gic = self._controller("gic")
        return gic

    def _controller(self, name: str) -> Any:
        if name not in self._board.devices:
            raise VmmError(f"board {self._board.name} has no {name.upper()}")
        return self._board.devices[name]

    # ---- memory by symbol or linear address, as the first vCPU maps it ----

    def read(self, where: str | int, size: int) -> bytes:
        """`size` bytes; VmmError at the first address that is not mapped."""
        return self.cpus[0].read(self.address(where), size)

    def write(self, where: str | int, data: bytes) -> None:
        """VmmError at the first address that is not mapped."""
        self.cpus[0].write(self.address(where), data)

    def u8(self, where: str | int) -> int:
        """The byte there."""
        return self.read(where, 1)[0]

    def u16(self, where: str | int) -> int:
        """The 16-bit little-endian word there."""
        return int.from_bytes(self.read(where, 2), "little")

    def u32(self, where: str | int) -> int:
        """The 32-bit little-endian word there."""
        return int.from_bytes(self.read(where, 4), "little")

    def u64(self, where: str | int) -> int:
        """The 64-bit little-endian word there."""
        return int.from_bytes(self.read(where, 8), "little")

    # ---- devices ----

    @property
    def board(self) -> Board:
        """Its devices and the names of its lines."""
        self._state.hand_out()
        return self._board

    def type(self, text: str | bytes) -> None:
        """Send `text` to the guest's first serial port, at the port's speed."""
        self.outside("input", text.encode() if isinstance(text, str) else bytes(text))

    def typed(self, data: bytes) -> None:
        """What `type` comes to: the port has the bytes now."""
        port = self._board.devices[self._board.console]
        self._state.called.add(id(port))
        port.receive(data)

    def attach(
        self, device: Any, *, memory: tuple[int, int] | None = None, ports: tuple[int, int] | None = None
    ) -> None:
        """Put a device of your own on the bus, at physical addresses or I/O ports (first, count); it has the methods of
        `vmm.wiring.MmioDevice` or `PortDevice`. It drives lines got by `m.bus.line(n)` and lives by `m.clock`. VmmError
        where another device sits.
        """
        if (memory is None) == (ports is None):
            raise VmmError("attach: give either memory or ports")
        wanted: Mapping[str, Any] = {"mmio_read": MmioDevice, "mmio_write": MmioDevice}
        if ports:
            wanted = {"port_read": PortDevice, "port_write": PortDevice, "port_width": PortDevice}
        for name in wanted:
            if not hasattr(device, name):
                raise VmmError(f"attach: {type(device).__name__} has no {name}")
        space, (first, count) = ("ports", ports) if ports else ("memory", memory or (0, 0))
        self.outside("attach", space, first, count, getattr(device, "port_width", 0)).device = device

    # ---- traps ----

    def trap(self, key: Key) -> Callable[[Callable[[Trap], Any]], Callable[[Trap], Any]]:
        """Decorator: let a function see `key` before the guest does; see vmm/traps.py."""

        def register(handler: Callable[[Trap], Any]) -> Callable[[Trap], Any]:
            self.outside("trap", type(key).__name__, *vars(key).values())
            self._traps[key] = handler
            return handler

        return register

    def arm_trap(self, name: str, *fields: Any) -> None:
        """Let the core ask about the key of this class (a name) and these fields; VmmError for one it cannot have."""
        key = key_of(name, fields)
        for cpu in range(self._native.vcpu_count):
            vcpu = self._native.vcpus[cpu]
            if self.architecture == "x86":
                arm_x86(vcpu, key)
            else:
                arm_arm(vcpu, key)
        self._traps[key] = unanswered
