"""QEMU's options for `vmm run`: understood where there is a true equal, else answered in one line."""

import pytest

from cli.tiny_guests import POWER_OFF, SPIN
from vmm.cli.qemu_words import WORDS
from vmm.cli.run import parser

OPTIONS = """
h help version machine M cpu accel smp numa add-fd set global boot m mem-path mem-prealloc k audio-help audio audiodev
device name uuid fda fdb hda hdb hdc hdd cdrom blockdev drive mtdblock sd snapshot fsdev virtfs iscsi usb usbdevice
display nographic spice portrait rotate vga full-screen vnc win2k-hack no-fd-bootchk no-acpi no-hpet acpitable smbios
netdev nic net chardev tpmdev bios pflash kernel append initrd dtb compat fw_cfg serial parallel monitor qmp qmp-pretty
mon debugcon pidfile singlestep preconfig S overcommit gdb s d D dfilter seed L enable-kvm xen-domid xen-attach
xen-domid-restrict no-reboot no-shutdown action loadvm daemonize option-rom rtc icount watchdog-action echr incoming
only-migratable nodefaults chroot prom-env semihosting semihosting-config old-param sandbox readconfig no-user-config
trace plugin async-teardown runas msg dump-vmstate enable-sync-profile object
"""
"""All that `qemu-system-x86_64 -help` and `qemu-system-aarch64 -help` of QEMU 7.2 list."""

KERNEL = ["run", "-kernel", "image.bin"]
EQUAL = [
    ("-kernel image.bin", "image.bin"),
    ("--kernel image.bin", "image.bin"),
    ("qemu-system-i386 -kernel image.bin", "image.bin"),
    ("--kernel=image.bin -m=64", "image.bin --memory 64M"),
    ("image.bin -m 64", "image.bin --memory 64M"),
    ("image.bin -m 64M", "image.bin --memory 64M"),
    ("image.bin -m size=1G", "image.bin --memory 1G"),
    ("image.bin -smp 2", "image.bin --smp 2"),
    ("image.bin -smp cpus=2", "image.bin --smp 2"),
    ("image.bin -cpu max,-smap", "image.bin --cpu max,-smap"),
    ("image.bin -M pc", "image.bin --board pc"),
    ("image.bin -machine type=pc,accel=tcg,hpet=off", "image.bin --board pc,hpet=off"),
    ("image.bin -m 1 -d int,guest_errors", "image.bin --memory 1M -d int,guest_errors"),
    ("image.bin -nographic -no-reboot", "image.bin (-nographic, -no-reboot: always so)"),
    ("-display none -serial mon:stdio image.bin", "image.bin (-display, -serial: always so)"),
    ("image.bin -device isa-debug-exit,iobase=0xf4,iosize=0x04", "image.bin (-device: always so)"),
    (
        "image.bin -monitor none -vga none -net none -accel tcg,thread=single",
        "image.bin (-monitor, -vga, -net, -accel: always so)",
    ),
]
ANSWERED = {
    "-gdb stdio": "-gdb stdio: vmm run IMAGE --gdb :1234 -S lets gdb attach",
    "-gdb tcp:h:1,ipv4=on": "-gdb tcp:h:1,ipv4=on: vmm run IMAGE --gdb :1234 -S lets gdb attach",
    "-dtb my.dtb": "-dtb: the machine makes its device tree itself",
    "-bios fw.bin": "-bios: there is no BIOS; firmware for ARM goes into flash: vmm run FILE --board ",
    "-drive if=pflash,format=raw,file=fw": "there is no BIOS; firmware for ARM goes into flash: vmm run FILE --board",
    "-device loader,file=x,addr=0x1000": "vmm says vmm run FILE --load-address ADDR",
    "-drive file=d.img,format=raw": "raw: there is no disk; vmm run FILE loads all of a disk image at 7C00h",
    "-hda d.img": "-hda: there is no disk",
    "-cdrom os.iso": "-cdrom: there is no disk",
    "-device e1000": "-device e1000: a board's devices are fixed",
    "-device isa-debug-exit,iobase=0x501": "isa-debug-exit is always there, at F4h",
    "-netdev user,id=n": "-netdev user,id=n: there is no network",
    "-display gtk": "-display gtk: there is no window",
    "-vnc :1": "-vnc: there is no window",
    "-monitor stdio": "-monitor stdio: vmm run -it has a monitor at its terminal, by Ctrl-A c",
    "-serial file:out": "-serial file:out: the first serial port is standard output (send it with > or |), and --input",
    "-M q35": "-M q35: vmm's PC is --board pc",
    "-M raspi2b": "-M raspi2b: the boards are pc and virt, --board NAME; there is no 'raspi2b'",
    "-M virt,highmem=off": "-M virt,highmem=off: no 'highmem'; what board virt can be is in vmm help virt",
    "-smp 4,sockets=2": "-smp 4,sockets=2: vmm says --smp N, up to 8",
    "-m 64,slots=2": "-m 64,slots=2: vmm says --memory SIZE",
    "-accel kvm": "-accel kvm: every instruction is emulated",
    "-cpu host": "-cpu host: every instruction is emulated, on every host; there is no accelerator to choose",
    "-enable-kvm": "-enable-kvm: every instruction is emulated",
    "-icount shift=3": "-icount shift=3: time always counts instructions, 10 ns each; --board pc,insn_ns=8",
    "-icount shift=auto,rr=record,rrfile=x": "vmm says --record FILE",
    "-d out_asm": "-d out_asm: vmm shows no translations; -d exec,cpu,in_asm logs what is executed",
    "-d int,trace:x": "-d trace:x: these are QEMU's own events; the items of -d are int, exec, cpu, in_asm",
    "-d mmu": "-d mmu: there is no log of the MMU; -d int has every fault",
    "-trace events=x": "-trace: these are QEMU's own events",
    "-no-hpet": "-no-hpet: vmm says --board pc,hpet=off",
    "-loadvm x": "-loadvm: snapshots are a script's",
    "-daemonize": "-daemonize: this is about QEMU's process on the host",
    "-kernel": "argument -kernel: expected one argument",
}


def test_every_option_of_qemu_has_a_row_or_is_ours():
    ours = parser()
    assert [name for name in OPTIONS.split() if name not in WORDS and ours.follow(f"-{name}") is None] == []


@pytest.mark.parametrize(("words", "told"), EQUAL)
def test_those_with_an_equal_run_and_say_what_they_are_here(vmm, image, words, told):
    image(POWER_OFF)
    done = vmm("run", *words.split())
    assert done.err.startswith(f"vmm: in vmm's words: vmm run {told}\nvmm: poweroff: ")
    assert done.status == 0


def test_what_is_told_runs_the_same(vmm, image):
    image(SPIN)
    theirs = vmm("run", "-kernel", "image.bin", "-m", "2", "-no-reboot", "--max-insns", "50", "--summary", "a")
    ours = vmm("run", "image.bin", "--memory", "2M", "--max-insns", "50", "--summary", "b")
    assert (theirs.status, ours.status) == (124, 124)
    assert theirs.err.splitlines()[1] == ours.err.splitlines()[0]


def test_quiet_tells_nothing(vmm, image):
    image(POWER_OFF)
    assert vmm(*KERNEL, "-nographic", "--quiet") == (0, "", "")


def test_a_kernels_command_line_and_modules_are_quoted_for_a_shell(vmm, tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)
    done = vmm("run", "-kernel", "x86/hello", "-append", "x=1 y", "-initrd", "a,b one")
    told = done.err.splitlines()[0]
    assert told == "vmm: in vmm's words: vmm run x86/hello --append 'x=1 y' --initrd a --initrd 'b one'"
    assert done.status == vmm("run", "x86/hello").status


@pytest.mark.parametrize("words", ANSWERED)
def test_every_other_has_its_answer_in_one_line(vmm, image, words):
    image(POWER_OFF)
    status, out, err = vmm("run", "image.bin", *words.split())
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert ANSWERED[words] in err
    assert "did you mean" not in err


@pytest.mark.parametrize("name", [name for name in WORDS if name != "help"])
def test_no_row_guesses_a_letter(vmm, name):
    err = vmm("run", "none.elf", f"-{name}", "value").err
    assert "did you mean" not in err
    assert "unknown option" not in err


def test_the_value_of_an_option_of_ours_is_no_word_of_qemus(vmm, image):
    image(POWER_OFF)
    done = vmm("run", "image.bin", "--scenario", "-kernel")
    assert done.err == "vmm: --scenario -kernel: No such file or directory\n"
    assert vmm("run", "--max-insns", "5", "--", "-kernel").err.startswith("vmm: -kernel: no such file")


def test_without_a_command_the_command_is_named(vmm):
    assert vmm(*KERNEL[1:]) == (2, "", "vmm: -kernel: a command comes first: vmm run -kernel ...\n")
