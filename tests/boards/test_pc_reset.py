"""What follows a reset of a pc: the reset vector, the ways to INIT, the shutdown status, and booting again.

State after INIT: Intel SDM vol. 3A table 9-1; the shutdown status and 40h:67h: IBM PC/AT Technical Reference, "BIOS";
CF9h: PIIX4 datasheet.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from intc.apic.apic_bench import LVT_LINT0, LVT_LINT1, SVR, Apic
from intc.apic.apic_bench import NMI as LINT_NMI
from x86.x86_bench import CODE, HLT, IDT, JMP_SELF, X86Bench, handler, le

from vmm.arch.x86.vcpu import Segment
from vmm.core.native import lib
from vmm.core.stops import Stop
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine

FIRMWARE, TOP, SIZE = 0xF0000, 0xFFFF0000, 0x10000
RESET_VECTOR = 0xFFFFFFF0
ROUTINE = 0x8000
"""Offset in the firmware's segment of a routine of the test's own."""
ONE, TWO = (b"\xb8" + le(value, 4) + b"\xc3" for value in (1, 2))  # mov eax,value; ret
CALL_TOP = b"\xbb" + le(TOP + ROUTINE, 4) + bytes.fromhex("ffd3")  # mov ebx,routine; call ebx

PORT_92 = bytes.fromhex("e492 0c01 e692")  # in al,92h; or al,1; out 92h,al
INIT = {
    "port 92h": PORT_92,
    "keyboard controller FEh": bytes.fromhex("b0fe e664"),  # mov al,0feh; out 64h,al
    "output port bit 0": bytes.fromhex("b0d1 e664 b0de e660"),  # mov al,0d1h; out 64h,al; mov al,0deh; out 60h,al
    "CF9h": bytes.fromhex("66baf90c b000 ee b004 ee"),  # mov dx,0cf9h; mov al,0; out dx,al; mov al,4; out dx,al
    "local APIC": bytes.fromhex("c705 0003e0fe 00450400"),  # mov dword [0fee00300h],44500h: INIT to itself
}
"""In 32-bit code."""


def firmware(bench: X86Bench) -> bytes:
    return bench.memory.read(FIRMWARE, SIZE)


# ---- the top of the first 4 GiB ----


def test_the_last_64_kib_read_as_the_firmwares_segment() -> None:
    load = bytes.fromhex("8b1d") + le(RESET_VECTOR, 4)  # mov ebx,[0fffffff0h]
    bench = X86Bench("protected32", load)
    bench.step()
    assert le(bench.cpu["rbx"], 4) == bench.memory.read(FIRMWARE + 0xFFF0, 4)
    assert bench.memory.read(TOP, SIZE) == bench.cpu.read(TOP, SIZE) == firmware(bench)
    assert any(firmware(bench))
    with pytest.raises(VmmError, match="outside RAM"):
        bench.memory.read(RESET_VECTOR, 17)


def test_they_execute() -> None:
    bench = X86Bench("protected32", CALL_TOP)
    bench.memory.write(FIRMWARE + ROUTINE, ONE)
    bench.step(4)
    assert (bench.cpu["rax"], bench.rip) == (1, CODE + len(CALL_TOP))


def test_the_core_itself_reads_there() -> None:
    """An IDT in the firmware's segment, at its high address."""
    bench = X86Bench("protected32", bytes.fromhex("cd45"))
    bench.memory.write(FIRMWARE + ROUTINE, bench.memory.read(IDT, 0x800))
    bench.memory.write(IDT, bytes(0x800))
    bench.cpu.set_segment("idtr", Segment(0, TOP + ROUTINE, 0x7FF, 0))
    bench.step()
    assert bench.rip == handler(0x45)


def test_a_write_there_ends_the_run_and_changes_nothing() -> None:
    bench = X86Bench("protected32", bytes.fromhex("c605") + le(TOP + ROUTINE, 4) + b"\x55")  # mov byte [routine],55h
    before = firmware(bench)
    stop = bench.step(2)
    assert (stop.reason, stop.address) == ("unmapped", TOP + ROUTINE)
    assert firmware(bench) == before


@pytest.mark.parametrize("smp", [1, 2])
def test_code_there_follows_what_the_guest_writes_over_it(smp: int) -> None:
    """The second call comes after a store to the routine's RAM."""
    store = bytes.fromhex("c605") + le(FIRMWARE + ROUTINE + 1, 4) + b"\x02"
    bench = X86Bench("protected32", CALL_TOP + store + bytes.fromhex("ffd3"), smp=smp)
    bench.memory.write(FIRMWARE + ROUTINE, ONE)
    bench.step(8)
    assert bench.cpu["rax"] == 2


@pytest.mark.parametrize("segment", [FIRMWARE, TOP])
def test_and_what_a_script_writes_at_either_place(segment: int) -> None:
    bench = X86Bench("protected32", CALL_TOP + bytes.fromhex("ffd3"))
    bench.memory.write(FIRMWARE + ROUTINE, ONE)
    bench.step(4)
    bench.memory.write(segment + ROUTINE, TWO)
    bench.step(3)
    assert bench.cpu["rax"] == 2


def test_and_what_another_vcpu_writes() -> None:
    """The first calls until it gets 2; the second stores it."""
    again = bytes.fromhex("83f802 75f4")  # cmp eax,2; jne the call's beginning
    bench = X86Bench("protected32", CALL_TOP + again, smp=2, board=",quantum=100")
    bench.memory.write(FIRMWARE + ROUTINE, ONE)
    writer = bytes.fromhex("b800f0 8ed8 c606 0180 02") + JMP_SELF  # mov ax,0f000h; mov ds,ax; mov byte [8001h],2
    bench.memory.write(CODE + 0x400, writer)
    bench.machine.cpus[1].enter_real(0, CODE + 0x400, {})
    bench.machine._native.vcpus[1].off = 0
    stop = bench.machine.run(until=CODE + len(CALL_TOP + again), insns=2000)
    assert (stop.reason, bench.cpu["rax"]) == ("breakpoint", 2)


# ---- the ways to INIT ----


@pytest.mark.parametrize("source", INIT)
def test_every_request_leads_to_the_reset_vector(source: str) -> None:
    bench = X86Bench("protected32", INIT[source] + HLT, rbx=0x1234)
    stop = bench.machine.run(until=RESET_VECTOR, insns=20)
    assert stop.reason == "breakpoint"
    assert (bench.cpu["cs"], bench.rip, bench.flags, bench.cpu["rbx"]) == (0xF000, 0xFFF0, 2, 0)


@pytest.mark.parametrize("mode", ["real", "protected16", "protected32", "paged32", "long64", "compat32"])
def test_from_any_mode_to_real_mode(mode: str) -> None:
    """Table 9-1; then the firmware's far jump."""
    bench = X86Bench(mode, PORT_92)
    bench.step(3)
    assert bench.machine.run(until=RESET_VECTOR, insns=1).reason == "breakpoint"
    assert bench.cpu["cr0"] & ~(3 << 29) == 0x10
    assert (bench.cpu["cr3"], bench.cpu["cr4"], bench.cpu.msr(0xC0000080), bench.cpu.bits) == (0, 0, 0, 16)
    bench.step()
    assert (bench.cpu["cs"], bench.cpu.pc) == (0xF000, 0xFE05B)


def test_a_request_with_a20_closed_opens_it() -> None:
    bench = X86Bench("protected32", bytes.fromhex("b001 e692"))  # mov al,1; out 92h,al
    bench.step(3)
    assert bench.cpu.pc == 0xFE05B
    assert bench.machine.board.devices["port92"].port_read(0x92, 1) == 0x03


def test_another_vcpus_request_is_the_first_ones_init() -> None:
    bench = X86Bench("protected32", JMP_SELF, smp=2, board=",quantum=10")
    bench.memory.write(CODE + 0x400, bytes.fromhex("b0fe e664") + JMP_SELF)
    bench.machine.cpus[1].enter_real(0, CODE + 0x400, {})
    bench.machine._native.vcpus[1].off = 0
    assert bench.machine.run(until=RESET_VECTOR, insns=100).vcpu == 0
    assert not bench.machine.cpus[1].off


@pytest.mark.parametrize("value", [0x06, 0x0E])
def test_a_hard_reset_ends_the_run_at_once(value: int) -> None:
    bench = X86Bench("protected32", bytes.fromhex("66baf90c b0") + bytes((value, 0xEE)), board=",reset=reboot")
    stop = bench.step(10)
    assert stop.reason == "reset"
    assert bench.rip == CODE + 7


def test_the_pci_address_is_whole_around_the_reset_register() -> None:
    code = bytes.fromhex("66baf80c b8 00f80080 ef b90000 0000 ed")  # out of 8000f800h at 0cf8h, and in again
    bench = X86Bench("protected32", code)
    bench.step(5)
    assert bench.cpu["rax"] == 0x8000F800


# ---- the shutdown status ----


class Restart:
    """A guest with IRQ 9 in service resets itself, shutdown status and resume pointer as given."""

    RESUME = (0x0123, 0x4560)
    """CS, IP"""

    def __init__(self, status: int) -> None:
        self.bench = X86Bench("protected32", INIT["keyboard controller FEh"])
        self.machine = self.bench.machine
        self.rtc = self.machine.board.devices["rtc"]
        self.bench.initialise_pic()
        self.machine.irq(9).raise_()
        assert lib.vmm_pic_acknowledge(self.machine._native) == 0x29
        self.rtc.port_write(0x70, 1, 0x0F)
        self.rtc.port_write(0x71, 1, status)
        cs, ip = self.RESUME
        self.bench.memory.write(0x467, le(ip, 2) + le(cs, 2))
        self.bench.memory.write((cs << 4) + ip, JMP_SELF)

    def run(self) -> Stop:
        cs, ip = self.RESUME
        return self.machine.run(until=(cs << 4) + ip, insns=100)

    @property
    def in_service(self) -> tuple[int, int]:
        return self.machine.pic.master.isr, self.machine.pic.slave.isr


@pytest.mark.parametrize(("status", "in_service"), [(0x05, (0, 0)), (0x0A, (4, 2))])
def test_status_5_and_0ah_resume_and_5_ends_what_is_in_service(status: int, in_service: tuple[int, int]) -> None:
    restart = Restart(status)
    assert restart.in_service == (4, 2)
    assert restart.run().reason == "breakpoint"
    cpu = restart.bench.cpu
    assert (cpu["cs"], cpu["rip"]) == restart.RESUME
    assert restart.in_service == in_service
    assert restart.rtc.registers[0x0F] == 0


@pytest.mark.parametrize("status", [0x00, 0x04, 0x09, 0xFF])
def test_any_other_status_boots_which_ends_the_run_unless_asked_otherwise(status: int) -> None:
    restart = Restart(status)
    stop = restart.run()
    assert (stop.reason, stop.exit_status) == ("reset", 0)
    assert restart.in_service == (4, 2)


# ---- booting again ----

COUNTER, IN_IMAGE, GARBLED_VECTOR = 0x2000, 0x7DFF, 0x40
REBOOTING = bytes.fromhex(
    "ff06 0020"  # inc word [counter]
    "fe06 ff7d"  # inc byte [in the image]
    "833e 0020 03"  # cmp word [counter],3
    "740e"  # je done
    "b0ff e621"  # mov al,0ffh; out 21h,al
    "c706 4000 3412"  # mov word [garbled vector],1234h
    "b0fe e664"  # mov al,0feh; out 64h,al
    "b000 e6f4"  # done: mov al,0; out 0f4h,al
).ljust(512, b"\0")


def rebooting(directory: Path, code: bytes = REBOOTING, smp: int = 1) -> Machine:
    image = directory / "flat.bin"
    image.write_bytes(code)
    machine = Machine(Config(board="pc,pit=off,reset=reboot", smp=smp))
    machine.load(image, load_address=0x7C00)
    return machine


def test_the_image_is_loaded_again_and_other_ram_stays(tmp_path: Path) -> None:
    machine = rebooting(tmp_path)
    assert machine.run(insns=1000).reason == "exit"
    assert machine.memory.read(COUNTER, 2) == le(3, 2)
    assert machine.memory.read(IN_IMAGE, 1) == b"\x01"


def test_controllers_and_vectors_are_as_firmware_leaves_them(tmp_path: Path) -> None:
    machine, fresh = rebooting(tmp_path), Machine(Config())
    machine.run(insns=1000)
    assert machine.pic.master.imr == fresh.pic.master.imr != 0xFF
    assert machine.memory.read(GARBLED_VECTOR, 4) == fresh.memory.read(GARBLED_VECTOR, 4)
    apic = Apic(machine._native, 0)
    assert [apic.read(offset) for offset in (SVR, LVT_LINT0, LVT_LINT1)] == [0x1FF, 0x700, LINT_NMI]


def test_it_is_entered_as_at_first(tmp_path: Path) -> None:
    machine = rebooting(tmp_path)
    names = ("rip", "rsp", "rax", "rbx", "rcx", "rdx", "cs", "ds", "ss", "rflags", "cr0")

    def entered() -> list[int]:
        return [machine.cpu[name] for name in names]

    first = entered()
    machine.run(insns=1)
    assert machine.run(until=0x7C00, insns=100).reason == "breakpoint"
    assert entered() == first


def test_the_other_vcpus_wait_for_their_startup_message_again(tmp_path: Path) -> None:
    machine = rebooting(tmp_path, smp=2)
    machine.memory.write(0x3000, JMP_SELF)
    machine.cpus[1].enter_real(0, 0x3000, {})
    machine._native.vcpus[1].off = 0
    assert machine.run(insns=10_000).reason == "exit"
    assert machine.memory.read(COUNTER, 2) == le(3, 2)
    assert machine.cpus[1].off


def test_what_a_guest_writes_to_the_boot_port_boots(tmp_path: Path) -> None:
    code = bytes.fromhex("ff06 0020 833e 0020 03 7404 ba2020 ee b000 e6f4")
    machine = rebooting(tmp_path, code)
    assert machine.run(insns=100).reason == "exit"
    assert machine.memory.read(COUNTER, 2) == le(3, 2)


def test_two_runs_that_reboot_are_one(tmp_path: Path) -> None:
    """Run whole, and in steps of an instruction."""
    whole, stepped = rebooting(tmp_path), rebooting(tmp_path)
    whole.run(insns=1000)
    while stepped.run(insns=1).reason == "count":
        pass
    assert (whole.trace.hash, whole.instructions) == (stepped.trace.hash, stepped.instructions)


def test_an_image_that_has_gone_ends_the_run_with_its_name(tmp_path: Path) -> None:
    machine = rebooting(tmp_path)
    (tmp_path / "flat.bin").unlink()
    with pytest.raises(VmmError, match=r"flat\.bin: image not found"):
        machine.run(insns=1000)


def test_without_an_image_there_is_nothing_to_boot() -> None:
    assert X86Bench("protected32", PORT_92, board=",reset=reboot").step(100).reason == "reset"


def test_the_option_has_two_values() -> None:
    with pytest.raises(VmmError, match="--board: reset='no' must be stop or reboot"):
        Machine(Config(board="pc,reset=no"))
