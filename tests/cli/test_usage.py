"""Bad input is one line on standard error, with the nearest right name, and exit status 2."""

import re
import subprocess
import sys

import pytest

from cli.tiny_guests import EXIT_0
from vmm.cli import COMMANDS, main


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([], f"vmm: no command; there are {', '.join(COMMANDS)}; see vmm --help"),
        (["rum"], "vmm: unknown command 'rum'; did you mean 'run'?"),
        (["--verison"], "vmm: unknown option '--verison'; did you mean '--version'?"),
        (["list", "--jsno"], "vmm: unknown option '--jsno'; did you mean '--json'?"),
        (["doctor", "extra"], "vmm: unexpected argument 'extra'; see vmm doctor --help"),
        (["doctor", "--jsom"], "vmm: unknown option '--jsom'; did you mean '--json'?"),
        (["asm"], "vmm: the following arguments are required: FILE; see vmm asm --help"),
        (["asm", "none.S"], "vmm: none.S: no such file"),
        (["run"], "vmm: the following arguments are required: IMAGE; see vmm run --help"),
        (["run", "--memroy", "1G"], "vmm: unknown option '--memroy'; did you mean '--memory'?"),
        (["run", "a", "--memroy=1G"], "vmm: unknown option '--memroy'; did you mean '--memory'?"),
        (["run", "a", "--memor", "1G"], "vmm: unknown option '--memor'; did you mean '--memory'?"),
        (["run", "a", "b"], "vmm: unexpected argument 'b'; see vmm run --help"),
        (["run", "a", "--append", "--quiet"], "vmm: argument --append: expected one argument; see vmm run --help"),
        (["run", "-"], "vmm: -: an image is a file, and is not read from standard input"),
        (["run", "a", "--append"], "vmm: argument --append: expected one argument; see vmm run --help"),
        (["run", "x86/helo"], "vmm: unknown bundled guest 'x86/helo'; did you mean 'x86/hello'?"),
        (["run", "none.elf"], "vmm: none.elf: no such file"),
        (["run", "none.S"], "vmm: none.S: no such file"),
        (["run", "."], "vmm: .: image expected, but this is a directory"),
    ],
)
def test_a_command_line_that_is_wrong_is_one_line(vmm, arguments, line):
    assert vmm(*arguments) == (2, "", line + "\n")


def test_an_architecture_nobody_knows_is_one_line(vmm, image):
    done = vmm("asm", image(b"", "mine.S"), "--arch", "amr64")
    assert done == (2, "", "vmm: unknown architecture 'amr64'; did you mean 'arm64'?\n")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--memory", "16Q"], "argument --memory: '16Q' is not a size such as 16M"),
        (["--memory", "5000"], "whole pages"),
        (["--memory", "900G"], "at most 3072M"),
        (["--memory", "64"], "at most 3072M; in MiB it is 64M"),
        (["--smp", "0"], "argument --smp: '0' is not a number from 1 on"),
        (["--smp", "9"], "--smp 9"),
        (["--seed", "-1"], "argument --seed: '-1' is not a number from 0 to 2^64-1"),
        (["--seed", str(1 << 64)], "argument --seed"),
        (["--max-insns", "many"], "argument --max-insns: 'many' is not a number such as 1000"),
        (["--max-time", "5 minutes"], "argument --max-time: '5 minutes' is not a time such as 5s"),
        (["--load-address", "0x100000000"], "argument --load-address"),
        (["--load-address", "0x7fffff0"], ""),
        (["--board", "cp"], "unknown board 'cp'; did you mean 'pc'?"),
        (["--board", "pc,pti=off"], "did you mean 'pit'?"),
        (["--board", "pc,pit"], "'pit' must be key=value"),
        (["--board", "pc,nic=on,nic=off"], "--board: nic is said twice, as 'on' and as 'off'"),
        (["--diagnose", "timing_leak"], "timing_leak needs a budget: timing_leak=SECRET"),
        (["--cpu", "mxa"], "unknown CPU 'mxa'; did you mean 'max'?"),
        (["--cpu", "max,+smapp"], "unknown CPU feature 'smapp'; did you mean 'smap'?"),
        (["-d", "itn"], "unknown item of -d 'itn'; did you mean 'int'?"),
        (["--append", "x=1"], "neither a command line nor modules; if it is for ARM, say --board virt"),
        (["--initrd", "none"], "neither a command line nor modules; if it is for ARM, say --board virt"),
        (["--board", "pc", "--append", "x=1"], "neither a command line nor modules"),
        (["--cpu", "cortex-a57"], "image.bin runs on an x86 machine; if it is for ARM, say --board virt"),
        (["--board", "vitr"], "unknown board 'vitr'; did you mean 'virt'?"),
        (["--board", "virt,gci=3"], "unknown option of board virt 'gci'; did you mean 'gic'?"),
        (["--board", "virt,gic=4"], "gic='4' must be 2 or 3"),
        (["--board", "virt,secure=yes"], "secure='yes' must be on or off"),
        (["--board", "virt", "--cpu", "cortex-a75"], "unknown ARM CPU 'cortex-a75'; did you mean 'cortex-a7"),
        (["--board", "virt", "--cpu", "cortex-a57,+sve"], "'+sve': ARM models have no features to choose"),
        (["--board", "virt,secure=on", "--cpu", "cortex-a15"], "need an AArch64 CPU"),
        (["--board", "virt", "--smp", "9"], "--smp 9: board virt has 1 to 8 vCPUs"),
        (["--summary", "none/summary.json"], "--summary none/summary.json: cannot write: No such file or directory"),
        (["--trace", "none/trace.json"], "--trace none/trace.json: cannot write: No such file or directory"),
        (["--trace", "."], "--trace .: cannot write: Is a directory"),
    ],
)
def test_a_wrong_value_is_one_line_before_anything_runs(vmm, image, options, words):
    path = image(EXIT_0 * 10)
    status, out, err = vmm("run", path, *options)
    assert (status, out) == (2, "")
    assert err.startswith("vmm: ")
    assert words in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["x86/hello", "--cpu", "cortex-a15"], ", and x86/hello runs on an x86 machine\n"),
        (["x86/hello", "--board", "virt"], "an x86 image; this machine is AArch64 (use --board pc)"),
        (["arm64/hello", "--board", "pc"], "an AArch64 image; this machine is x86 (use --board virt)"),
        (["arm64/hello", "--cpu", "cortex-a15"], "an AArch64 image; this machine is ARM (use --cpu cortex-a57)"),
        (["arm/hello", "--cpu", "max"], "an ARM image; this machine is AArch64 (use --cpu cortex-a15)"),
        (["arm64/helo"], "unknown bundled guest 'arm64/helo'; did you mean 'arm64/hello'?"),
        (["hello"], "'hello' is more than one bundled guest: arm/hello, arm64/hello, x86/hello"),
    ],
)
def test_an_image_for_another_machine_is_one_line_with_the_way_out(vmm, arguments, words):
    status, out, err = vmm("run", *arguments)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_of_every_command_has_examples(name, capsys):
    with pytest.raises(SystemExit) as ended:
        main([name, "--help"])
    assert ended.value.code == 0
    assert f"examples:\n  vmm {name}" in capsys.readouterr().out


def test_the_help_of_vmm_names_every_command(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    out = capsys.readouterr().out
    assert all(re.search(rf"^  {name} +{re.escape(text)}$", out, re.MULTILINE) for name, text in COMMANDS.items())


def test_python_m_vmm_is_the_same_command_line():
    done = subprocess.run([sys.executable, "-m", "vmm", "rum"], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "vmm: unknown command 'rum'; did you mean 'run'?\n"


def test_an_output_that_is_full_is_one_line():
    with open("/dev/full", "wb") as full:  # noqa: PTH123
        done = subprocess.run([sys.executable, "-m", "vmm", "list", "--json"], stdout=full, stderr=-1, check=False)
    assert (done.returncode, done.stderr) == (2, b"vmm: standard output: No space left on device\n")
