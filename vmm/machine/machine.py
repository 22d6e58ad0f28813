"""A machine: a board, its vCPUs, memory and a clock. It runs until something stops it, and every stop has a reason."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, cast

from vmm import boards
from vmm.arch import named, processor
from vmm.arch.architecture import Processor
from vmm.arch.vcpu import Vcpu
from vmm.boards.board import Board, Layout, Parts, number
from vmm.catalog import name_of
from vmm.core.bus import Bus, NativeLine, NativeWork
from vmm.core.clock import NativeClock, NativeTimer, NativeWave
from vmm.core.device_state import DeviceState
from vmm.core.memory import DeviceMemory, PhysicalMemory
from vmm.core.native import check, check_in_hand, ffi, lib, no_fast_gear, open_unicorn
from vmm.core.stops import ENDED_BY_GUEST, Stop
from vmm.errors import VmmError, unknown, within
from vmm.inputs.answers import Answers
from vmm.inputs.console import ConsoleInput, ConsoleOutput, taker
from vmm.inputs.decisions import Callbacks, Inputs
from vmm.inputs.lines import Lines
from vmm.inputs.passing import Passing
from vmm.inputs.position import Position, position_of
from vmm.inputs.run_control import RunControl
from vmm.inputs.script_board import DeviceHandle
from vmm.inputs.script_cpus import script_cpus
from vmm.inputs.script_devices import ScriptBus, ScriptClock, ScriptLine, ScriptTimer, ScriptWave
from vmm.inputs.script_memory import ScriptMemory
from vmm.inputs.trap_handlers import TrapHandlers
from vmm.inputs.turns import Turns
from vmm.loaders.image import Loaded
from vmm.machine import core_machine
from vmm.machine.accesses import Accesses
from vmm.machine.boot_image import BootImage, Source
from vmm.machine.collected import Collected
from vmm.machine.config import Config
from vmm.machine.controllers import Controllers
from vmm.machine.delegate import delegate
from vmm.machine.devices import Devices
from vmm.machine.explorer import Asked, Explorer
from vmm.machine.guest_memory import GuestMemory
from vmm.machine.host import MachineHost
from vmm.machine.interrupts import Interrupts
from vmm.machine.keyboard import Keyboard
from vmm.machine.options import Options, takes_options
from vmm.machine.runner import Runner, TriggerContext
from vmm.machine.snapshot import Snapshot
from vmm.output import OutputFile
from vmm.scenario.tasks import Task, Tasks
from vmm.scenario.trigger import Trigger
from vmm.trace import Trace

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from vmm._native import vmm_plan
    from vmm.arch.cpus import Cpu
    from vmm.diagnoses.diagnosed import Diagnoses
    from vmm.findings.finding import Finding
    from vmm.inputs.recorder import Recorder
    from vmm.intc.gic import Gic
    from vmm.intc.i8259 import Pic
    from vmm.intc.ioapic import IoApic
    from vmm.intc.lapic import LocalApic
    from vmm.scenario.triggers import Reach

__all__ = ["Machine", "boot"]

T = TypeVar("T")


GEARS = ("precise", "fast")


def why_precise(chosen: Processor) -> str | None:
    """Why such vCPUs run in the precise gear whatever is asked for; None: they need not."""
    architecture = named(chosen.architecture)
    if "fast" not in architecture.gears:
        return f"{architecture.title} has the precise gear alone"
    return chosen.precise or no_fast_gear()


class Machine:
    """What `boot` gives; `Machine(Config(board="virt"))` is one without an image, to `load`.

    it runs       run, stop, limit, end, turn; start, waiting, close of scenarios
    where it is   running, position, instructions, now_ns, insn_ns
    interrupts    irq, line, spi, ppi, sgi, nmi, msi, inject, spurious; stimulate, skip_to_timer, delay_timer;
                  answer; findings, diagnose
    its state     cpu, cpus; pic, lapic, ioapic, gic; board, screen; trace
    its memory    read, write, u8, u16, u32, u64, by location; address, where, reach; memory: physical
    the outside   type, byte, key; attach, with bus and clock, a device of your own; trap
    again         recording; snapshot, restore
    what it is    architecture, config, gear, loaded, source; inputs: of recorders and replays
    """

    # It is composed of parts with one concern each, whose methods are its own (`delegate`); what comes from outside
    # goes through `inputs`. A board's devices have the plain bus, clock, memory and vCPUs, scripts those that tell it.

    config: Config
    """How it was built."""
    inputs: Inputs
    """What comes from outside, and where a script's own code is asked: for who records, watches or replays it."""
    cpu: Cpu
    """The first vCPU, of its architecture's class, `X86` or `Arm`: `m.cpu["eip"]`, `m.cpu.pc`."""
    cpus: list[Cpu]
    """Its vCPUs, of their architecture's class, `X86` or `Arm`: `m.cpus[1]["rax"]`, `m.cpus[1].pc`."""
    memory: ScriptMemory
    """RAM and flash by physical address."""
    bus: ScriptBus
    """`bus.line(n)`: a line's end for a device of your own."""
    clock: ScriptClock
    """Virtual time, timers and waves for a device of your own."""
    trace: Trace
    """The record of its run."""
    board: Board
    """The names of its lines, and its devices: to look at, and to do what a guest or the world outside does to them
    (`m.board.devices["keyboard"].key(0x1E)`), which is recorded. VmmError for all else that would change one.
    """

    def __init__(self, config: Config | None = None) -> None:
        self.config = config = config or Config()
        open_unicorn()
        board, options = boards.parse(config.board)
        layout: Layout = board.layout(options)
        chosen = processor(config.cpu, board.ARCHITECTURES)
        self._architecture = architecture = named(chosen.architecture)
        core_machine.check_memory(config.memory, layout)
        within("--seed", config.seed, 1 << 64)
        core_machine.check_command_line(config.cmdline)
        if config.gear not in GEARS:
            raise unknown("gear", config.gear, GEARS)
        if not 0 < config.smp <= layout.most_cpus:
            raise VmmError(f"--smp {config.smp}: board {board.NAME} has 1 to {layout.most_cpus} vCPUs")
        self._native = native = core_machine.made(config, layout, number(options, "insn_ns", 10, 1_000_000))
        native.fast = config.gear == "fast" and why_precise(chosen) is None
        cpus = [chosen.add(native, **layout.features) for _ in range(config.smp)]
        self._state = state = DeviceState(wiring=WIRING)
        self.inputs = inputs = Inputs(native)
        physical, bus, clock = PhysicalMemory(native), Bus(native, state), NativeClock(native, state)
        self.cpus = cast("list[Cpu]", script_cpus(cpus, inputs))
        self.cpu = self.cpus[0]
        self.memory = ScriptMemory(physical, inputs)
        self.bus, self.clock = ScriptBus(native, bus, inputs), ScriptClock(native, clock, inputs)
        self.trace = Trace(native, self)
        self._control = RunControl(native, inputs)
        self._turns = Turns(native, inputs)
        self._passing = Passing(native, inputs)
        self._answers = Answers(native, inputs)
        console = ConsoleOutput(native, inputs, taker(config.console))
        self._board: Board = board.build(
            Parts(
                native=native,
                bus=bus,
                clock=clock,
                stop=self.end,
                boot_again=self._boot_again,
                console=console.written,
                memory=DeviceMemory(native),
                cpus=cpus,
                processor=chosen,
                cmdline=config.cmdline,
                options=options,
            )
        )
        state.built()
        self._console = ConsoleInput(inputs, state, self._board.devices[self._board.console])
        self._image = BootImage(
            memory=physical, cpu=cpus[0], board=self._board, inputs=inputs, architecture=architecture,
            append=config.cmdline, switch_on=self._control.switch_on,
        )  # fmt: skip
        self._guest_memory = GuestMemory(self.cpus[0], self._image)
        self._traps = TrapHandlers(native, inputs, self.cpus, architecture)
        self._devices = Devices(self._board, state, self.bus, inputs)
        self.board = self._devices.board
        self._keyboard = Keyboard(self._devices.board.devices, self._board.name)
        self._controllers = Controllers(native, self._board, architecture, inputs)
        context = TriggerContext(native, self._guest_memory, self.trace, console)
        self._tasks = tasks = Tasks(context)
        self._interrupts = Interrupts(
            native, inputs, lines=Lines(native, inputs, lambda: tasks.running), board=self._board,
            architecture=architecture, address=self.address,
        )  # fmt: skip
        host = MachineHost(
            native, bus=bus, clock=clock, cpus=cpus, board=self._board, traps=self._traps, trace=self.trace,
            callbacks=inputs.callbacks, written=console.written,
        )  # fmt: skip
        self._runner = Runner(
            native, self, inputs=inputs, host=host, image=self._image, tasks=tasks, context=context, trace=self.trace
        )
        self._explorer = partial(
            Explorer, native, state=state, claim=self._runner.claim, ended=self._runner.ended,
            raise_if_failed=host.raise_if_failed,
        )  # fmt: skip
        self._collected = Collected(native, architecture)
        self._accesses = partial(Accesses, native, physical)
        self._recorder: Recorder | None = None

    def _boot_again(self) -> None:
        if self._image.source is None:
            self.end("reset")
        else:
            self._runner.boot_again()

    def __repr__(self) -> str:
        try:
            return f"<{self._story()}>"
        except VmmError as error:  # another thread runs it
            return f"<Machine {self._board.name}: {error}>"

    def _repr_html_(self) -> str | None:
        from vmm.machine.notebook import machine

        return machine(self)

    def _story(self) -> str:
        image = name_of(self.source.image) if self.source else "without an image"
        several = f", {len(self.cpus)} vCPUs" if len(self.cpus) > 1 else ""
        return f"Machine {image} on {self.config.board}{several}: {self.instructions} instructions, {self.stop}"

    # ---- what it is, and where it stands ----

    @property
    def architecture(self) -> str:
        """Of its vCPUs: "x86", "arm" or "arm64"."""
        return self._architecture.name

    @property
    def gear(self) -> str:
        """What it runs in: "fast", or "precise" where somebody asked for it or the other cannot be had."""
        return GEARS[self._native.fast]

    @property
    def instructions(self) -> int:
        """Begun on all vCPUs since power-on."""
        return int(lib.vmm_instructions(self._native))

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self.clock.now()

    @property
    def insn_ns(self) -> int:
        """Virtual nanoseconds an instruction."""
        return int(self._native.insn_ns)

    @property
    def position(self) -> Position:
        """Where in its run it stands."""
        return position_of(self._native)

    @property
    def running(self) -> bool:
        """A run is under way, and what asks is called from within it."""
        return bool(self._native.running)

    # ---- its image ----

    load = delegate("_image", BootImage.load)

    @property
    def loaded(self) -> Loaded | None:
        """The image in its memory."""
        return self._image.loaded

    @property
    def source(self) -> Source | None:
        """What that was loaded from."""
        return self._image.source

    # ---- its runs ----

    def run(
        self, *, insns: int | None = None, until: Trigger[Any] | str | int | Callable[[Machine], bool] | None = None
    ) -> Stop:
        """Run until a stop, at most `insns` more instructions (reason "count"), or to `until`: a trigger, a
        location (`Reach` of it; see `address`), or a function of the machine that is asked at every boundary, which is
        slow. The stop's `result` is what the trigger gave. VmmError inside a scenario, and for what `until` names in
        vain. Once the machine is switched off (reason "poweroff") a run does nothing, and gives that stop again
        (`Stop.was_off`), until an image is loaded or an earlier snapshot restored.
        """
        if callable(until):
            return self._runner.run(None, partial(until, self), insns)
        return self._runner.run(self.reach(until) if isinstance(until, str | int) else until, None, insns)

    @property
    def stop(self) -> Stop:
        """Why the last run ended; before one has, its reason is "not run", and while one is under way "running"."""
        return self._runner.stop

    def findings(self, *, faults: bool = False) -> list[Finding]:
        """What is the matter with interrupts where it stands: what is in service and was never ended, what is requested
        and not taken, and why, edges that were lost, sleep that nothing ends; `str` of each is a sentence with places.
        With `faults` only what is wrong however the run ended. VmmError while another thread runs the machine.
        """
        from vmm.findings.found import found
        from vmm.findings.past import Past
        from vmm.findings.standing import Standing

        check_in_hand(self._native)
        wiring = self._board.devices, self._board.line_names, self._board.irqs
        at = Standing(self._native, self.cpus, *wiring, self.where, self.now_ns, Past(self.trace))
        return found(at, faults=faults)

    def diagnose(self, *names: str) -> Diagnoses:
        """Look on from now on for what goes wrong with interrupts: `names` as `vmm diagnose --list` has them, with a
        budget where they take one ("latency=80us"), or "all", which is what is looked for where none is said. A
        context; ask `verdicts` of what it gives. VmmError for an unknown name.
        """
        from vmm.diagnoses.diagnosed import Diagnoses
        from vmm.diagnoses.table import ALL, chosen, named

        return Diagnoses(self.trace, self, chosen(names or [ALL]), named(names))

    limit = delegate("_control", RunControl.limit)
    end = delegate("_control", RunControl.end)
    turn = delegate("_turns", Turns.turn)
    skip_to_timer = delegate("_passing", Passing.skip_to_timer)
    delay_timer = delegate("_passing", Passing.delay_timer)
    answer = delegate("_answers", Answers.answer)

    def start(self, scenario: Callable[[Machine], Coroutine[Any, Any, T]] | Coroutine[Any, Any, T]) -> Task[T]:
        """Begin a scenario, an async function of the machine: it runs to its first await, then with the guest. Await
        what is given back for what it returns.
        """
        return self._tasks.start(scenario, self)

    @property
    def waiting(self) -> list[str]:
        """The scenarios that wait, and for what, in words; where the guest has ended the run ("exit", "poweroff" or
        "reset") without those that only let time pass.
        """
        return self._tasks.waiting(but_for_time=self.stop.reason in ENDED_BY_GUEST)

    def reach(self, where: str | int) -> Reach:
        """`Reach(where)`: await it."""
        from vmm.scenario.triggers import Reach  # takes as long to import as a short run

        return Reach(where)

    def close(self) -> None:
        """Give its scenarios up: their `finally` blocks run, in the order they were started in, and may await nothing.
        The machine can still be looked at. An error of theirs comes when all have run. VmmError inside a
        scenario, and inside what a run asks.
        """
        self.inputs.check_stands("close()")
        self._tasks.close()

    # ---- again ----

    def recording(self, path: Path | str | None = None) -> Recorder:
        """Record from now on all that makes the run what it is, for `vmm.replay`: a context that writes `path`, if one
        is given, when it ends, however it ends; or call `save` of what is given back. VmmError once anything was done
        to the machine after its image was loaded, or before.
        """
        read = self.source.files if self.source else []
        file = None if path is None else OutputFile("recording", path, inputs=read)
        recorder = self._new_recorder()
        recorder.file = file
        return recorder

    def _new_recorder(self) -> Recorder:
        from vmm.inputs import recorder
        from vmm.inputs.run_log import RunLog

        if self._recorder and self._recorder.shared and self._recorder.log.active and self.source:
            return recorder.Recorder(self._recorder.log, self.source.files, part=True)
        if self.inputs.observe:
            raise VmmError("the machine is being recorded already")
        if self.source is None:
            raise VmmError("nothing to record: load an image first")
        if self.instructions or self.inputs.count:
            raise VmmError("a recording begins when the image was loaded, before anything else is done to the machine")
        header = recorder.header(*self.source, self.config.plain())
        log = RunLog(self._native, self.inputs, header, lambda: self.trace.hash)
        self._recorder = recorder.Recorder(log, self.source.files)
        return self._recorder

    def snapshot(self) -> Snapshot:
        """The machine as it is now, to be gone back to any number of times: vCPUs, RAM, flash, controllers, devices,
        time, trace.

        Not part of it: what the console has printed, and what scripts set up (traps, limits, objects that are no
        device's). VmmError during a run, and for a device whose state nobody can put back.
        """
        devices = self._state.take()
        native = lib.vmm_snapshot_take(self._native)
        if native == ffi.NULL:
            raise VmmError(ffi.string(self._native.error).decode())
        recorded = self._recorder.log.mark() if self._recorder else None
        kept = ffi.gc(native, lib.vmm_snapshot_free)
        return Snapshot(kept, self._native, devices, self.loaded, recorded, self.position, self._runner.last)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this machine, whichever was restored before; what follows is what followed then.

        VmmError during a run, and for another machine's snapshot.
        """
        check(self._native, lib.vmm_snapshot_restore(self._native, snapshot.native))
        self._runner.rewind(snapshot.stop)
        self._state.put(snapshot.devices)
        if self._recorder:
            self._recorder.log.rewind(snapshot.recorded)
        self.trace.rewound()
        self._image.loaded = snapshot.loaded

    # ---- its interrupts ----

    irq = delegate("_interrupts", Interrupts.irq)
    line = delegate("_interrupts", Interrupts.line)
    spi = delegate("_interrupts", Interrupts.spi)
    ppi = delegate("_interrupts", Interrupts.ppi)
    sgi = delegate("_interrupts", Interrupts.sgi)
    nmi = delegate("_interrupts", Interrupts.nmi)
    msi = delegate("_interrupts", Interrupts.msi)
    inject = delegate("_interrupts", Interrupts.inject)
    spurious = delegate("_interrupts", Interrupts.spurious)
    stimulate = delegate("_interrupts", Interrupts.stimulate)

    @property
    def pic(self) -> Pic:
        """The 8259A pair of a pc."""
        return self._controllers.pic()

    @property
    def lapic(self) -> Sequence[LocalApic]:
        """The local APIC of each vCPU of a pc."""
        return self._controllers.lapic()

    @property
    def ioapic(self) -> IoApic:
        """The IOAPIC of a pc."""
        return self._controllers.ioapic()

    @property
    def gic(self) -> Gic:
        """The GIC of a virt board."""
        return self._controllers.gic()

    # ---- its memory, by location, as the first vCPU maps it ----

    address = delegate("_guest_memory", GuestMemory.address)
    where = delegate("_guest_memory", GuestMemory.where)
    read = delegate("_guest_memory", GuestMemory.read)
    write = delegate("_guest_memory", GuestMemory.write)
    u8 = delegate("_guest_memory", GuestMemory.u8)
    u16 = delegate("_guest_memory", GuestMemory.u16)
    u32 = delegate("_guest_memory", GuestMemory.u32)
    u64 = delegate("_guest_memory", GuestMemory.u64)

    # ---- its devices, and what a script does in their place ----

    @property
    def screen(self) -> list[str]:
        """The text on the display of a pc: its rows from the top, 25 of at most 80 characters, without blanks at their
        ends, decoded from code page 437; a new list each time. VmmError where a board has no display.
        """
        return self._devices.screen()

    attach = delegate("_devices", Devices.attach)
    type = delegate("_console", ConsoleInput.type)
    byte = delegate("_console", ConsoleInput.byte)
    key = delegate("_keyboard", Keyboard.key)
    trap = delegate("_traps", TrapHandlers.trap)


def explorer_of(machine: Machine, plan: vmm_plan, asked: Asked) -> Explorer:
    """The core's explorer over it, for who places interrupts."""
    return machine._explorer(plan, asked)


def spurious_of(machine: Machine, controller: str, cpu: int) -> tuple[int, int]:
    """Controller and vCPU of spurious requests, as the core numbers them, for who places interrupts."""
    return machine._interrupts.controller_and_cpu(controller, cpu)


def check_device(machine: Machine, where: int, *, port: bool) -> None:
    """VmmError where no devices answer, for who lets others be found there."""
    machine._answers.check(where, port=port)


def accesses_of(machine: Machine) -> Accesses:
    """A context in which its accesses are kept, for who tells the story of a run."""
    return machine._accesses()


def collected_of(machine: Machine) -> Collected:
    """What its runs covered, for who makes a coverage map."""
    return machine._collected


def began_of(machine: Machine) -> tuple[int, int]:
    """Scenarios ever started, and readers of its trace: what a snapshot takes nothing of back."""
    return machine._tasks.started, machine.trace.readers


WIRING = (
    Machine, PhysicalMemory, Trace, Vcpu, Bus, NativeClock, NativeLine, NativeWork, NativeTimer, NativeWave, ScriptBus,
    ScriptClock, ScriptLine, ScriptMemory, ScriptTimer, ScriptWave, Inputs, Callbacks, RunControl, Turns,
    Passing, Answers, ConsoleInput, ConsoleOutput, DeviceHandle, Keyboard, BootImage, GuestMemory, TrapHandlers,
    Devices, Controllers, Interrupts, Runner,
)  # fmt: skip
"""What devices are given, and what is not their state."""


@takes_options(Config)
def boot(
    image: str | Path, *, initrd: Sequence[str] = (), load_address: int | None = None, **options: Unpack[Options]
) -> Machine:
    """A machine with `image` loaded and ready to run: a bundled guest's name, or a file of any format, a source, too.

    `options` are those of `Options`: what the image wants where they leave it out. `initrd` is a module, "PATH" or
    "PATH arguments", or a list of them; a flat image goes to `load_address`. VmmError for an unknown option, and for an
    image that is not there, does not assemble or does not fit.
    """
    from vmm.catalog import resolve, wants

    Config(**options)  # refuses what is of another type
    path = resolve(str(image))
    wanted = wants(path)
    board = options.get("board", wanted.board)
    fitting: Options = {"board": board, "cpu": wanted.cpu_on(board), "smp": wanted.smp}
    machine = Machine(Config(**(fitting | options)))
    machine.load(path, initrd=initrd, load_address=load_address)
    return machine
