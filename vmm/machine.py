"""A machine: a board, its vCPUs, memory and a clock. It runs until something stops it, and every stop has a reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from vmm import boards, loaders
from vmm.boards.board import Board, Parts
from vmm.bus import Bus
from vmm.clock import NativeClock
from vmm.cpu import x86_model
from vmm.cpu.x86 import X86
from vmm.engine import NEVER, check, connect, ffi, lib, open_unicorn
from vmm.errors import VmmError
from vmm.intc.i8259 import Pic
from vmm.loaders.image import Loaded
from vmm.trace import Trace
from vmm.traps import DONE, Exc, Hlt, Int, Key, Msr, Port, Trap

MIB = 1 << 20
PAGE = 4096
MOST_MEMORY = 0xC0000000
"""Above it lie the pc's memory-mapped devices."""
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
        if config.smp != 1:
            raise VmmError(f"--smp {config.smp}: this board runs one vCPU")
        open_unicorn()
        self._native = ffi.gc(lib.vmm_new(), lib.vmm_free)
        self._handle = connect(self._native, self)
        self._error: BaseException | None = None
        self._traps: dict[Key, Callable[[Trap], Any]] = {}
        self.loaded: Loaded | None = None
        model, features = x86_model.parse(config.cpu)
        name, options = boards.parse(config.board)
        _check_memory(config.memory)
        self._native.insn_ns = _positive(options.get("insn_ns", "10"), "--board: insn_ns")
        check(self._native, lib.vmm_map_ram(self._native, config.memory))
        check(self._native, lib.vmm_add_x86(self._native, x86_model.MODELS[model]))
        self.cpus = [X86(self._native.vcpus[0])]
        x86_model.apply(self._native.vcpus[0], features)
        self.clock = NativeClock(self._native)
        self.bus = Bus(self._native)
        self.memory = Memory(self._native)
        self.pic = Pic(self._native)
        self.trace = Trace(self._native)
        self.board: Board = boards.build(
            name,
            Parts(
                bus=self.bus,
                clock=self.clock,
                stop=self.stop,
                console=config.console,
                a20=self._set_a20,
                memory=self.memory,
                pic_write=self.pic.write,
                cpus=config.smp,
                cmdline=config.cmdline,
                options=options,
            ),
        )

    @property
    def cpu(self) -> X86:
        """The first vCPU."""
        return self.cpus[0]

    @property
    def now_ns(self) -> int:
        """Virtual nanoseconds since power-on."""
        return self.clock.now()

    def load(self, path: Path, *, initrd: Sequence[str] = (), load_address: int | None = None) -> Loaded:
        """Put an image into memory and the vCPU at its entry; VmmError names what is wrong with it."""
        self.loaded = loaders.load(
            path, self.memory, append=self.config.cmdline, initrd=list(initrd), load_address=load_address
        )
        entry = self.loaded.entry
        if entry.mode == "real":
            self.cpu.enter_real(entry.cs, entry.pc, entry.registers)
        elif entry.mode == "protected32":
            self.cpu.enter_protected32(entry.pc, entry.registers)
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
                before = self.cpu.count
                lib.vmm_run(self._native, part)
                self._raise_if_failed()
                if left is not None:
                    left -= self.cpu.count - before
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
        """Latch one NMI for the first vCPU."""
        lib.vmm_nmi(self._native, 0)

    def irq(self, number: int) -> Irq:
        """The scripts' end of line `number`."""
        if number not in self.board.line_names:
            raise VmmError(f"IRQ {number} is not among 0-{max(self.board.line_names)}")
        return Irq(self.bus, number)

    def inject(self, vector: int) -> None:
        """Deliver `vector` (0-255) as an external interrupt at the first boundary that admits one; no controller."""
        if not 0 <= vector < 256:
            raise VmmError(f"interrupt vector {vector:#x} is outside 0-0xff")
        lib.vmm_inject(self._native, 0, vector)

    def trap(self, key: Key) -> Callable[[Callable[[Trap], Any]], Callable[[Trap], Any]]:
        """Decorator: let a function see `key` before the guest does; see vmm/traps.py."""

        def register(handler: Callable[[Trap], Any]) -> Callable[[Trap], Any]:
            self._traps[key] = handler
            self._arm(key)
            return handler

        return register

    def _arm(self, key: Key) -> None:
        x86 = self._native.vcpus[0].x86
        match key:
            case Int(vector):
                x86.trap_int[vector >> 6] |= 1 << (vector & 63)
            case Exc(vector):
                x86.trap_exception |= 1 << vector
            case Hlt():
                x86.trap_hlt = 1
            case Msr():
                x86.trap_msr = 1
            case Port(number):
                x86.trap_port = 1
                x86.port_traps[number >> 3] |= 1 << (number & 7)

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
            case "idle" if raw.code:
                return f"halted at {self.where(raw.address)} with interrupts masked: nothing can wake it"
            case "idle":
                return f"halted at {self.where(raw.address)} and nothing is pending that could wake it"
            case "shutdown":
                return f"triple fault at {self.where(raw.address)}: {self._chain(raw.vcpu)}"
            case "unmapped":
                return f"{ACCESSES[raw.code]} unmapped physical address {raw.address:#x} at {self._pc()}"
            case "breakpoint":
                return f"breakpoint at {self.where(raw.address)}"
            case "delivered":
                return f"vector {raw.code:#04x} was delivered"
            case "engine":
                return f"the CPU emulator refused to go on at {self.where(raw.address)} (error {raw.code})"
        return f"stopped at {self.where(raw.address)}"

    def _pc(self) -> str:
        recent = self.cpu.recent()
        return self.where(recent[-1]) if recent else "the reset vector"

    def _chain(self, vcpu: int) -> str:
        links = []
        for fault in self.cpus[vcpu].fault_chain():
            name = EXCEPTIONS.get(fault.vector, f"vector {fault.vector:#04x}")
            if fault.source != lib.VMM_SRC_EXCEPTION:
                name = f"interrupt {fault.vector:#04x}"
            links.append(f"{name}({fault.error:#x})" if fault.has_error else name)
        return " → ".join(links)

    def _set_a20(self, enabled: bool) -> None:
        lib.vmm_x86_a20(self._native.vcpus[0], enabled)

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

    TRAP_KEYS: tuple[Callable[[int], Key], ...] = (Int, Exc, lambda _: Hlt(), Msr, Msr, Port, Port)

    def trap_taken(self, vcpu: int, raw: Any) -> int:
        key = self.TRAP_KEYS[raw.kind](raw.number)
        handler = self._traps.get(key)
        if handler is None:
            return int(lib.VMM_TRAP_DELIVER)
        write = raw.kind in (lib.VMM_TRAP_WRMSR, lib.VMM_TRAP_OUT)
        answer = handler(Trap(key, self.cpus[vcpu], raw, write=write))
        return int(lib.VMM_TRAP_DONE if answer == DONE else lib.VMM_TRAP_DELIVER)

    def failed(self, error: BaseException) -> None:
        self._error = self._error or error
        lib.vmm_request_stop(self._native, lib.VMM_STOP_USER, 0)

    def _raise_if_failed(self) -> None:
        error, self._error = self._error, None
        if error is not None:
            raise error


EXCEPTIONS = {
    0: "#DE", 1: "#DB", 2: "NMI", 3: "#BP", 4: "#OF", 5: "#BR", 6: "#UD", 7: "#NM", 8: "#DF", 10: "#TS", 11: "#NP",
    12: "#SS", 13: "#GP", 14: "#PF", 16: "#MF", 17: "#AC", 18: "#MC", 19: "#XM", 20: "#VE", 21: "#CP",
}  # fmt: skip


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
    """Guest RAM by physical address."""

    def __init__(self, native: Any) -> None:
        self._buffer = ffi.buffer(native.ram, native.ram_size)
        self.size = int(native.ram_size)

    def _check(self, address: int, size: int) -> None:
        if address < 0 or address + size > self.size:
            raise VmmError(f"physical {address:#x}+{size:#x} is outside the {self.size:#x} bytes of RAM")

    def read(self, address: int, size: int) -> bytes:
        """VmmError outside RAM."""
        self._check(address, size)
        return bytes(self._buffer[address : address + size])

    def write(self, address: int, data: bytes) -> None:
        """VmmError outside RAM."""
        self._check(address, len(data))
        self._buffer[address : address + len(data)] = data


def _check_memory(size: int) -> None:
    if size <= 0 or size % PAGE or size > MOST_MEMORY:
        raise VmmError(f"--memory {size}: it must be whole pages of {PAGE} bytes, and at most {MOST_MEMORY // MIB}M")


def _positive(text: str, what: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1_000_000:
        raise VmmError(f"{what}={text!r} must be a number from 1 to 1000000")
    return int(text)


def boot(image: str | Path, **options: Any) -> Machine:
    """A machine with `image` (a path, or the name of a bundled guest) loaded and ready to run; options as in Config."""
    from vmm.catalog import resolve

    machine = Machine(Config(**options))
    machine.load(resolve(str(image)))
    return machine
