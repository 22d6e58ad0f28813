"""Every bundled guest checks itself; here it is booted, and its exit status and every claim it makes are read."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from vmm.catalog import guests

EVERY = sorted(guests(), key=lambda guest: guest.name)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "vmm", "run", *arguments]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, env=os.environ)


@pytest.mark.parametrize("guest", EVERY, ids=lambda guest: guest.name)
def test_a_guest_ends_with_its_status_of_success_and_no_false_claim(guest):
    done = run(guest.name, "--quiet")
    assert done.returncode == guest.success, done.stdout + done.stderr
    assert "FAIL" not in done.stdout


@pytest.mark.parametrize("name", ["x86/pit_ticks", "x86/nmi_blocking", "x86/rep_interrupted"])
def test_two_runs_have_one_trace_hash_and_recording_does_not_change_it(name, tmp_path):
    import json

    hashes = set()
    for extra in ([], [], ["-d", "int"], ["--trace", str(tmp_path / "trace.json")]):
        summary = tmp_path / "summary.json"
        assert run(name, "--quiet", "--summary", str(summary), *extra).returncode == 0
        hashes.add(json.loads(summary.read_text())["trace_hash"])
    assert len(hashes) == 1


def test_every_guest_the_house_promises_is_there():
    promised = {
        "hello", "pit_ticks", "sti_shadow", "mov_ss_shadow", "soft_vs_hard", "nmi_blocking", "spurious_irq7",
        "priority_nesting", "level_vs_edge", "uart_irq4", "ring3_to_ring0", "ist_stacks", "double_fault",
        "triple_fault", "real_mode_ivt", "vm86", "task_gate", "rep_interrupted", "hypercall",
    }  # fmt: skip
    assert {Path(guest.name).name for guest in EVERY} >= promised
