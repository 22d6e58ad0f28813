"""x86 as gdb is shown it: a view for code of 16, 32 and 64 bits.

What gdb calls EIP or RIP is the linear address of the next instruction here, for gdb adds no segment base to what it
reads, disassembles and compares with breakpoints; the offset within CS, where the two differ, is the register "ip".
"""

from __future__ import annotations

from vmm.arch.debugger import Debugger, Feature, Register, View, bits, looked_at, named, vector, words
from vmm.arch.x86.vcpu import CR0_PE, EFER, VM, X86, Segment, in_long_mode
from vmm.errors import VmmError

MODES = {"real": 0, "protected": 1, "vm86": 2, "compatibility": 3, "long": 4}
SHADOWS = {None: 0, "sti": 1, "mov ss": 2}
FIRST_ST = 16
"""As a vector register."""
MSRS = {
    "efer": EFER, "apic_base": 0x1B, "star": 0xC0000081, "lstar": 0xC0000082, "sfmask": 0xC0000084,
    "k_gs_base": 0xC0000102, "sysenter_cs": 0x174, "sysenter_esp": 0x175, "sysenter_eip": 0x176,
}  # fmt: skip

FLAGS = bits(
    "i386_eflags", 4, CF=0, PF=2, AF=4, ZF=6, SF=7, TF=8, IF=9, DF=10, OF=11, IOPL=(12, 13), NT=14, RF=16, VM=17, AC=18,
    VIF=19, VIP=20, ID=21,
)  # fmt: skip
CR0 = bits("x86_cr0", 8, PE=0, MP=1, EM=2, TS=3, ET=4, NE=5, WP=16, AM=18, NW=29, CD=30, PG=31)
CR4 = bits(
    "x86_cr4", 8, VME=0, PVI=1, TSD=2, DE=3, PSE=4, PAE=5, MCE=6, PGE=7, PCE=8, OSFXSR=9, OSXMMEXCPT=10, UMIP=11,
    LA57=12, FSGSBASE=16, PCIDE=17, OSXSAVE=18, SMEP=20, SMAP=21,
)  # fmt: skip
EFER_BITS = bits("x86_efer", 8, SCE=0, LME=8, LMA=10, NXE=11)
MXCSR = bits(
    "i386_mxcsr", 4, IE=0, DE=1, ZE=2, OE=3, UE=4, PE=5, DAZ=6, IM=7, DM=8, ZM=9, OM=10, UM=11, PM=12, FZ=15,
)  # fmt: skip
VECTORS = (
    '<vector id="v4f" type="ieee_single" count="4"/><vector id="v2d" type="ieee_double" count="2"/>'
    '<vector id="v16i8" type="int8" count="16"/><vector id="v8i16" type="int16" count="8"/>'
    '<vector id="v4i32" type="int32" count="4"/><vector id="v2i64" type="int64" count="2"/>'
    '<union id="vec128"><field name="v4_float" type="v4f"/><field name="v2_double" type="v2d"/>'
    '<field name="v16_int8" type="v16i8"/><field name="v8_int16" type="v8i16"/><field name="v4_int32" type="v4i32"/>'
    '<field name="v2_int64" type="v2i64"/><field name="uint128" type="uint128"/></union>'
)


def view(cpu: X86) -> str:
    """Which fits: by the width of its code."""
    return {16: "real", 32: "protected", 64: "long"}[cpu.bits]


def mode(cpu: X86) -> str:
    """Of the processor (SDM vol. 3A 2.2), one of MODES."""
    if not cpu["cr0"] & CR0_PE:
        return "real"
    if in_long_mode(cpu):
        return "long" if cpu.bits == 64 else "compatibility"
    return "vm86" if cpu["eflags"] & VM else "protected"


def _set_pc(cpu: X86, linear: int) -> None:
    cpu["rip"] = linear if cpu.bits == 64 else linear - cpu.segment("cs").base & 0xFFFFFFFF


def _selector(name: str, bits: int = 32, group: str = "") -> Register:
    return Register(name, bits, lambda cpu: int(cpu[name]), None, "int32" if bits == 32 else "", group)


def _of_segment(name: str, field: str, wide: int) -> Register:
    def read(cpu: X86) -> int:
        return int(getattr(cpu.segment(name), field)) & (1 << wide) - 1

    def write(cpu: X86, value: int) -> None:
        old = cpu.segment(name)
        cpu.set_segment(name, Segment(**(vars(old) | {field: value})))

    return Register(f"{name}_{field}", wide, read, write, "", "system")


def _msr(name: str, type: str = "") -> Register:
    index = MSRS[name]

    def read(cpu: X86) -> int | None:
        try:
            return cpu.msr(index)
        except VmmError:
            return None

    return Register(name, 64, read, lambda cpu, value: cpu.set_msr(index, value), type, "system")


def _tag(cpu: X86) -> int:
    """As FSAVE has it, two bits a register; Unicorn's number has the same meaning."""
    return cpu["fptag"] & 0xFFFF


def _x87() -> tuple[Register, ...]:
    control = {"fctrl": "fpcw", "fstat": "fpsw"}
    unknown = ("fiseg", "fioff", "foseg", "fooff", "fop")
    return (
        *(vector(f"st{n}", 80, FIRST_ST + n, type="i387_ext") for n in range(8)),
        *(named(name, 32, ours, type="int", group="float") for name, ours in control.items()),
        looked_at("ftag", 32, _tag, type="int", group="float"),
        *(looked_at(name, 32, lambda cpu: None, type="int", group="float") for name in unknown),
    )


def _core(general: tuple[str, ...], wide: int, pointers: tuple[str, ...]) -> Feature:
    kind = "int64" if wide == 64 else "int32"
    pc = Register(general[-1], wide, lambda cpu: int(cpu.pc), _set_pc, "code_ptr")
    rows = [named(name, wide, type="data_ptr" if name in pointers else kind) for name in general[:-1]]
    segments = [_selector(name) for name in ("cs", "ss", "ds", "es", "fs", "gs")]
    flags = named("eflags", 32, type="i386_eflags")
    return Feature("org.gnu.gdb.i386.core", (*rows, pc, flags, *segments, *_x87()), FLAGS)


def _sse(registers: int) -> Feature:
    rows = [vector(f"xmm{n}", 128, n, type="vec128") for n in range(registers)]
    return Feature(
        "org.gnu.gdb.i386.sse", (*rows, named("mxcsr", 32, type="i386_mxcsr", group="vector")), VECTORS + MXCSR
    )


def _system(wide: int) -> Feature:
    kinds = {"cr0": "x86_cr0", "cr4": "x86_cr4"} if wide == 64 else {}
    controls = [named(name, wide, type=kinds.get(name, ""), group="system") for name in ("cr0", "cr2", "cr3", "cr4")]
    debug = [looked_at(name, wide, lambda cpu, name=name: int(cpu[name]), group="system")  # type: ignore[misc]
             for name in ("dr0", "dr1", "dr2", "dr3", "dr6", "dr7")]  # fmt: skip
    bases = [_of_segment(name, "base", wide) for name in ("cs", "ss", "ds", "es", "fs", "gs")]
    tables = [
        _of_segment(name, field, size) for name in ("gdtr", "idtr") for field, size in (("base", wide), ("limit", 32))
    ]
    selectors = [_selector(name, 32, "system") for name in ("ldtr", "tr")]
    msrs = [_msr(name, "x86_efer" if name == "efer" else "") for name in MSRS]
    states = [
        looked_at("ip", wide, lambda cpu: int(cpu["rip"]) & (1 << wide) - 1, group="system"),
        looked_at("cpl", 32, lambda cpu: int(cpu.cpl), group="system"),
        looked_at("mode", 32, lambda cpu: MODES[mode(cpu)], type="x86_mode", group="system"),
        looked_at("shadow", 32, lambda cpu: SHADOWS[cpu.shadow], type="x86_shadow", group="system"),
        looked_at("nmi_blocked", 32, lambda cpu: int(cpu.nmi_blocked), group="system"),
        looked_at("halted", 32, lambda cpu: int(cpu.halted), group="system"),
    ]
    types = CR0 + CR4 + EFER_BITS + words("x86_mode", **MODES) + words("x86_shadow", none=0, sti=1, mov_ss=2)
    return Feature("vmm.x86.system", (*controls, *selectors, *tables, *bases, *debug, *msrs, *states), types)


GENERAL32 = ("eax", "ecx", "edx", "ebx", "esp", "ebp", "esi", "edi", "eip")
GENERAL64 = ("rax", "rbx", "rcx", "rdx", "rsi", "rdi", "rbp", "rsp", *(f"r{n}" for n in range(8, 16)), "rip")
SEGMENTS_AND_FLAGS = 7


def _view(architecture: str, general: tuple[str, ...], wide: int, vectors: int, told: tuple[str, ...]) -> View:
    features = (_core(general, wide, told[1:]), _sse(vectors), _system(wide))
    return View(architecture, features, len(general) + SEGMENTS_AND_FLAGS, told)


DEBUGGER = Debugger(
    {
        "real": _view("i8086", GENERAL32, 32, 8, ("eip", "esp", "ebp")),
        "protected": _view("i386", GENERAL32, 32, 8, ("eip", "esp", "ebp")),
        "long": _view("i386:x86-64", GENERAL64, 64, 16, ("rip", "rsp", "rbp")),
    },
    view,
)
