"""Which tool assembles and links, and what is said where there is none."""

import os
import subprocess
import sys

import pytest

from toolchain.sources import HEADER, fake
from vmm import toolchain
from vmm.errors import VmmError
from vmm.toolchain import assemble, find


@pytest.fixture
def no_ziglang(monkeypatch):
    monkeypatch.setattr(toolchain.importlib.util, "find_spec", lambda name: None)


def test_without_any_tool_the_error_names_the_package_that_brings_one(source, monkeypatch, no_ziglang):
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(toolchain, "into_python", lambda package: f"its-pip install {package}")
    with pytest.raises(VmmError, match=r"^no assembler for x86 found; to install one: its-pip install ziglang$"):
        assemble(source(HEADER))
    monkeypatch.setattr(toolchain, "into_system", lambda *packages: f"apt-get install {' '.join(packages)}")
    with pytest.raises(VmmError, match=r"its-pip install ziglang, or apt-get install clang lld$"):
        assemble(source(HEADER))
    for name in ("into_python", "into_system"):
        monkeypatch.setattr(toolchain, name, lambda *packages: None)
    with pytest.raises(VmmError, match="install clang and lld with the system's package manager, or ziglang into a"):
        assemble(source(HEADER))


def test_the_assembler_that_python_has_needs_no_path(source, tmp_path):
    environment = {name: value for name, value in os.environ.items() if name != "VMM_CC"} | {"PATH": ""}
    command = [sys.executable, "-m", "vmm", "asm", source(HEADER + "hlt\n"), "-o", tmp_path / "my.elf"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{tmp_path / 'my.elf'}\n", "")


def fake_compiler(directory, name, linker, *, works=True, sound=True):
    """A compiler that names its linker, and that assembles or refuses what it should, or not."""
    fake(
        directory,
        name,
        f"if '-print-prog-name={linker}' in sys.argv: print('ld')\n"
        f"sys.exit({not works} or ({sound} and 'refused.s' in sys.argv))",
    )


@pytest.mark.slow
def test_tools_are_tried_in_order_and_one_that_does_not_work_is_passed_over(tmp_path, monkeypatch, no_ziglang):
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "ld", "")
    fake_compiler(tmp_path, "clang", "ld.lld", sound=False)
    fake_compiler(tmp_path, "gcc", "ld", works=False)
    fake_compiler(tmp_path, "i686-linux-gnu-gcc", "ld")
    assert find() == toolchain.Tool(("i686-linux-gnu-gcc",), ("ld",))
    fake_compiler(tmp_path, "gcc", "ld")
    assert find().compiler == ("gcc", "-m32")
    fake_compiler(tmp_path, "clang", "ld.lld")
    assert find().compiler == ("clang", "--target=i386-unknown-none-elf")


def test_a_compiler_whose_linker_cannot_link_for_the_target_is_passed_over(tmp_path, monkeypatch, no_ziglang):
    monkeypatch.setenv("PATH", str(tmp_path))
    fake_compiler(tmp_path, "gcc", "ld")
    fake(tmp_path, "ld", "sys.exit(1)")
    with pytest.raises(VmmError, match="no assembler for x86 found"):
        find()


@pytest.mark.slow
def test_a_gcc_of_another_architecture_is_passed_over(tmp_path, monkeypatch, no_ziglang):
    monkeypatch.setenv("PATH", str(tmp_path))
    fake(tmp_path, "ld", "")
    for name, only in (("gcc", "elr_el1"), ("arm-none-eabi-gcc", "spsr")):
        fake(
            tmp_path,
            name,
            "if '-print-prog-name=ld' in sys.argv: print('ld')\n"
            f"if 'accepted.s' in sys.argv: sys.exit({only!r} not in open('accepted.s').read())\n"
            "sys.exit('refused.s' in sys.argv)",
        )
    assert find("arm64").compiler == ("gcc",)
    assert find("arm").compiler[0] == "arm-none-eabi-gcc"
    with pytest.raises(VmmError, match="no assembler for x86 found"):
        find("x86")


def test_vmm_cc_comes_first_and_may_carry_options(tmp_path, monkeypatch):
    fake(tmp_path, "mycc", "print('myld')")
    monkeypatch.setenv("VMM_CC", f"'{tmp_path}/mycc' -m32")
    assert find() == toolchain.Tool((f"{tmp_path}/mycc", "-m32"), ("myld",))


@pytest.mark.parametrize(
    ("name", "linker", "options"),
    [("clang-14", "ld.lld", ("--target=i386-unknown-none-elf",)), ("x86_64-linux-gnu-gcc", "ld", ("-m32",))],
)
def test_a_vmm_cc_without_options_gets_those_that_the_architecture_needs(tmp_path, monkeypatch, name, linker, options):
    fake_compiler(tmp_path, name, linker)
    monkeypatch.setenv("VMM_CC", str(tmp_path / name))
    assert find() == toolchain.Tool((str(tmp_path / name), *options), ("ld",))


def test_a_vmm_cc_that_does_not_exist_is_one_line(monkeypatch):
    monkeypatch.setenv("VMM_CC", "/nowhere/cc -m32")
    with pytest.raises(VmmError, match="VMM_CC: /nowhere/cc: no such program"):
        find()
