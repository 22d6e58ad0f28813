"""A machine: a board, its vCPUs, memory and a clock. It runs until something stops it, and every stop has a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmm import boards, loaders
from vmm.boards.board import Board, Layout, Parts, number
from vmm.bus import Bus
from vmm.clock import NativeClock
from vmm.cpu import processors
from vmm.cpu.processors import Architecture, Cpu
from vmm.cpu.x86 import X86
from vmm.engine import NEVER, check, connect, ffi, lib, open_unicorn
from vmm.errors import VmmError
from vmm.intc.gic import Gic
from vmm.intc.i8259 import Pic
from vmm.loaders.image import Loaded
from vmm.trace import Trace
from vmm.traps import DONE, KEYS, Key, Trap, arm_arm, arm_x86

MIB = 1 << 20
PAGE = 4096
SLICE = 20_000_000
"""Instructions between two looks at the keyboard's Ctrl-C; a boundary like any other, so nothing depends on it."""

REASONS = {
    lib.VMM_STOP_EXIT: "exit",
    lib.VMM_STOP_POWEROFF: "poweroff",
    lib.VMM_STOP_RESET: "reset",
    lib.VMM_STOP_LIMIT: "limit",
    lib.VMM_STOP_IDLE: "idle",
    lib.VMM_STOP_SHUTDOWN: "shutdown",
    lib.VMM_STOP_UNMAPPED: "unmapped",
    lib.VMM_STOP_BREAK: "breakpoint",
    lib.VMM_STOP_SLICE: "count",
    lib.VMM_STOP_USER: "user",
    lib.VMM_STOP_DELIVERED: "delivered",
    lib.VMM_STOP_ENGINE: "engine",
}
NUMBERS = {name: number for number, name in REASONS.items()}
EXIT_STATUS = {"poweroff": 0, "reset": 0, "breakpoint": 0, "count": 0, "delivered": 0, "user": 0, "limit": 124}
"""A run's exit status by its stop's reason; `exit` gives the guest's own, the rest is 125."""

ACCESSES = ("read from", "write to", "instruction fetch from")


@dataclass(frozen=True)
class Stop:
    """Why a run ended: `reason` (a value of REASONS), the guest's `code`, a sentence, the vCPU and a linear address."""

    reason: str
    code: int
    detail: str
    vcpu: int
    address: int

    @property
    def exit_status(self) -> int:
        return self.code & 0xFF if self.reason == "exit" else EXIT_STATUS.get(self.reason, 125)


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


class Machine:
    """Built from a Config; `load` an image into it and `run` it."""

    def __init__(self, config: Config | None = None) -> None:
        self.config = config = config or Config()
        open_unicorn()
        self._native = native = ffi.gc(lib.vmm_new(), lib.vmm_free)
        self._handle = connect(native, self)
        self._error: BaseException | None = None
        self._traps: dict[Key, Callable[[Trap], Any]] = {}
        self.loaded: Loaded | None = None
        board, options = boards.parse(config.board)
        layout: Layout = board.layout(options)
        self._processor = processor = processors.choose(config.cpu, board.ARCHITECTURES)
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
        if layout.gic:
            check(native, lib.vmm_gic_init(native, layout.gic, config.smp, layout.el3))
        self.cpus: list[Cpu] = [processor.add(native, el2=layout.el2, el3=layout.el3) for _ in range(config.smp)]
        self.clock = NativeClock(native)
        self.bus = Bus(native)
        self.memory = Memory(native)
        self.trace = Trace(native)
        self.board: Board = board.build(
            Parts(
                native=native,
                bus=self.bus,
                clock=self.clock,
                stop=self.stop,
                console=config.console,
                memory=self.memory,
                cpus=self.cpus,
                processor=processor,
                cmdline=config.cmdline,
                options=options,
            )
        )

    @property
    def architecture(self) -> Architecture:
        """Of its vCPUs."""
        return self._processor.architecture

    @property
    def cpu(self) -> Any:
        """The first vCPU: an `X86` or an `Arm`."""
        return self.cpus[0]

    def _x86(self, index: int) -> X86:
        cpu = self.cpus[index]
        assert isinstance(cpu, X86)
        return cpu

    @property
    def pic(self) -> Pic:
        """The 8259A pair of a pc."""
        pic: Pic = self._controller("pic")
        return pic

    @property
    def gic(self) -> Gic:
        """The GIC of a virt board."""
        gic: Gic = self._controller("gic")
        return gic

    def _controller(self, name: str) -> Any:
        if name not in self.board.devices:
            raise VmmError(f"board {self.config.board} has no {name.upper()}")
        return self.board.devices[name]

    @property
    def instructions(self) -> int:
        """Begun on all vCPUs since power-on."""
        return int(lib.vmm_instructions(self._native))

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self.clock.now()

    def load(self, path: Path, *, initrd: Sequence[str] = (), load_address: int | None = None) -> Loaded:
        """Put an image into memory and the vCPU at its entry; VmmError names what is wrong with it."""
        self.loaded = loaders.load(
            path,
            self.memory,
            append=self.config.cmdline,
            initrd=list(initrd),
            load_address=load_address,
            architecture=self.architecture,
            device_tree=self.board.device_tree,
        )
        self.cpu.enter(self.loaded.entry)
        return self.loaded

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
        self._native.limit_insns = NEVER if insns is None else insns
        self._native.limit_ns = NEVER if virtual_ns is None else virtual_ns

    def run(self, *, insns: int | None = None, until: str | int | None = None) -> Stop:
        """Run until a stop; at most `insns` more instructions (reason "count"), or to `until`, a symbol or a linear
        address (reason "breakpoint")."""
        if until is not None:
            self._native.breaks[0] = self.address(until)
            self._native.break_count = 1
        left = insns
        try:
            while True:
                part = SLICE if left is None else min(left, SLICE)
                before = self.instructions
                lib.vmm_run(self._native, part)
                self._raise_if_failed()
                if left is not None:
                    left -= self.instructions - before
                if self._native.stop.reason != lib.VMM_STOP_SLICE or left == 0:
                    return self.last_stop()
        finally:
            self._native.break_count = 0
            self.trace.drain()

    def last_stop(self) -> Stop:
        """Why the last run ended."""
        raw = self._native.stop
        reason = REASONS.get(raw.reason, "count")
        return Stop(reason, raw.code, self._detail(reason, raw), raw.vcpu, raw.address)

    def stop(self, reason: str, code: int = 0) -> None:
        """End the run at the next boundary."""
        lib.vmm_request_stop(self._native, NUMBERS[reason], code)

    def nmi(self) -> None:
        """Latch one NMI for the first vCPU; VmmError on ARM, which has none."""
        if self.architecture != "x86":
            raise VmmError("ARM has no NMI; a group 0 interrupt is an FIQ")
        lib.vmm_nmi(self._native, 0)

    def irq(self, number: int) -> Irq:
        """The scripts' end of line `number`."""
        if number not in self.board.line_names:
            what = "IRQ" if self.architecture == "x86" else "SPI"
            raise VmmError(f"{what} {number} is not among 0-{max(self.board.line_names)}")
        return Irq(self.bus, number)

    def inject(self, vector: int) -> None:
        """Deliver `vector` (0-255) as an external interrupt at the first boundary that admits one; no controller."""
        if not 0 <= vector < 256:
            raise VmmError(f"interrupt vector {vector:#x} is outside 0-0xff")
        lib.vmm_inject(self._native, 0, vector)

    def trap(self, key: Key) -> Callable[[Callable[[Trap], Any]], Callable[[Trap], Any]]:
        """Decorator: let a function see `key` before the guest does; see vmm/traps.py."""

        def register(handler: Callable[[Trap], Any]) -> Callable[[Trap], Any]:
            self._arm(key)
            self._traps[key] = handler
            return handler

        return register

    def _arm(self, key: Key) -> None:
        for cpu in range(self._native.vcpu_count):
            vcpu = self._native.vcpus[cpu]
            if self.architecture == "x86":
                arm_x86(vcpu.x86, key)
            else:
                arm_arm(vcpu, key)

    def u32(self, where: str | int) -> int:
        """The 32-bit little-endian word at a symbol or linear address."""
        return int.from_bytes(self.cpu.read(self.address(where), 4), "little")

    def where(self, linear: int) -> str:
        """A linear address with its symbol and source line, as far as the image tells."""
        symbols = self.loaded.symbols if self.loaded else None
        parts = [f"{linear:#x}"]
        if symbols is not None:
            parts += [text for text in (symbols.name_at(linear), symbols.line_at(linear)) if text]
        return " ".join(parts)

    def _detail(self, reason: str, raw: Any) -> str:
        match reason:
            case "exit":
                return f"the guest ended the run with status {raw.code}"
            case "poweroff":
                return "the guest switched the machine off"
            case "reset":
                return "the guest reset the machine"
            case "limit":
                what = "virtual time" if raw.code else "instruction"
                return f"the {what} limit was reached at {self.where(raw.address)}"
            case "idle" if raw.code and all(cpu.off for cpu in self.cpus):
                return f"every vCPU is switched off, the last at {self.where(raw.address)}"
            case "idle" if raw.code:
                return f"halted at {self.where(raw.address)} with interrupts masked: nothing can wake it"
            case "idle":
                return f"halted at {self.where(raw.address)} and nothing is pending that could wake it"
            case "shutdown" if self.architecture != "x86":
                why = "raises the exception that leads to it" if raw.code else "cannot be fetched"
                return f"the vector at {self.where(raw.address)} {why}: the same follows for ever"
            case "shutdown":
                return f"triple fault at {self.where(raw.address)}: {self._x86(raw.vcpu).fault_story()}"
            case "unmapped":
                return f"{ACCESSES[raw.code]} unmapped physical address {raw.address:#x} at {self._pc(raw.vcpu)}"
            case "breakpoint":
                return f"breakpoint at {self.where(raw.address)}"
            case "delivered" if self.architecture == "x86":
                return f"vector {raw.code:#04x} was delivered"
            case "delivered":
                return f"INTID {raw.code} was delivered"
            case "engine":
                return f"the CPU emulator refused to go on at {self.where(raw.address)} (error {raw.code})"
        return f"stopped at {self.where(raw.address)}"

    def _pc(self, vcpu: int) -> str:
        recent = self.cpus[vcpu].recent()
        return self.where(recent[-1]) if recent else "the reset vector"

    # What the native core calls while a run is under way (vmm.engine.Host).

    def port_read(self, device: int, port: int, size: int) -> int:
        return self.bus.port_read(device, port, size)

    def port_write(self, device: int, port: int, size: int, value: int) -> None:
        self.bus.port_write(device, port, size, value)

    def mmio_read(self, device: int, address: int, size: int) -> int:
        return self.bus.mmio_read(device, address, size)

    def mmio_write(self, device: int, address: int, size: int, value: int) -> None:
        self.bus.mmio_write(device, address, size, value)

    def timer(self, timer: int) -> None:
        self.clock.fire(timer)

    def drain(self) -> None:
        self.trace.drain()

    def trap_taken(self, vcpu: int, raw: Any) -> int:
        cpu = self.cpus[vcpu]
        if raw.kind in (lib.VMM_TRAP_FIRMWARE, lib.VMM_TRAP_SEMIHOSTING):
            return self._called(cpu, raw.kind)
        key = KEYS[raw.kind](raw.number)
        handler = self._traps.get(key)
        if handler is None:
            return int(lib.VMM_TRAP_DELIVER)
        system_write = raw.kind == lib.VMM_TRAP_SYSREG and raw.size != 0
        write = system_write or raw.kind in (lib.VMM_TRAP_WRMSR, lib.VMM_TRAP_OUT)
        answer = handler(Trap(key, cpu, raw, write=write))
        return int(lib.VMM_TRAP_DONE if answer == DONE else lib.VMM_TRAP_DELIVER)

    def _called(self, cpu: Any, kind: int) -> int:
        """A vCPU calls firmware or host by an instruction that looks like an exception."""
        callee = self.board.firmware if kind == lib.VMM_TRAP_FIRMWARE else self.board.host_call
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


class Irq:
    """A line as a script drives it."""

    def __init__(self, bus: Bus, number: int) -> None:
        self._line = bus.script_line(number)

    def raise_(self) -> None:
        """Hold the line high."""
        self._line.set(True)

    def lower(self) -> None:
        """Let the line go."""
        self._line.set(False)

    def pulse(self) -> None:
        """One edge: high for longer than the controller needs to latch it, until it is acknowledged or lowered."""
        self._line.set(False)
        self._line.set(True)


class Memory:
    """Guest RAM, and flash where a board has some, by physical address."""

    def __init__(self, native: Any) -> None:
        self._native = native
        self.base = int(native.ram_base)
        """Of RAM."""
        self.size = int(native.ram_size)
        """Of RAM, in bytes."""
        self.rom_size = int(native.rom_size)
        """Bytes of flash from physical address 0."""

    def _view(self, address: int, size: int) -> Any:
        within = 0 <= address < 1 << 64 and size >= 0
        pointer = lib.vmm_memory(self._native, address, size) if within else ffi.NULL
        if pointer == ffi.NULL:
            end = self.base + self.size
            raise VmmError(f"physical {address:#x}+{size:#x} is outside RAM ({self.base:#x}-{end - 1:#x})")
        return ffi.buffer(pointer, size)

    def read(self, address: int, size: int) -> bytes:
        """VmmError outside RAM and flash."""
        return bytes(self._view(address, size))

    def write(self, address: int, data: bytes) -> None:
        """VmmError outside RAM and flash."""
        self._view(address, len(data))[:] = data
        lib.vmm_memory_written(self._native, address, len(data))


def _check_memory(size: int, layout: Layout) -> None:
    if size <= 0 or size % PAGE or size > layout.most_ram:
        most = layout.most_ram // MIB
        raise VmmError(f"--memory {size}: it must be whole pages of {PAGE} bytes, and at most {most}M")


def boot(image: str | Path, **options: Any) -> Machine:
    """A machine with `image` (a path, or the name of a bundled guest) loaded and ready to run; options as in Config."""
    from vmm.catalog import resolve, wants

    path = resolve(str(image))
    wanted = wants(path)
    fitting: dict[str, Any] = {"board": wanted.board, "cpu": wanted.cpu, "smp": wanted.smp}
    machine = Machine(Config(**(fitting | options)))
    machine.load(path)
    return machine
