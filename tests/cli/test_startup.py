"""A second CPU that is started into garbage: the run ends with a reason, or where its limits say (SDM vol. 3A 8.4)."""

import json

import pytest

from cli.tiny_guests import LEAVE_RAM, SPIN

SMP = ("--smp", "2", "--cpu", "default,+x2apic")
LIMITS = [("--max-insns", "20k"), ("--max-time", "200us")]
SLEEP = bytes.fromhex("f4 ebfd")  # again: hlt; jmp again
TARGET, TARGET_PAGE = 0x8000, 0x08
NO_IDT = bytes.fromhex("0f011e2080 0f0b")  # lidt [8020h], where all is zero; ud2
FAULTS_FOR_EVER = bytes.fromhex(
    "c70618000c80 c7061a000000"  # mov word [18h],800ch; mov word [1ah],0: the handler of #UD
    "0f0b"  # is this ud2
)
NO_CODE = bytes.fromhex(
    "660f01162080 0f20c0 0c01 0f22c0"  # lgdt [8020h], where all is zero; mov eax,cr0; or al,1; mov cr0,eax
    "ea00000800"  # jmp 8:0
)


INIT_TO_ID_1 = bytes.fromhex(
    "66b91b000000 0f32 660d000c0000 0f30"  # IA32_APIC_BASE |= EXTD | EN
    "66b930080000 66ba01000000 66b800450000 0f30"  # x2APIC ICR
)


def starts(page: int, then: bytes, target: bytes = b"") -> bytes:
    """An image whose first CPU sends INIT and SIPI to APIC id 1 and goes on with `then`; `target` lies at 8000h."""
    code = bytes.fromhex("fa 66b91b000000 0f32 660d000c0000 0f30")  # cli; IA32_APIC_BASE |= EXTD | EN
    code += bytes.fromhex("66b930080000 66ba01000000")  # ecx: x2APIC ICR, edx: to id 1
    for icr in (0x4500, 0x4600 | page):
        code += b"\x66\xb8" + icr.to_bytes(4, "little") + bytes.fromhex("0f30")
    return (code + then).ljust(TARGET - 0x7C00, b"\0") + target.ljust(0x40, b"\0")


both = pytest.mark.parametrize("then", [SPIN, SLEEP], ids=["the first spins", "the first sleeps"])


@pytest.mark.slow
@both
@pytest.mark.parametrize("limit", LIMITS, ids=lambda limit: limit[0])
@pytest.mark.parametrize(
    ("page", "target"),
    [(0x20, b""), (TARGET_PAGE, FAULTS_FOR_EVER), (0xC0, b"")],
    ids=["zeros", "#UD for ever", "ROM area"],
)
def test_limits_end_whatever_it_does(vmm, image, page, target, limit, then):
    done = vmm("run", image(starts(page, then, target)), *SMP, *limit)
    assert done.status == 124
    assert done.err.startswith("vmm: limit: ")


@both
@pytest.mark.parametrize("limit", [(), *LIMITS], ids=lambda limit: limit[0] if limit else "no limit")
@pytest.mark.parametrize("target", [NO_IDT, NO_IDT + NO_CODE, NO_CODE], ids=["no IDT", "neither", "no code segment"])
def test_a_triple_fault_of_it_ends_the_run_and_names_it(vmm, image, tmp_path, target, limit, then):
    """SDM vol. 3A 6.15, double fault: shutdown."""
    summary = tmp_path / "summary.json"
    done = vmm("run", image(starts(TARGET_PAGE, then, target)), *SMP, *limit, "--summary", summary)
    assert done.status == 125
    assert json.loads(summary.read_text())["stop"]["reason"] == "shutdown"
    assert done.err.startswith("vmm: shutdown: triple fault of vCPU 1 at 0x80")


@both
def test_code_outside_memory_ends_the_run(vmm, image, then):
    done = vmm("run", image(starts(TARGET_PAGE, then, LEAVE_RAM)), *SMP, "--memory", "1M")
    assert done.status == 125
    assert done.err.startswith("vmm: unmapped: instruction fetch from unmapped physical address 0x100000 ")


def test_one_that_switches_itself_off_again_leaves_the_sleep_of_the_first_to_be_told(vmm, image):
    """It sends INIT to itself."""
    done = vmm("run", image(starts(TARGET_PAGE, SLEEP, INIT_TO_ID_1)), *SMP)
    assert done.status == 125
    assert done.err.startswith("vmm: idle: halted at 0x7c")
