"""ARM as gdb is shown it: a view for A64, and one for A32 and T32, which gdb tells apart by CPSR."""

from __future__ import annotations

from vmm.arch.arm.registers import SYSTEM32, SYSTEM64
from vmm.arch.arm.vcpu import MODES, Arm
from vmm.arch.debugger import Debugger, Feature, Register, View, bits, looked_at, named, vector, words
from vmm.errors import VmmError

ONES64 = (1 << 64) - 1
A64_MODES = {"el0t": 0, "el1t": 4, "el1h": 5, "el2t": 8, "el2h": 9, "el3t": 12, "el3h": 13}
CPSR64 = bits(
    "cpsr_flags", 4, SP=0, EL=(2, 3), nRW=4, F=6, I=7, A=8, D=9, BTYPE=(10, 11), IL=20, SS=21, V=28, C=29, Z=30, N=31,
)  # fmt: skip
VECTORS64 = (
    '<vector id="v2d" type="ieee_double" count="2"/><vector id="v2u" type="uint64" count="2"/>'
    '<vector id="v2i" type="int64" count="2"/><vector id="v4f" type="ieee_single" count="4"/>'
    '<vector id="v4u" type="uint32" count="4"/><vector id="v4i" type="int32" count="4"/>'
    '<vector id="v8u" type="uint16" count="8"/><vector id="v8i" type="int16" count="8"/>'
    '<vector id="v16u" type="uint8" count="16"/><vector id="v16i" type="int8" count="16"/>'
    '<vector id="v1u" type="uint128" count="1"/><vector id="v1i" type="int128" count="1"/>'
    '<union id="vnd"><field name="f" type="v2d"/><field name="u" type="v2u"/><field name="s" type="v2i"/></union>'
    '<union id="vns"><field name="f" type="v4f"/><field name="u" type="v4u"/><field name="s" type="v4i"/></union>'
    '<union id="vnh"><field name="u" type="v8u"/><field name="s" type="v8i"/></union>'
    '<union id="vnb"><field name="u" type="v16u"/><field name="s" type="v16i"/></union>'
    '<union id="vnq"><field name="u" type="v1u"/><field name="s" type="v1i"/></union>'
    '<union id="aarch64v"><field name="d" type="vnd"/><field name="s" type="vns"/><field name="h" type="vnh"/>'
    '<field name="b" type="vnb"/><field name="q" type="vnq"/></union>'
)


def view(cpu: Arm) -> str:
    """Which fits."""
    return "A64" if cpu.bits == 64 else "A32"


def _system(name: str, bits: int) -> Register:
    """One that this CPU may lack."""

    def read(cpu: Arm) -> int | None:
        try:
            return cpu[name] & (1 << bits) - 1
        except VmmError:
            return None

    def write(cpu: Arm, value: int) -> None:
        cpu[name] = value

    return Register(name, bits, read, write, "", "system")


def _general(name: str, shared: str) -> Register:
    """A general register; an AArch64 processor whose EL0 is in AArch32 has it by another name (DDI0487 D1.20.1)."""

    def ours(cpu: Arm) -> str:
        return name if cpu.arch == "arm" else shared

    def write(cpu: Arm, value: int) -> None:
        cpu[ours(cpu)] = value

    return Register(name, 32, lambda cpu: cpu[ours(cpu)] & 0xFFFFFFFF, write, "data_ptr" if name == "sp" else "uint32")


def _double(number: int) -> Register:
    """A vector register of 64 bits; there, half of one of 128."""

    def place(cpu: Arm) -> tuple[int, int]:
        return (number, 0) if cpu.arch == "arm" else (number // 2, 64 * (number % 2))

    def read(cpu: Arm) -> int:
        whole, shift = place(cpu)
        return cpu.vector(whole) >> shift & ONES64

    def write(cpu: Arm, value: int) -> None:
        whole, shift = place(cpu)
        cpu.set_vector(whole, cpu.vector(whole) & ~(ONES64 << shift) | value << shift)

    return Register(f"d{number}", 64, read, write, "ieee_double")


def _set_pc32(cpu: Arm, value: int) -> None:
    """gdb leaves out the bit that says T32, where code is T32."""
    cpu["pc"] = value | (cpu.bits == 16)


def _states(type: str, mask: int) -> tuple[Register, ...]:
    return (
        looked_at("mode", 32, lambda cpu: cpu.pstate & mask, type=type, group="system"),
        looked_at("halted", 32, lambda cpu: int(cpu.halted), group="system"),
    )


CORE64 = Feature(
    "org.gnu.gdb.aarch64.core",
    (
        *(named(f"x{n}", 64) for n in range(31)),
        named("sp", 64, type="data_ptr"),
        named("pc", 64, type="code_ptr"),
        named("cpsr", 32, type="cpsr_flags"),
    ),
    CPSR64,
)
FPU64 = Feature(
    "org.gnu.gdb.aarch64.fpu",
    (*(vector(f"v{n}", 128, n, type="aarch64v") for n in range(32)), named("fpsr", 32), named("fpcr", 32)),
    VECTORS64,
)
SYSTEM_64 = Feature(
    "vmm.aarch64.system",
    (*(_system(name, 64) for name in SYSTEM64), *_states("a64_mode", 0xF)),
    words("a64_mode", **A64_MODES),
)
GENERAL32 = {**{f"r{n}": f"x{n}" for n in range(13)}, "sp": "x13", "lr": "x14"}
PC32 = Register("pc", 32, lambda cpu: int(cpu.pc), _set_pc32, "code_ptr")
CORE32 = Feature(
    "org.gnu.gdb.arm.core",
    (*(_general(name, shared) for name, shared in GENERAL32.items()), PC32, named("cpsr", 32)),
)
FPU32 = Feature(
    "org.gnu.gdb.arm.vfp",
    (*(_double(n) for n in range(32)), _system("fpscr", 32)),
)
A32_MODES = {name: number for number, name in MODES.items()}
SYSTEM_32 = Feature(
    "vmm.arm.system",
    (_system("spsr", 32), *(_system(name, 32) for name in SYSTEM32), *_states("a32_mode", 0x1F)),
    words("a32_mode", **A32_MODES),
)

DEBUGGER = Debugger(
    {
        "A64": View("aarch64", (CORE64, FPU64, SYSTEM_64), len(CORE64.registers), ("pc", "sp", "x29", "x30")),
        "A32": View(
            "arm", (CORE32, FPU32, SYSTEM_32), len(CORE32.registers), ("pc", "sp", "lr", "r11"), {"cpsr": "spsr"}
        ),
    },
    view,
    stops_before_access=True,
)
