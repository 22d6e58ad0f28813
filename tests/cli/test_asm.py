"""`vmm asm`, and sources given to `vmm run`."""

from pathlib import Path

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


def test_an_error_in_a_source_is_shown_with_file_line_and_column(vmm, tmp_path):
    (tmp_path / "bad.S").write_text("    nop\n    frobnicate\n")
    for command in ("asm", "run"):
        status, out, err = vmm(command, "bad.S")
        assert (status, out) == (2, "")
        assert err.startswith("vmm: bad.S:2:5: ")
        assert err.count("\n") == 1
