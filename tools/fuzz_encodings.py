"""Random encodings of every opcode map and instruction set, one at a time: none may end the process or the machine.

A case is a batch of encodings for one mode of one CPU model, each executed from the same state.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple, TextIO

import fuzz_x86
from fuzz_cases import Outcome, fingerprint
from fuzz_noise import Found, Noise

from vmm.loaders.image import MIB
from vmm.machine.config import Config
from vmm.machine.machine import Machine

BATCH = 500
STEPS = 2
"""Instructions begun for each: it, and what it leads to."""

X86_CODE, ARM_RAM = fuzz_x86.CODE, 0x4000_0000
ARM_CODE = ARM_RAM + 0x80000
PREFIXES = (0x66, 0x66, 0x67, 0xF0, 0xF0, 0xF2, 0xF3, 0x26, 0x2E, 0x36, 0x3E, 0x64, 0x65)


class Mode(NamedTuple):
    """Where and how encodings are executed."""

    name: str
    cpus: tuple[str, ...]
    prepare: Callable[[Machine, Noise], int]
    """Put the machine into its mode; the address for an encoding."""
    encode: Callable[[Noise], bytes]


class GaveUp(Found):
    """The CPU emulator refused an encoding, or gave up over it."""


# ---- x86 (SDM vol. 2 chapter 2, AMD APM vol. 6 for XOP) ----


def legacy(chance: Noise) -> bytes:
    maps = (b"", b"", b"\x0f", b"\x0f", b"\x0f\x38", b"\x0f\x3a", b"\x0f\x0f")
    rex = bytes((chance.randrange(0x40, 0x50),)) if chance.likely(0.3) else b""
    return rex + chance.choice(maps)


def vex(chance: Noise) -> bytes:
    kind = chance.choice((b"\xc5", b"\xc4", b"\x8f", b"\x62"))
    rest = chance.randbytes({b"\xc5": 1, b"\x62": 3}.get(kind, 2))
    if kind in (b"\xc4", b"\x8f") and chance.likely(0.8):
        opcode_map = chance.choice((1, 2, 3) if kind == b"\xc4" else (8, 9, 10))
        rest = bytes((rest[0] & 0xE0 | opcode_map,)) + rest[1:]
    return kind + rest


def x86_encoding(chance: Noise) -> bytes:
    prefixes = bytes(chance.choice(PREFIXES) for _ in range(chance.choice((0, 0, 1, 1, 2, 3))))
    return prefixes + (vex(chance) if chance.likely(0.2) else legacy(chance)) + chance.randbytes(11)


def x86_mode(prepare: Callable[[Machine, fuzz_x86.X86Noise, bool], None]) -> Callable[[Machine, Noise], int]:
    def begin(machine: Machine, chance: Noise) -> int:
        prepare(machine, fuzz_x86.X86Noise(str(chance.getrandbits(64))), True)
        return X86_CODE

    return begin


# ---- ARM ----


def arm_mode(state: dict[str, int], thumb: int = 0) -> Callable[[Machine, Noise], int]:
    """Registers lead into RAM; what faults goes to vectors there."""

    def begin(machine: Machine, chance: Noise) -> int:
        wide = machine.architecture == "arm64"
        machine.memory.write(ARM_RAM, chance.randbytes(0x10000))
        for number in range(31 if wide else 13):
            machine.cpu[f"{'x' if wide else 'r'}{number}"] = ARM_RAM + chance.randrange(0x10000)
        for name, value in state.items():
            machine.cpu[name] = value
        machine.cpu["sp"], machine.cpu["pc"] = ARM_RAM + 0x8000, ARM_CODE | thumb
        return ARM_CODE

    return begin


def word(chance: Noise) -> bytes:
    return chance.randbytes(4)


def a64_encoding(chance: Noise) -> bytes:
    """A third are of the group of system instructions and exceptions (DDI0487 C4.1)."""
    return word(chance)[:3] + bytes((chance.choice((0xD4, 0xD5)),)) if chance.likely(0.33) else word(chance)


def a32_encoding(chance: Noise) -> bytes:
    condition = chance.choice((0xE0, 0xE0, 0xF0, chance.randrange(16) << 4))
    encoding = word(chance)
    return encoding[:3] + bytes((encoding[3] & 0xF | condition,))


def t32_encoding(chance: Noise) -> bytes:
    """Half have 32 bits: the first halfword begins with 11101, 11110 or 11111 (DDI0406 A6.1)."""
    encoding = chance.randbytes(8)
    return encoding if chance.likely(0.5) else encoding[:1] + bytes((encoding[1] | 0xE8,)) + encoding[2:]


FP_ON = {"cpacr_el1": 3 << 20}
X86_CPUS, A64_CPUS, A32_CPUS = ("default", "max"), ("cortex-a57", "max"), ("cortex-a15", "cortex-a7")
MODES = (
    Mode("x86, 16 bits", X86_CPUS, x86_mode(fuzz_x86.real_program), x86_encoding),
    Mode("x86, 32 bits", X86_CPUS, x86_mode(fuzz_x86.protected32_program), x86_encoding),
    Mode("x86, 64 bits", X86_CPUS, x86_mode(fuzz_x86.long64_program), x86_encoding),
    Mode("A64", A64_CPUS, arm_mode({"vbar_el1": ARM_RAM + 0x40000, **FP_ON}), a64_encoding),
    Mode("A32", A32_CPUS, arm_mode({"vbar": ARM_RAM + 0x40000}), a32_encoding),
    Mode("T32", A32_CPUS, arm_mode({"vbar": ARM_RAM + 0x40000}, thumb=1), t32_encoding),
)


def board(mode: Mode) -> str:
    return "pc" if mode.cpus is X86_CPUS else "virt"


def run(seed: int, number: int, report: TextIO | None = None) -> Outcome:
    """Execute batch `number`, and write each into `report` before it is; GaveUp for what no guest may cause."""
    mode = MODES[number % len(MODES)]
    chance = Noise(f"{seed}/{number}")
    machine = Machine(Config(board=board(mode), cpu=chance.choice(mode.cpus), memory=2 * MIB, console=None))
    at = mode.prepare(machine, chance)
    begin = machine.snapshot()
    for _ in range(BATCH):
        encoding = mode.encode(chance)
        if report:
            print(mode.name, machine.config.cpu, encoding.hex(), file=report, flush=True)
        machine.restore(begin)
        machine.memory.write(at, encoding)
        stop = machine.run(insns=STEPS)
        if stop.reason == "engine":
            raise GaveUp(f"{mode.name} {machine.config.cpu} {encoding.hex()}: {stop.detail}")
    return Outcome(number, mode.name, "executed", fingerprint(machine))
