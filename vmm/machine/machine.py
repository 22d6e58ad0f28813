"""A machine: a board, its vCPUs, memory and a clock. It runs until something stops it, and every stop has a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from vmm import boards, loaders
from vmm.arch import named, processor
from vmm.arch.vcpu import Vcpu
from vmm.boards.board import Layout, Parts, number
from vmm.core.bus import Bus, NativeLine
from vmm.core.clock import NativeClock, NativeTimer, NativeWave
from vmm.core.device_state import DeviceState, Snapshot
from vmm.core.memory import Memory, ScriptMemory
from vmm.core.native import check, connect, ffi, lib, open_unicorn
from vmm.core.stops import NUMBERS, REASONS, TRIGGER, Stop, describe
from vmm.errors import VmmError
from vmm.inputs.decisions import OBSERVERS, Calls, Outside
from vmm.inputs.lines import Wires
from vmm.inputs.position import Position, position_of
from vmm.inputs.script_devices import ScriptBus, ScriptClock, ScriptLine, ScriptTimer, ScriptWave
from vmm.inputs.traps import DONE, Trap
from vmm.loaders.image import Loaded
from vmm.machine.actions import Hands
from vmm.scenario.slots import ANY, Slots
from vmm.scenario.tasks import Tasks
from vmm.scenario.trigger import Trigger, Wait, prime
from vmm.scenario.triggers import NextBoundary, Reach
from vmm.trace import Event, Trace

if TYPE_CHECKING:
    from vmm.arch.traps import Key
    from vmm.inputs.recorder import Recorder

__all__ = ["Config", "Machine", "boot"]

MIB = 1 << 20
PAGE = 4096
SLICE = 20_000_000
"""Instructions between two looks at the keyboard's Ctrl-C; a boundary like any other, so nothing depends on it."""


@dataclass(frozen=True)
class Config:
    """How a machine is built; sizes in bytes, `board` and `cpu` as on the command line."""

    board: str = "pc"
    cpu: str = "default"
    smp: int = 1
    memory: int = 16 * MIB
    cmdline: str = ""
    seed: int = 0
    console: Callable[[bytes], None] = field(default=lambda data: None)


class Source(NamedTuple):
    """What a machine was loaded from."""

    image: Path
    modules: tuple[str, ...]
    load_address: int | None


class Machine(Hands):
    """Built from a Config; `load` an image into it and `run` it."""

    reasons = REASONS
    """What stops are called, by their number in events."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config = config or Config()
        open_unicorn()
        self._native = native = ffi.gc(lib.vmm_new(), lib.vmm_free)
        self._handle = connect(native, self)
        self._error: BaseException | None = None
        self._traps: dict[Key, Callable[[Trap], Any]] = {}
        self.loaded: Loaded | None = None
        self._load: Callable[[], Loaded] | None = None
        self._boots_again = False
        self.source: Source | None = None
        self._recorder: Recorder | None = None
        self._listeners: list[Callable[[bytes], None]] = []
        self._stop: Stop | None = None
        board, options = boards.parse(config.board)
        layout: Layout = board.layout(options)
        self._processor = chosen = processor(config.cpu, board.ARCHITECTURES)
        _check_memory(config.memory, layout)
        if not 0 < config.smp <= layout.most_cpus:
            raise VmmError(f"--smp {config.smp}: board {board.NAME} has 1 to {layout.most_cpus} vCPUs")
        native.insn_ns = number(options, "insn_ns", 10, 1_000_000)
        native.quantum = layout.quantum
        native.hole_first, native.hole_end = layout.devices
        native.hole_floats = layout.floating
        native.cpus = config.smp
        native.seed = config.seed
        check(native, lib.vmm_map_ram(native, layout.ram_base, config.memory))
        if layout.rom:
            check(native, lib.vmm_map_rom(native, layout.rom))
        if alias := layout.alias:
            check(native, lib.vmm_map_alias(native, alias.first, alias.of, alias.size))
        if layout.controller:
            check(native, layout.controller(native, config.smp))
        self.cpus = [chosen.add(native, **layout.features) for _ in range(config.smp)]
        self._state = DeviceState(outside=WIRING)
        self.outside = Outside(self, native)
        self.calls = Calls()
        self._board_clock = NativeClock(native, self._state)
        self._board_bus = Bus(native, self._state)
        self.clock = ScriptClock(native, self._board_clock, self.outside, self.calls)
        self.bus = ScriptBus(native, self._board_bus, self.outside, self.calls)
        for cpu in self.cpus:
            cpu.outside = self.outside
        self.memory = ScriptMemory(native, self.outside)
        self.trace = Trace(native, self)
        self._wires = Wires(self.outside)
        self._place = _Place(self, native)
        self._tasks = Tasks(self._place)
        self._board = board.build(
            Parts(
                native=native,
                bus=self._board_bus,
                clock=self._board_clock,
                stop=self.end,
                boot_again=self._boot_again,
                console=self._written,
                memory=Memory(native),
                cpus=self.cpus,
                processor=chosen,
                cmdline=config.cmdline,
                options=options,
            )
        )
        self._state.built()

    @property
    def architecture(self) -> str:
        """Of its vCPUs: "x86", "arm" or "arm64"."""
        return self._processor.architecture

    @property
    def cpu(self) -> Any:
        """The first vCPU, of its architecture's class."""
        return self.cpus[0]

    @property
    def instructions(self) -> int:
        """Begun on all vCPUs since power-on."""
        return int(lib.vmm_instructions(self._native))

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self.clock.now()

    @property
    def position(self) -> Position:
        """Where in its run it stands."""
        return position_of(self._native)

    @property
    def running(self) -> bool:
        """A run is under way, and what asks is called from within it."""
        return bool(self._native.running)

    def recording(self, path: Path | str | None = None) -> Recorder:
        """Record from now on all that makes the run what it is, for `vmm.replay`: a context that writes `path`, if one
        is given, when it ends, however it ends; or call `save` of what is given back. VmmError once anything was done
        to the machine after its image was loaded, or before.
        """
        from vmm.inputs.recorder import Recorder, Share

        target = None if path is None else Path(path)
        if self._recorder and self._recorder.active and self._recorder.shared:
            return Share(self._recorder, target)
        self._recorder = Recorder(self, target)
        return self._recorder

    def load(self, path: Path, *, initrd: Sequence[str] = (), load_address: int | None = None) -> Loaded:
        """Put an image into memory and the vCPU at its entry; VmmError names what is wrong with it."""
        if self.outside.observe:
            raise VmmError(f"{path}: a recording is of one image, loaded before it begins")
        self._load = partial(
            loaders.load,
            path,
            Memory(self._native),
            append=self.config.cmdline,
            initrd=list(initrd),
            load_address=load_address,
            architecture=self.architecture,
            device_tree=self._board.device_tree,
        )
        self.source = Source(path, tuple(initrd), load_address)
        return self._enter(self._load())

    def _enter(self, loaded: Loaded) -> Loaded:
        self.loaded = loaded
        self.cpu.outside = None  # this is the machine's doing
        self.cpu.enter(loaded.entry)
        self.cpu.outside = self.outside
        return loaded

    def _boot_again(self) -> None:
        """Asked for by the board, maybe while the guest executes: done before it goes on."""
        if self._load is None:
            self.end("reset")
            return
        self._boots_again = True
        self._place.interrupt()

    def _start_over(self) -> None:
        self._boots_again = False
        if self._board.hand_over:
            self._board.hand_over()
        if self._load:
            self._enter(self._load())

    def address(self, where: str | int) -> int:
        """A symbol of the loaded image, or an address as it is."""
        if isinstance(where, int):
            return where
        symbols = self.loaded.symbols if self.loaded else None
        if symbols is None:
            raise VmmError(f"no symbol {where!r}: the image has no symbol table")
        return symbols.address(where)

    def limit(self, *, insns: int | None = None, virtual_ns: int | None = None) -> None:
        """Stop with reason "limit" when this many instructions have begun or this much virtual time has passed."""
        self.outside("limit", insns, virtual_ns)

    def run(
        self, *, insns: int | None = None, until: Trigger | str | int | Callable[[Machine], bool] | None = None
    ) -> Stop:
        """Run until a stop, at most `insns` more instructions (reason "count"), or to `until`: a trigger, a symbol or
        linear address (`Reach` of it), or a function of the machine that is asked at every boundary, which is slow.
        The stop's `result` is what the trigger gave. VmmError inside a scenario, and for what `until` names in vain.
        """
        if self._tasks.running:
            raise VmmError(f"run() inside scenario {self._tasks.running.name}: await a trigger instead")
        self._stop = None
        self._stop = self._run_until(until, insns) if callable(until) else self._run_to(until, insns)
        return self._stop

    def _run_to(self, until: Trigger | str | int | None, insns: int | None) -> Stop:
        trigger = Reach(until) if isinstance(until, str | int) else until
        wait = None if trigger is None else prime(self._place, trigger)
        try:
            return self._run(insns, wait, trigger)
        finally:
            if wait:
                wait.cancel()
            self.trace.drain()

    def _run(self, insns: int | None, wait: Wait | None, trigger: Trigger | None) -> Stop:
        left = insns
        self._tasks.step()  # what a script has done since the last run may be what one of them waits for
        while True:
            if wait and wait.done():
                assert trigger is not None
                return self._awaited(trigger, wait.result)
            part = SLICE if left is None else min(left, SLICE)
            before = self.instructions
            lib.vmm_run(self._native, part)
            self._raise_if_failed()
            if self._boots_again:
                self._start_over()
            if left is not None:
                left -= self.instructions - before
            reason = self._native.stop.reason
            if reason == lib.VMM_STOP_TRIGGER:
                self._tasks.step()
            elif reason != lib.VMM_STOP_SLICE or left == 0:
                return self.stop

    def _run_until(self, predicate: Callable[[Machine], bool], insns: int | None) -> Stop:
        end = None if insns is None else self.instructions + insns
        while True:
            stop = self._run_to(NextBoundary(), insns=None if end is None else end - self.instructions)
            if stop.reason != "breakpoint":
                return stop
            if predicate(self):
                return replace(stop, reason="predicate")

    def _awaited(self, trigger: Trigger, result: Any) -> Stop:
        raw = self._native.stop
        where = self.where(self.cpus[raw.vcpu].pc)
        return Stop(trigger.reason, raw.code, f"{trigger.detail} {where}", raw.vcpu, raw.address, result)

    @property
    def stop(self) -> Stop:
        """Why the last run ended."""
        if self._stop:
            return self._stop
        raw = self._native.stop
        return Stop(REASONS.get(raw.reason, "count"), raw.code, describe(self, raw), raw.vcpu, raw.address)

    def end(self, reason: str = "user", code: int = 0) -> None:
        """End the run at the next boundary: where the machine stands, if it does. `reason` is one of "user", "exit"
        (with the guest's status), "poweroff" and "reset".
        """
        self.outside("end", NUMBERS[reason], code)

    def snapshot(self) -> Snapshot:
        """The machine as it is now, to be gone back to any number of times: vCPUs, RAM, controllers, devices, time,
        trace.

        Not part of it: flash, what the console has printed, and what scripts set up (traps, limits, objects that are no
        device's). VmmError during a run, and for a device whose state nobody can put back.
        """
        devices = self._state.take()
        native = lib.vmm_snapshot_take(self._native)
        if native == ffi.NULL:
            raise VmmError(ffi.string(self._native.error).decode())
        recorded = self._recorder.take() if self._recorder else ()
        return Snapshot(ffi.gc(native, lib.vmm_snapshot_free), self._native, devices, self.loaded, recorded)

    def restore(self, snapshot: Snapshot) -> None:
        """Go back to a snapshot of this machine, whichever was restored before; what follows is what followed then.

        VmmError during a run, and for another machine's snapshot.
        """
        check(self._native, lib.vmm_snapshot_restore(self._native, snapshot.native))
        self._stop = None
        self._state.put(snapshot.devices)
        if self._recorder:
            self._recorder.put(snapshot.recorded)
        self.trace.rewound()
        self.loaded = snapshot.loaded

    def close(self) -> None:
        """Give its scenarios up: their `finally` blocks run. The machine can still be looked at."""
        self._tasks.close()

    def _written(self, data: bytes) -> None:
        self.calls("console", lambda: self.config.console(data))
        for listener in list(self._listeners):
            listener(data)

    def where(self, linear: int) -> str:
        """A linear address with its symbol and source line, as far as the image tells."""
        return " ".join([f"{linear:#x}", *filter(None, self.place(linear))])

    def place(self, linear: int) -> tuple[str | None, str | None]:
        """The symbol (`name`, `name+0x12`) and the source line (`file.S:12`) of a linear address; None: not known."""
        symbols = self.loaded.symbols if self.loaded else None
        return (symbols.name_at(linear), symbols.line_at(linear)) if symbols else (None, None)

    # What the native core calls while a run is under way (vmm.core.native.Host).

    def port_read(self, device: int, port: int, size: int) -> int:
        return self._board_bus.port_read(device, port, size)

    def port_write(self, device: int, port: int, size: int, value: int) -> None:
        self._board_bus.port_write(device, port, size, value)

    def mmio_read(self, device: int, address: int, size: int) -> int:
        return self._board_bus.mmio_read(device, address, size)

    def mmio_write(self, device: int, address: int, size: int, value: int) -> None:
        self._board_bus.mmio_write(device, address, size, value)

    def timer(self, timer: int) -> None:
        self._board_clock.fire(timer)

    def drain(self) -> None:
        self.calls(OBSERVERS, self.trace.drain)

    def trap_taken(self, vcpu: int, raw: Any) -> int:
        cpu = self.cpus[vcpu]
        if raw.kind in (lib.VMM_TRAP_FIRMWARE, lib.VMM_TRAP_SEMIHOSTING):
            return self._called(cpu, raw.kind)
        traps = named(self.architecture).traps()
        key = traps.asked[raw.kind](raw.number)
        handler = self._traps.get(key)
        if handler is None:
            return int(lib.VMM_TRAP_DELIVER)
        trap = Trap(key, cpu, raw, write=traps.writes(raw))
        done, trap.value = self.calls("trap", lambda: [int(handler(trap) == DONE), trap.value])
        return int(lib.VMM_TRAP_DONE if done else lib.VMM_TRAP_DELIVER)

    def _called(self, cpu: Any, kind: int) -> int:
        """A vCPU calls firmware or host by an instruction that looks like an exception."""
        callee = self._board.firmware if kind == lib.VMM_TRAP_FIRMWARE else self._board.host_call
        if callee is None:
            return int(lib.VMM_TRAP_DELIVER)
        result = callee(cpu)
        if result is not None:
            cpu.answer(result)
        return int(lib.VMM_TRAP_DONE)

    def failed(self, error: BaseException) -> None:
        self._error = self._error or error
        lib.vmm_request_stop(self._native, lib.VMM_STOP_USER, 0)

    def _raise_if_failed(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


class _Place:
    """The machine as triggers see it: `vmm.scenario.trigger.Context`."""

    def __init__(self, machine: Machine, native: Any) -> None:
        self._machine = machine
        self.native = native
        self.slots = Slots(native)

    def address(self, where: str | int) -> int:
        return self._machine.address(where)

    def event(self, number: int) -> Event:
        return self._machine.trace.event(number)

    def listen(self, listener: Callable[[bytes], None]) -> Callable[[], None]:
        listeners = self._machine._listeners
        listeners.append(listener)
        return lambda: listeners.remove(listener) if listener in listeners else None

    def interrupt(self) -> None:
        lib.vmm_request_stop(self.native, NUMBERS[TRIGGER], ANY)


WIRING = (
    Machine, Memory, Trace, Vcpu, Bus, NativeClock, NativeLine, NativeTimer, NativeWave, ScriptBus, ScriptClock,
    ScriptLine, ScriptTimer, ScriptWave, Outside, Calls,
)  # fmt: skip
"""What devices are given, and what is not their state."""


def _check_memory(size: int, layout: Layout) -> None:
    if size <= 0 or size % PAGE or size > layout.most_ram:
        most = layout.most_ram // MIB
        raise VmmError(f"--memory {size}: it must be whole pages of {PAGE} bytes, and at most {most}M")


def boot(
    image: str | Path, *, initrd: Sequence[str] = (), load_address: int | None = None, **options: Any
) -> Machine:
    """A machine with `image` (a path, or the name of a bundled guest) loaded and ready to run; options as in Config."""
    from vmm.catalog import resolve, wants

    path = resolve(str(image))
    wanted = wants(path)
    fitting: dict[str, Any] = {"board": wanted.board, "cpu": wanted.cpu, "smp": wanted.smp}
    machine = Machine(Config(**(fitting | options)))
    machine.load(path, initrd=initrd, load_address=load_address)
    return machine
