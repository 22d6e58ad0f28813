"""The changes that native/README.md shows are whole: each applied to a copy of the tree, and tried there."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import vmm._native

ROOT = Path(__file__).parents[2]
CHANGES = re.findall(r"^```diff\n(.*?)^```$", (ROOT / "native" / "README.md").read_text(), re.MULTILINE | re.DOTALL)
CONTROLLER, ARCHITECTURE, DEVICE = CHANGES
COMPILER = shlex.split(os.environ.get("CC", "cc"))

RING = """
#include <stdio.h>
#include "core/controller.h"
#include "core/vcpu.h"

static uint64_t nowhere(vmm_vcpu *v)
{
    (void)v;
    return 0;
}

static const struct vmm_arch NONE = {.pc = nowhere};

int main(void)
{
    vmm_machine *m = vmm_new();
    vmm_vcpu *v = vcpu_new(m, &NONE);
    m->current = v;
    int input = vmm_line_end(m, "doorbell"), registers = vmm_range_owner(m, "doorbell");
    if (!v || input < 0 || registers < 0)
        return 1;
    m->lines[9].sink[0] = (uint8_t)input;
    range_owner_of(m, (uint32_t)registers)->write(m, 0, NULL, 0, 1, 0x51);
    vmm_line_set(m, 9, 0, 1);
    printf("%#x %d\\n", v->inject_vector, !!(v->pending & VMM_PEND_INJECT));
    return 0;
}
"""
POST = """
from vmm import Config, Machine

m = Machine(Config())
m.memory.write(0x7C00, bytes.fromhex("b055 e680 f4"))  # mov al, 55h; out 80h, al; hlt
m.cpu.enter_real(0, 0x7C00, {})
m.run()
print(hex(m.board.devices["post_code"].code))
"""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    skipped = shutil.ignore_patterns("__pycache__", "*.so", "guests")
    shutil.copytree(ROOT / "native", tmp_path / "native", ignore=skipped)
    shutil.copytree(Path(vmm.__file__).parent, tmp_path / "vmm", ignore=skipped)
    return tmp_path


def apply(change: str, tree: Path) -> None:
    subprocess.run(["git", "apply", "-"], input=change, text=True, cwd=tree, check=True)


@pytest.mark.slow
def test_a_controller_is_a_folder_and_a_row(tree: Path) -> None:
    apply(CONTROLLER, tree)
    (tree / "ring.c").write_text(RING)
    sources = [str(path) for path in sorted((tree / "native").rglob("*.c"))]
    program = str(tree / "ring")
    flags = ["-std=c11", "-Wall", "-Wextra", "-Wshadow", "-Werror", "-I", str(tree / "native")]
    subprocess.run([*COMPILER, *flags, "-o", program, str(tree / "ring.c"), *sources, "-ldl"], check=True)
    assert subprocess.run([program], capture_output=True, text=True, check=True).stdout == "0x51 1\n"


def test_an_architecture_is_a_folder_and_a_row(tree: Path) -> None:
    """The folder is tests/house/toy, where test_a_third_architecture.py tries what this row makes of it."""
    apply(ARCHITECTURE, tree)
    names = "import vmm.arch; print(vmm.arch.named('toy').title)"
    assert python(names, tree, ROOT / "tests") == "Toy-32\n"


def test_a_device_is_a_file_and_a_row(tree: Path) -> None:
    apply(DEVICE, tree)
    assert python(POST, tree) == "0x55\n"


def python(code: str, tree: Path, *more: Path) -> str:
    """What it prints with the tree's own vmm, over the core that is compiled already."""
    shutil.copy(vmm._native.__file__, tree / "vmm")
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(map(str, (tree, *more)))}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=tree)
    assert done.returncode == 0, done.stderr
    return done.stdout
