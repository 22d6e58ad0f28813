"""What type checkers make of a user's scripts: mypy's strict mode over each Python block of the documents and the
examples, their parameters annotated as a user would, and over what `vmm new` writes; and over scripts that are wrong,
each line of which must be found.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from vmm.cli import main
from vmm.cli.new import KINDS

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "tests" / "examples").glob("test_*.py"))
DOCUMENTS = sorted({ROOT / "README.md", *(ROOT / "vmm").rglob("*.md")} - {ROOT / "vmm" / "README.md"})
BLOCK = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)

CONFIGURATION = """
[mypy]
strict = true
cache_dir = .cache
[mypy-vmm.*]
follow_imports = silent
[mypy-cffi.*,capstone.*,elftools.*,fdt.*]
ignore_missing_imports = true
"""
TYPES = {
    "m": "vmm.Machine", "t": "vmm.Trap", "guest": "vmm.Machine", "machine": "vmm.testing.Machines",
    "boundary": "vmm.testing.Boundary", "exploration": "vmm.testing.Exploration",
}  # fmt: skip
"""What the documents call things, and what they are."""
IMPORTS = "from typing import Any\n\nimport vmm\nimport vmm.testing\nfrom vmm import *\n\n"
UNTYPED = re.compile(r"^( *(?:async )?def )(\w+)\(([^:()]*)\):", re.MULTILINE)


def annotated(script: str) -> str:
    """What is named in TYPES is of these; other parameters are of a test's own helpers, and may be anything."""

    def annotate(found: re.Match[str]) -> str:
        begin, name, inside = found.groups()
        parameters = [each.strip() for each in inside.split(",") if each.strip()]
        typed = (each if each == "self" else f"{each}: {TYPES.get(each, 'Any')}" for each in parameters)
        return f"{begin}{name}({', '.join(typed)}) -> {'None' if name == '__init__' else 'Any'}:"

    return f"{IMPORTS}{UNTYPED.sub(annotate, script)}"


RIGHT = '''
from typing_extensions import assert_type

import vmm


async def scenario(m: vmm.Machine) -> str:
    """What each `await` gives."""
    assert_type(await vmm.Reach("main"), None)
    assert_type(await vmm.Boundary("main", 3), None)
    assert_type(await vmm.Delivered(0x25), vmm.Event)
    assert_type(await vmm.Then(vmm.Reach("main"), vmm.Ended(5)), vmm.Event)
    assert_type(await vmm.Console("login:"), str)
    first = await vmm.First(vmm.Delivered(), vmm.Elapsed(insns=100))
    assert_type(first.result, vmm.Event | None)
    assert_type((await vmm.First(vmm.Delivered(), vmm.Ended(), vmm.Console("x"))).result, vmm.Event | str)
    assert_type(await vmm.Combine(vmm.Delivered(), vmm.Console("x")), tuple[vmm.Event, str])
    assert_type(await vmm.with_timeout(vmm.Returned(), us=5), vmm.Event)
    return (await vmm.Delivered()).source


async def outer(m: vmm.Machine) -> None:
    assert_type(await m.start(scenario), str)


m = vmm.boot("x86/first_isr", board="pc,pit=off", memory=8 << 20, console=None)
options: vmm.Options = {"smp": 2, "console": lambda data: None}
vmm.boot("x86/hello", **options)
assert_type(m.start(scenario), vmm.Task[str])
assert_type(m.run(until=vmm.Delivered(0x25)), vmm.Stop)
assert_type(m.run(until=lambda m: m.cpu.halted).reason, str)
assert_type(m.cpu["eip"], int)
assert_type(m.cpu.cpl, int)
assert_type(m.cpu.el, int)
x86: vmm.X86 = m.cpu
assert_type(x86.shadow, str | None)


@m.trap(vmm.Int(0x80))
def answer(t: vmm.Trap) -> str:
    t.cpu["eax"] = t.cpu["ebx"]
    return vmm.DONE


def test(machine: vmm.testing.Machines, boundary: vmm.testing.Boundary) -> None:
    assert_type(machine("a.S", smp=2, prepare=lambda m: m.irq(5).raise_()), vmm.Machine)
    assert_type(boundary.machine.irq(4).pulse(), None)


def explored(exploration: vmm.testing.Exploration) -> None:
    assert_type(exploration.report, vmm.Report)
    assert_type(exploration.run([vmm.testing.At(5, 0, "irq:4")]), vmm.Machine)
'''
WRONG = {
    'vmm.boot("x86/hello", mmory=1)': 'Unexpected keyword argument "mmory" for "boot"; did you mean "memory"?',
    'vmm.boot("x86/hello", smp="2")': 'Argument "smp" to "boot" has incompatible type "str"; expected "int"',
    'vmm.boot("x86/hello", console="err")': """Argument "console" to "boot" has incompatible type "Literal['err']\"""",
    'machine("a.S", sed=1)': 'Unexpected keyword argument "sed" for "__call__" of "Machines"; did you mean "seed"?',
    "m.cpu.halt": '"Cpu" has no attribute "halt"',
    "arm: vmm.Arm = m.cpu; arm.cpl": '"Arm" has no attribute "cpl"',
    'm.cpu["eip"].bit': '"int" has no attribute "bit"',
    "m.runs(insns=1)": '"Machine" has no attribute "runs"',
    "m.run(until=vmm.Reach)": 'Argument "until" to "run" of "Machine" has incompatible type "type[Reach]"',
    "m.irq(5).puls()": '"IrqLine" has no attribute "puls"; maybe "pulse"?',
    "m.run().reson": '"Stop" has no attribute "reson"; maybe "reason"?',
    "vmm.Raech('main')": 'Module has no attribute "Raech"; maybe "Reach"?',
    "(await vmm.Delivered(5)).vektor": '"Event" has no attribute "vektor"',
    "await vmm.Delivered(5).number": 'Incompatible types in "await"',
}
HEAD = "import vmm\nimport vmm.testing\n\n\nasync def wrong(m: vmm.Machine, machine: vmm.testing.Machines) -> None:\n"


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    """All that mypy says, once: lines by file."""
    scripts = tmp_path_factory.mktemp("scripts")
    (scripts / "mypy.ini").write_text(CONFIGURATION)
    for path in EXAMPLES:
        (scripts / path.name).write_text(annotated(path.read_text()))
    for kind in KINDS:
        name = kind.replace("-", "_")
        main(["new", str(scripts / name), "--kind", kind])
        for path in (scripts / name).glob("*.py"):
            (scripts / f"{name}_{path.name}").write_text(path.read_text())
    whole = [path.read_text() for path in scripts.glob("*.py")]
    for number, path in enumerate(DOCUMENTS):
        for place, block in enumerate(BLOCK.findall(path.read_text())):
            if not any(block in text for text in whole):  # a tour shows a part of what `vmm new` wrote
                (scripts / f"block_{number}_{place}.py").write_text(annotated(block))
    (scripts / "right.py").write_text(f"import vmm.testing\n{RIGHT}")
    (scripts / "wrong.py").write_text(HEAD + "".join(f"    {line}\n" for line in WRONG))
    environment = {name: value for name, value in os.environ.items() if name not in ("LD_PRELOAD", "ASAN_OPTIONS")}
    done = subprocess.run(
        [sys.executable, "-m", "mypy", "--no-error-summary", *sorted(path.name for path in scripts.glob("*.py"))],
        capture_output=True, text=True, cwd=scripts, env={**environment, "MYPYPATH": str(ROOT)},
    )  # fmt: skip
    assert done.stderr == ""
    lines: dict[str, list[str]] = {}
    for line in done.stdout.splitlines():
        lines.setdefault(line.partition(":")[0], []).append(line)
    return lines


def test_scripts_that_are_right_are_right(said):
    assert said.keys() <= {"wrong.py"}, "\n".join(line for name in said if name != "wrong.py" for line in said[name])


@pytest.mark.parametrize("line", WRONG)
def test_a_slip_is_found_with_what_was_meant(said, line):
    number = len(HEAD.splitlines()) + list(WRONG).index(line) + 1
    found = [each for each in said["wrong.py"] if each.startswith(f"wrong.py:{number}: error: ")]
    assert any(WRONG[line] in each for each in found), found or said["wrong.py"]
