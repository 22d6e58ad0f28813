"""`vmm asm`, and sources given to `vmm run`."""

from pathlib import Path

import pytest

SOURCE = """#include "x86/guest.h"
    GUEST_PROTECTED32
    PRINT   "assembled\\n"
    POWER_OFF
"""


def test_a_source_is_assembled_and_its_image_runs(vmm, tmp_path):
    (tmp_path / "mine.S").write_text(SOURCE)
    assert vmm("asm", "mine.S") == (0, "mine.elf\n", "")
    assert vmm("run", "mine.elf", "--quiet") == (0, "assembled\n", "")


def test_the_image_goes_where_it_is_told(vmm, tmp_path):
    (tmp_path / "mine.S").write_text(SOURCE)
    assert vmm("asm", "mine.S", "-o", "other.elf").out == "other.elf\n"
    assert Path("other.elf").read_bytes()[:4] == b"\x7fELF"


def test_a_source_runs_in_one_step(vmm, tmp_path):
    (tmp_path / "mine.S").write_text(SOURCE)
    assert vmm("run", "mine.S", "--quiet") == (0, "assembled\n", "")


def test_a_source_is_for_the_architecture_of_its_header(vmm, tmp_path):
    (tmp_path / "mine.S").write_text('#include "arm64/guest.h"\n    GUEST\n    PRINT "assembled\\n"\n    POWER_OFF\n')
    assert vmm("asm", "mine.S").status == 0
    assert Path("mine.elf").read_bytes()[18] == 183  # e_machine: EM_AARCH64
    assert vmm("run", "mine.S", "--quiet") == (0, "assembled\n", "")


@pytest.mark.parametrize(("arch", "machine"), [("arm", 40), ("arm64", 183), ("x86", 3)])
def test_an_architecture_can_be_told(vmm, tmp_path, arch, machine):
    (tmp_path / "mine.S").write_text(".globl _start\n_start: nop\n")
    assert vmm("asm", "mine.S", "--arch", arch).status == 0
    assert Path("mine.elf").read_bytes()[18] == machine


def test_an_error_in_a_source_is_shown_with_file_line_and_column(vmm, tmp_path):
    (tmp_path / "bad.S").write_text("    nop\n    frobnicate\n")
    for command in ("asm", "run"):
        status, out, err = vmm(command, "bad.S")
        assert (status, out) == (2, "")
        assert err.startswith("vmm: bad.S:2:5: ")
        assert err.count("\n") == 1
