"""Commands and options of other tools are answered with what vmm calls it; no guess by letters misleads."""

import pytest

from cli.tiny_guests import POWER_OFF
from vmm.cli import COMMANDS, habits
from vmm.cli.run import parser

COMMAND_LINES = {
    "boot k.elf": "vmm: boot: vmm run IMAGE boots one\n",
    "gdb k.elf": "vmm: gdb: vmm run IMAGE --gdb :1234 -S lets gdb attach: ",
    "debug k.elf": "vmm: debug: vmm run IMAGE --gdb :1234 -S lets gdb attach: ",
    "test": "vmm: test: pytest runs tests, with vmm's fixtures: vmm help tests\n",
    "record x86/hello": "vmm: record: vmm run IMAGE --record FILE writes a recording\n",
    "version": "vmm: version: vmm --version says it\n",
    "-V": "vmm: -V: vmm --version says it\n",
    "ls": "vmm: ls: vmm list shows the bundled guests\n",
    "image.bin": "vmm: image.bin: a command comes first: vmm run image.bin\n",
    "x86/hello": "vmm: x86/hello: a command comes first: vmm run x86/hello\n",
    "--quiet run x86/hello": "vmm: --quiet: a command comes first: vmm run --quiet ...\n",
    "-d int run x86/hello": "vmm: -d: a command comes first: vmm run -d ...\n",
    "qemu-system-i386 -kernel k": "vmm: qemu-system-i386: vmm run takes QEMU's options, without the program's name\n",
    "list --arch x86": "vmm: --arch: vmm list ARCH|WORD lists some, vmm list all\n",
    "run image.bin -nographics": "vmm: -nographics: QEMU has no such option, either; did you mean -nographic?\n",
    "run x86/pit": "vmm: unknown bundled guest 'x86/pit'; did you mean 'x86/pit_ticks'?\n",
    "run X86/HELLO": "vmm: unknown bundled guest 'X86/HELLO'; did you mean 'x86/hello'?\n",
    "run x86/hello --cpu arm64": "vmm: unknown CPU 'arm64' (known: ",
    "asm image.asm": "vmm: image.asm: not a source file; expected one of .S, .s, .c; what is nasm's it assembles: ",
    "xyzzy": "vmm: unknown command 'xyzzy' (known: ",
    "run image.bin --timeout 5": "vmm: --timeout: --max-time TIME limits virtual time, --max-insns N instructions; ",
    "run image.bin -v": "vmm: -v: -d int has a line for each interrupt, --trace FILE every event\n",
    "run image.bin --verbose": "vmm: --verbose: -d int has a line for each interrupt",
    "run image.bin --debug": "vmm: --debug: vmm run IMAGE --gdb :1234 -S lets gdb attach: ",
    "run image.bin --break main": "vmm: --break: vmm run IMAGE --gdb :1234 -S lets gdb attach: ",
    "run image.bin --ram 64M": "vmm: --ram: vmm says --memory SIZE, such as 64M\n",
    "run image.bin --mem 64M": "vmm: --mem: vmm says --memory SIZE, such as 64M\n",
    "run --image image.bin": "vmm: --image: the image has no option before it: vmm run IMAGE\n",
    "run image.bin -o out": "vmm: -o: the guest's serial port is standard output; --trace, --summary and --record ",
    "run image.bin --gic 3": "vmm: --gic: vmm says --board virt,gic=3\n",
    "run image.bin --xyzzy": "vmm: unknown option '--xyzzy' (known: ",
    "run image.bin --board PC2": "vmm: unknown board 'PC2'; did you mean 'pc'?\n",
}


@pytest.mark.parametrize("words", COMMAND_LINES)
def test_what_another_tool_has_is_answered(vmm, image, words):
    image(POWER_OFF)
    image(b"hlt\n", "image.asm")
    status, out, err = vmm(*words.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert err.startswith(COMMAND_LINES[words])


def test_nothing_of_ours_is_answered_as_if_it_were_not():
    ours = parser()
    assert [name for name in habits.OPTIONS if ours.follow(name) is not None] == []
    assert habits.COMMANDS.keys() & COMMANDS.keys() == set()
