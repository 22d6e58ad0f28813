"""`--scenario`: whatever goes wrong in a script is told with the script's line, and ends with 3."""

from __future__ import annotations

import json

import pytest

import vmm as package

SPAN = "await vmm.Elapsed(insns=100)"


@pytest.fixture
def script(vmm, tmp_path):
    """Run x86/pit_ticks with a script, and record it."""

    def run(text, *options):
        (tmp_path / "script.py").write_text(text)
        return vmm(
            "run", "x86/pit_ticks", "--scenario", "script.py", "--quiet", "--record", "run.vmmrec",
            "--summary", "run.json", *options,
        )  # fmt: skip

    return run


def failing(statement, before=SPAN):
    return f"import asyncio, sys\nimport vmm\nasync def scenario(m):\n    {before}\n    {statement}\n"


ERRORS = {
    "sys.exit(0)": "SystemExit: 0",
    "sys.exit()": "SystemExit",
    "raise SystemExit('done')": "SystemExit: done",
    "raise GeneratorExit": "GeneratorExit",
    "raise asyncio.CancelledError": "asyncio.exceptions.CancelledError",
    "raise BaseException('all')": "BaseException: all",
    "1 / 0": "ZeroDivisionError: division by zero",
    "await vmm.First(vmm.Delivered(9), vmm.Reach('nowhere'))": "VmmError: unknown symbol 'nowhere'",
    "await vmm.Reach(1 << 70)": "VmmError: address 0x400000000000000000 is outside 0-0xffffffffffffffff",
    "await 5": "TypeError",
}


@pytest.mark.parametrize("statement", ERRORS)
def test_an_error_of_whatever_class_is_the_scripts(statement, script, tmp_path):
    done = script(failing(statement))
    assert done.status == 3
    lines = done.err.splitlines()
    assert lines[0].startswith(f"vmm: the scenario failed: {ERRORS[statement]}")
    assert lines[1].startswith("vmm:   script.py:5 in scenario: ")
    assert "Traceback" not in done.err
    replay = package.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert (replay.verified, replay.machine.instructions) == (True, 100)
    assert json.loads((tmp_path / "run.json").read_text())["instructions"] == 100


@pytest.mark.parametrize("statement", ["sys.exit(5)", "raise BaseException('all')"])
def test_so_it_is_where_the_script_is_read(statement, script):
    done = script(f"import sys\n{statement}\nasync def scenario(m):\n    pass\n")
    assert done.status == 3
    assert done.err.splitlines()[1].startswith("vmm:   script.py:2 in <module>: ")


@pytest.mark.parametrize(
    ("signature", "said"), [("()", "too many positional arguments"), ("(m, n)", "missing a required argument: 'n'")]
)
def test_a_scenario_that_takes_something_else_than_the_machine_is_told_with_its_line(signature, said, script):
    done = script(f"import vmm\n\nasync def scenario{signature}:\n    {SPAN}\n")
    assert done.status == 3
    assert done.err.splitlines() == [
        f"vmm: the scenario failed: script.py:3: scenario is called with the machine, and nothing else: {said}"
    ]


def test_scenarios_that_wait_at_the_end_are_given_up_with_their_clean_up(script, tmp_path):
    text = """
import vmm
async def scenario_a(m):
    try:
        await vmm.Delivered(0x99)
    finally:
        m.memory.write(0x500, b"a")
        1 / 0
async def scenario_b(m):
    try:
        await vmm.Delivered(0x98)
    finally:
        m.memory.write(0x501, b"b")
        await vmm.Elapsed(insns=1)
"""
    done = script(text)
    assert done.status == 3
    assert "vmm:   script.py:14 in scenario_b: await vmm.Elapsed(insns=1)" in done.err
    assert [line for line in done.err.splitlines() if "never fired" in line] == [
        "vmm: never fired: scenario_a waits for Delivered(number=153)",
        "vmm: never fired: scenario_b waits for Delivered(number=152)",
    ]
    replay = package.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert (replay.verified, replay.machine.memory.read(0x500, 2)) == (True, b"ab")


@pytest.mark.parametrize(("code", "told"), [(0, False), (1, True)])  # of the guest's end, and of a limit
def test_a_scenario_that_only_lets_time_pass_is_no_warning_where_the_guest_has_ended(code, told, script):
    done = script("import vmm\nasync def scenario(m):\n    await vmm.Elapsed(s=1)\n", *["--max-insns", "2"] * code)
    assert ("never fired: scenario waits for Elapsed(s=1)" in done.err) is told


def test_a_scenario_whose_error_another_awaits_fails_nothing(script):
    text = """
import vmm
async def child(m):
    await vmm.Elapsed(insns=50)
    raise KeyError("child")
async def scenario(m):
    try:
        await m.start(child)
    except KeyError:
        m.end("exit", 9)
"""
    assert script(text).status == 9
