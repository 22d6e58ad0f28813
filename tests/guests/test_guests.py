"""Every bundled guest checks itself; here it is booted, and its exit status and every claim it makes are read."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from vmm.catalog import guests
from vmm.machine.machine import boot

EVERY = sorted(guests(), key=lambda guest: guest.name)
each = pytest.mark.parametrize(
    "guest",
    [pytest.param(guest, id=guest.name, marks=[pytest.mark.slow] * ("_bench" in guest.name)) for guest in EVERY],
)
"""The guests that are there for benchmarks run long."""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vmm", "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)


@each
def test_a_guest_ends_with_its_status_of_success_and_no_false_claim(guest, vmm):
    done = vmm("run", guest.name, "--quiet")
    assert done.status == guest.success, done.out + done.err
    assert "FAIL" not in done.out


@each
def test_a_guest_is_given_the_machine_it_asks_for(guest):
    config = boot(guest.name).config
    assert (config.board, config.cpu, config.smp) == (guest.board, guest.cpu, guest.smp)


REPEATED = [
    ("x86/pit_ticks",), ("x86/nmi_blocking",), ("x86/rep_interrupted",), ("arm64/timer_ticks",), ("arm64/svc_vs_irq",),
    ("arm64/fiq_over_irq",), ("arm/it_block_irq",), ("arm/priority_nesting",), ("arm64/sgi_ping_pong",),
    ("arm/sgi_ping_pong",), ("arm64/sgi_ping_pong", "--seed", "7"), ("arm/sgi_ping_pong", "--seed", "7"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("command", REPEATED, ids=" ".join)
def test_two_runs_have_one_trace_hash_and_recording_does_not_change_it(command, tmp_path):
    hashes = set()
    for extra in ([], [], ["-d", "int"], ["--trace", str(tmp_path / "trace.json")]):
        summary = tmp_path / "summary.json"
        assert run(*command, "--quiet", "--summary", str(summary), *extra).returncode == 0
        hashes.add(json.loads(summary.read_text())["trace_hash"])
    assert len(hashes) == 1


PROMISED_X86 = {
    "hello", "pit_ticks", "sti_shadow", "mov_ss_shadow", "soft_vs_hard", "nmi_blocking", "spurious_irq7",
    "priority_nesting", "level_vs_edge", "uart_irq4", "ring3_to_ring0", "ist_stacks", "double_fault",
    "triple_fault", "real_mode_ivt", "vm86", "task_gate", "rep_interrupted", "hypercall",
}  # fmt: skip
PROMISED_ARM = {
    "hello", "first_isr", "timer_ticks", "svc_vs_irq", "priority_nesting", "fiq_over_irq", "level_vs_edge",
    "sgi_ping_pong", "spurious_1023", "eoimode_split", "wfi_wake_masked", "data_abort",
}  # fmt: skip


@pytest.mark.parametrize(
    ("arch", "promised"),
    [
        ("x86", PROMISED_X86),
        ("arm64", PROMISED_ARM | {"daif_unmask", "el0_user"}),
        ("arm", PROMISED_ARM | {"cpsr_unmask", "usr_mode", "it_block_irq"}),
    ],
)
def test_every_guest_the_house_promises_is_there(arch, promised):
    assert {Path(guest.name).name for guest in EVERY if guest.arch == arch} >= promised


def test_both_gics_and_several_vcpus_are_shown_on_the_architectures_that_have_them():
    shown = {(guest.arch, guest.board) for guest in EVERY}
    assert {(arch, f"virt,gic={version}") for arch in ("arm", "arm64") for version in (2, 3)} <= shown
    assert {guest.arch for guest in EVERY if guest.smp > 1} == {"arm", "arm64", "x86"}
