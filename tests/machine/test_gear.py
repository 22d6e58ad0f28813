"""Which gear a machine runs in, and that it is said where it is not the one that was asked for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vmm import boot, replay
from vmm.errors import VmmError
from vmm.machine.config import Config
from vmm.machine.machine import Machine

BOARDS = {"x86": "pc", "arm64": "virt", "arm": "virt"}
CPUS = {"x86": "default", "arm64": "cortex-a57", "arm": "cortex-a15"}
MISSES = "Unicorn does not call tcg_gen_callN_x86_64"
each = pytest.mark.parametrize("name", BOARDS)


@each
def test_the_gear_is_the_one_that_was_asked_for_or_the_fast_one(name: str) -> None:
    assert boot(f"{name}/hello", gear="precise", console=None).gear == "precise"
    assert boot(f"{name}/hello", gear="fast", console=None).gear == "fast"
    assert boot(f"{name}/hello", console=None).gear == "fast"


def test_a_gear_that_there_is_not_is_refused_with_the_nearest() -> None:
    with pytest.raises(VmmError, match=r"unknown gear 'fats'.*fast"):
        Machine(Config(gear="fats"))


@each
def test_where_unicorn_is_not_as_expected_the_gear_is_the_precise_one(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmm.machine.machine.no_fast_gear", lambda: MISSES)
    machine = Machine(Config(board=BOARDS[name], cpu=CPUS[name], gear="fast"))
    assert machine.gear == "precise"
    assert machine.config.gear == "fast"


@each
@pytest.mark.parametrize("asked", [(), ("--gear", "fast")])
def test_the_command_says_why_it_is_not_the_fast_one(
    name: str, asked: tuple[str, ...], vmm: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vmm.machine.machine.no_fast_gear", lambda: MISSES)
    done = vmm("run", f"{name}/hello", *asked)
    assert done.status == 0
    assert f"vmm: --gear fast: {MISSES}\n" in done.err


def test_a_model_that_has_the_precise_gear_alone_is_no_matter_but_for_who_asks(vmm: Callable[..., Any]) -> None:
    why = "vmm: --gear fast: --cpu +rtm: a transaction is looked at instruction by instruction\n"
    assert why not in vmm("run", "x86/hello", "--cpu", "max,+rtm").err
    assert why in vmm("run", "x86/hello", "--cpu", "max,+rtm", "--gear", "fast").err


def test_a_coverage_map_is_made_in_the_precise_gear_where_nobody_asks(
    vmm: Callable[..., Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gears = []
    made = Machine.__init__
    monkeypatch.setattr(
        Machine, "__init__", lambda machine, config: (gears.append(config.gear), made(machine, config))[1]
    )
    for asked in ((), ("--gear", "fast")):
        vmm("run", "x86/hello", "--coverage", str(tmp_path / "map"), *asked)
    assert gears == ["precise", "fast"]


@pytest.mark.parametrize("guest", ["x86/uart_irq4", "arm64/timer_ticks", "arm/timer_ticks"])
def test_a_recording_does_not_say_in_which_gear_it_was_made(guest: str, tmp_path: Path) -> None:
    tape = tmp_path / "run.vmmrec"
    machine = boot(guest, gear="precise", console=None)
    with machine.recording(tape):
        machine.run(insns=2_000)
    again = replay(tape, console=None)
    again.run()
    assert again.machine.gear == "fast"
    assert again.machine.trace.hash == machine.trace.hash
