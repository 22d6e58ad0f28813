"""An application in AArch32 under a kernel in AArch64 is shown as one (DDI0487 D1.20.1, G1.8): R0 to R14 are the low
halves of X0 to X14, D0 to D31 the halves of V0 to V15.
"""

from arm.arm_bench import DATA, Arm64Bench
from arm.opcodes import a32, a64

from vmm import arch

USR32 = 0x10
MOV_SP_20, MOV_LR_30 = bytes.fromhex("20d0a0e3"), bytes.fromhex("30e0a0e3")
"""DDI0406 A8.8.102, encoding A1."""


def test_its_registers_are_those_of_aarch32():
    bench = Arm64Bench(a64("eret"), spsr_el1=USR32, elr_el1=DATA)
    bench.memory.write(DATA, a32("mov r7, #1") + MOV_SP_20 + MOV_LR_30 + a32("nop"))
    bench.cpu.set_vector(3, 0x1111_2222_3333_4444_5555_6666_7777_8888)
    debugger = arch.named(bench.machine.architecture).debugger()
    assert debugger.view(bench.cpu) == "A64"
    bench.step(4)
    assert debugger.view(bench.cpu) == "A32"
    rows = {register.name: register for register in debugger.views["A32"].registers}
    found = {name: register.read(bench.cpu) for name, register in rows.items()}
    assert {name: found[name] for name in ("r7", "sp", "lr", "pc", "d6", "d7")} == {
        "r7": 1, "sp": 0x20, "lr": 0x30, "pc": DATA + 12, "d6": 0x5555_6666_7777_8888, "d7": 0x1111_2222_3333_4444,
    }  # fmt: skip
    assert found["cpsr"] & 0x1F == USR32
    rows["r7"].write(bench.cpu, 9)
    rows["d7"].write(bench.cpu, 5)
    assert (bench.cpu["x7"], bench.cpu.vector(3)) == (9, 5 << 64 | 0x5555_6666_7777_8888)
