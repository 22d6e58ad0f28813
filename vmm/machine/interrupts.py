"""The interrupts that a script raises: on lines, by messages, at a vCPU's pins, and those that come by themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from vmm.arch.architecture import Architecture
from vmm.boards.board import Board
from vmm.core.native import check, ffi, lib, vcpu_index
from vmm.errors import VmmError, unknown, within
from vmm.inputs.decisions import Inputs
from vmm.inputs.lines import IrqLine, Lines, PpiLine
from vmm.machine.controllers import only_on

if TYPE_CHECKING:
    from vmm._native import vmm_machine
    from vmm.scenario.stimulation import Armed, Stimulation, Target
    from vmm.scenario.stimuli import Stimulus
    from vmm.scenario.triggers import Elapsed


class Interrupts:
    """Of one machine; `address` is what its image's symbols mean."""

    def __init__(
        self, native: vmm_machine, inputs: Inputs, *, lines: Lines, board: Board, architecture: Architecture,
        address: Callable[[str | int], int],
    ) -> None:  # fmt: skip
        self._native, self._inputs, self._lines, self._board = native, inputs, lines, board
        self._architecture, self._address = architecture, address
        inputs.register({
            "nmi": self._nmi, "inject": self._inject, "spurious": self._spurious, "msi": self._msi, "sgi": self._sgi,
            "stimulate": self._stimulate, "stop stimulus": self._stop_stimulus,
        })  # fmt: skip

    def irq(self, number: int) -> IrqLine:
        """The scripts' end of interrupt line `number`: IRQ 0-23 of a pc, SPI 0-255 of a virt board; VmmError
        for any other.
        """
        if not 0 <= number < self._board.irqs:
            raise VmmError(f"{self._architecture.irq} {number} is not among 0-{self._board.irqs - 1}")
        return self._line(number)

    def line(self, name: str) -> IrqLine:
        """The scripts' end of a line by its name: "IRQ 4", on a pc also "NMI", which is LINT1 of every local APIC;
        VmmError for a name that is none.
        """
        numbers = {known: number for number, known in self._board.line_names.items()}
        if name not in numbers:
            raise unknown("line", name, numbers)
        return self._line(numbers[name])

    def _line(self, number: int) -> IrqLine:
        return self._lines.line(number, self._board.line_names[number])

    def spi(self, number: int) -> IrqLine:
        """SPI `number` (0-255; INTID 32 + `number`) of a GIC; VmmError on x86, and for any other number."""
        only_on(self._architecture, "SPIs")
        return self.irq(number)

    def ppi(self, intid: int, cpu: int = 0) -> PpiLine:
        """A vCPU's own input of a GIC, INTID 16-31; VmmError for any other. A timer that drives the same one sets it
        again when its output changes.
        """
        only_on(self._architecture, "PPIs")
        if not 16 <= intid < 32:
            raise VmmError(f"INTID {intid} is no PPI: they are 16-31")
        return self._lines.ppi(self._index(cpu), intid)

    def sgi(self, intid: int, *, target: int = 0, source: int = 0) -> None:
        """Let vCPU `source` send SGI `intid` (0-15) of group 1 to vCPU `target`, as its own register write would;
        VmmError on x86, and for an SGI or a vCPU there is not.
        """
        only_on(self._architecture, "SGIs")
        if not 0 <= intid < 16:
            raise VmmError(f"INTID {intid} is no SGI: they are 0-15")
        self._inputs.decide("sgi", self._index(source), self._index(target), intid)

    def nmi(self, cpu: int = 0) -> None:
        """Latch one NMI for a vCPU, at its pin, past any APIC; VmmError on ARM, which has none."""
        only_on(self._architecture, "NMIs", self._architecture.no_nmi)
        self._inputs.decide("nmi", self._index(cpu))

    def msi(self, address: int, data: int) -> None:
        """A device's write of an interrupt message (SDM vol. 3A 11.11): 32 bits of `data` to FEExxxxxh."""
        only_on(self._architecture, "messages to local APICs")
        self._inputs.decide("msi", address, data & 0xFFFFFFFF)

    def inject(self, vector: int, cpu: int = 0) -> None:
        """Deliver `vector` (0-255; on ARM as an IRQ of that INTID) as an external interrupt at the first boundary that
        admits one; no controller knows.
        """
        within("interrupt vector", vector, 256)
        self._inputs.decide("inject", self._index(cpu), vector)

    def spurious(self, controller: str, cpu: int = 0) -> None:
        """A request that is gone when the vCPU takes it: of `controller` "pic", an 8259A that answers IR7 (231468),
        "apic", the vCPU's local APIC, which gives the vector of its SVR (SDM vol. 3A 11.9), or "gic", whose IAR gives
        INTID 1023 (IHI0048B 4.4.4, IHI0069 ICC_IAR1_EL1). Nothing is in service then, and no end of interrupt is due.
        VmmError for a controller that the machine has not, and where it could tell the vCPU of none of its requests.
        """
        if not lib.vmm_may_be_spurious(self._native, *self.controller_and_cpu(controller, cpu)):
            raise VmmError(
                f"{controller}: masks and priorities let none of its requests through, so none can be spurious"
            )
        self._inputs.decide("spurious", controller, cpu)

    def controller_and_cpu(self, controller: str, cpu: int) -> tuple[int, int]:
        """Whose request would be spurious, by numbers; VmmError where there is none."""
        if (row := lib.vmm_spurious_row(self._native, controller.encode())) < 0:
            raise VmmError(ffi.string(self._native.error).decode())
        return int(row), self._index(cpu)

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
        two locations, from the one up to the other. `seed` is 64 bits, by default derived from the machine's
        and the number of stimuli started so far. VmmError for what does not fit together.
        """
        from vmm.scenario.stimulation import Stimulation, decision
        from vmm.scenario.stimuli import Nmi, Stimulus, Vector

        if not isinstance(stimulus, Stimulus):
            raise VmmError(f"{stimulus!r} is not a stimulus: Periodic, Poisson, Burst, Storm and Sequence are")
        if isinstance(target, Nmi | Vector):
            self._index(target.cpu)
        if isinstance(target, Nmi):
            only_on(self._architecture, "NMIs")
        plan = decision(self._native, self._address, target, stimulus, seed=seed, until=until, armed=armed)
        self._inputs.decide("stimulate", *plan)
        return Stimulation(self._native, self._inputs.decide, self._native.stimuli.started - 1)

    def _index(self, cpu: int) -> int:
        return vcpu_index(self._native, cpu)

    # ---- the rows of what these come to ----

    def _nmi(self, cpu: int) -> None:
        lib.vmm_nmi(self._native, cpu)

    def _spurious(self, controller: str, cpu: int) -> None:
        lib.vmm_spurious(self._native, *self.controller_and_cpu(controller, cpu))

    def _inject(self, cpu: int, vector: int) -> None:
        lib.vmm_inject(self._native, cpu, vector)

    def _msi(self, address: int, data: int) -> None:
        check(self._native, lib.vmm_msi(self._native, address, data))

    def _sgi(self, source: int, target: int, intid: int) -> None:
        lib.vmm_gic_send_sgi(self._native, source, target, intid)

    def _stimulate(self, times: bytes, *plan: int) -> None:
        numbers, given = ffi.new("vmm_stimulus_plan *", plan), ffi.from_buffer("uint64_t[]", times)
        check(self._native, lib.vmm_stimulate(self._native, numbers, given, len(given)))

    def _stop_stimulus(self, serial: int) -> None:
        check(self._native, lib.vmm_stimulus_stop(self._native, serial))
