"""A vCPU has its architecture's state and no other's, a machine the state of the controllers that it was wired to."""

from __future__ import annotations

import pytest

from vmm.core.native import ffi, lib, open_unicorn
from vmm.machine.config import Config
from vmm.machine.machine import Machine

ICW1, OCW1 = 0x11, 0x5A


def states(machine: Machine) -> int:
    """How many controllers a machine carries."""
    return sum(state != ffi.NULL for state in machine._native.controller_state)


def bare():
    """A machine of RAM alone."""
    open_unicorn()
    machine = ffi.gc(lib.vmm_new(), lib.vmm_free)
    assert lib.vmm_map_ram(machine, 0, 0x10000) == 0
    return machine


def error(machine) -> str:
    return ffi.string(machine.error).decode()


def test_a_vcpu_has_no_other_architectures_state() -> None:
    machines = Machine(Config()), Machine(Config(board="virt"))  # whose state lives as long as they do
    x86, arm = (machine._native.vcpus[0] for machine in machines)
    assert [lib.vmm_arm_of(x86), lib.vmm_x86_of(arm), lib.vmm_lapic_of(arm)] == [ffi.NULL] * 3
    assert ffi.NULL not in (lib.vmm_x86_of(x86), lib.vmm_lapic_of(x86), lib.vmm_arm_of(arm))


def test_a_machine_carries_what_its_board_has_in_c_and_no_more() -> None:
    """8259A pair, APICs, 16550As, port 61h, the HPET's counter; GIC and PL011."""
    pc, virt = Machine(Config()), Machine(Config(board="virt,gic=3"))
    assert (states(pc), lib.vmm_gic_version(pc._native)) == (5, 0)
    assert (states(virt), lib.vmm_gic_version(virt._native)) == (2, 3)


def test_a_controller_is_part_of_a_machine_from_when_it_is_named_on() -> None:
    machine = bare()
    assert list(machine.controller_state) == [ffi.NULL] * len(machine.controller_state)
    pins, registers = lib.vmm_line_end(machine, b"pic"), lib.vmm_range_owner(machine, b"elcr")
    assert min(pins, registers) > 0
    assert (pins, registers) == (lib.vmm_line_end(machine, b"pic"), lib.vmm_range_owner(machine, b"elcr"))
    assert sum(state != ffi.NULL for state in machine.controller_state) == 1


@pytest.mark.parametrize(
    ("call", "words"), [(lib.vmm_line_end, "no controller has inputs that are called plic"),
                        (lib.vmm_range_owner, "no controller has registers that are called plic")],
)  # fmt: skip
def test_a_name_that_no_controller_has_is_refused_in_words(call, words: str) -> None:
    machine = bare()
    assert (call(machine, b"plic"), error(machine)) == (-1, words)


def test_a_controller_comes_back_with_a_snapshot_as_it_was() -> None:
    machine = bare()
    pic = lib.vmm_pic_of(machine)
    lib.vmm_pic_write(machine, 0, 1, OCW1)
    snapshot = ffi.gc(lib.vmm_snapshot_take(machine), lib.vmm_snapshot_free)
    lib.vmm_pic_write(machine, 0, 0, ICW1)
    assert (pic.chip[0].imr, pic.chip[0].init_step) == (0, 2)
    assert lib.vmm_snapshot_restore(machine, snapshot) == 0
    assert (pic.chip[0].imr, pic.chip[0].init_step) == (OCW1, 0)


def test_a_controller_made_after_a_snapshot_is_as_new_when_that_is_restored() -> None:
    machine = bare()
    snapshot = ffi.gc(lib.vmm_snapshot_take(machine), lib.vmm_snapshot_free)
    pic = lib.vmm_pic_of(machine)
    lib.vmm_pic_write(machine, 0, 1, OCW1)
    assert lib.vmm_snapshot_restore(machine, snapshot) == 0
    assert (pic.chip[0].imr, pic.chip[0].lowest) == (0, 7)


def test_a_message_finds_no_apic_on_another_machine() -> None:
    virt = Machine(Config(board="virt"))._native
    assert (lib.vmm_msi(virt, 0xFEE00000, 0x41), error(virt)) == (-1, "this machine has no APICs to take a message")
