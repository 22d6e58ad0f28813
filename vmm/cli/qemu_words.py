"""QEMU's options, a row each: what it is here, that it is always so, or its answer. All of QEMU 7.2's are there."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from vmm.errors import VmmError, unknown

NO_VALUE, VALUE = False, True
GDB = "vmm run IMAGE --gdb :1234 -S lets gdb attach: vmm help debugger"
MONITOR = "vmm run -it has a monitor at its terminal, by Ctrl-A c, and gdb has it, too: vmm help debugger"
SCREEN = "there is no window; the guest's serial port is standard output, and m.screen a pc's rows of text"
DISK = (
    "there is no disk; an image is in memory when it starts, and --initrd FILE gives a multiboot or Linux kernel more"
)
DRIVE = "there is no disk; vmm run FILE loads all of a disk image at 7C00h, as a boot sector"
FLASH = "there is no BIOS; firmware for ARM goes into flash: vmm run FILE --board virt --load-address 0"
NETWORK = "there is no network; a device of your own is a Python class: vmm help python"
DEVICES = "a board's devices are fixed (vmm help pc, vmm help virt); one of your own is a Python class, and m.attach"
KVM = "every instruction is emulated, on every host; there is no accelerator to choose"
HOST = "this is about QEMU's process on the host, and vmm has nothing like it"
TABLES = "a board's tables are its own; there is no option to change them"
TREE = "the machine makes its device tree itself and takes no other; --append is in it"
TRANSLATED = "vmm shows no translations; -d exec,cpu,in_asm logs what is executed"
SNAPSHOT = "snapshots are a script's: m.snapshot(), m.restore(...) (vmm help snapshots); --record writes a whole run"
SERIAL = "the first serial port is standard output (send it with > or |), and --input FILE, or -, types into it"


class Word(NamedTuple):
    """A row: whether a value follows, and what becomes of it, or its answer."""

    value: bool
    means: str | Callable[[str], list[str]]


def _always(_: str) -> list[str]:
    """It is so without being said."""
    return []


def _only(said: Sequence[str], otherwise: str) -> Callable[[str], list[str]]:
    """Always so for these values; the others have an answer."""

    def translate(value: str) -> list[str]:
        if value in said:
            return []
        raise VmmError(otherwise)

    return translate


def _image(value: str) -> list[str]:
    return [value]


def _gdb(value: str) -> list[str]:
    """QEMU's is a character device; one that listens says so, or is one for gdb anyway."""
    device, *options = value.split(",")
    if not device.startswith("tcp:") or options not in ([], ["server"], ["server=on"]):
        raise VmmError(GDB)
    return ["--gdb", device.removeprefix("tcp:")]


def _initrd(value: str) -> list[str]:
    """Modules are divided by commas, as QEMU takes them."""
    modules = [value] if _is_file(value) else value.split(",")
    return [word for module in modules for word in ("--initrd", module)]


def _is_file(name: str) -> bool:
    try:
        return Path(name).is_file()
    except OSError:
        return False


def _memory(value: str) -> list[str]:
    """In MiB where no unit is given."""
    match = re.fullmatch(r"(?:size=)?(\d+)([bkmgBKMG]?)", value)
    if not match:
        raise VmmError("vmm says --memory SIZE, such as 64M; all of it is there from the start")
    unit = match[2].upper()
    return ["--memory", f"{match[1]}{'' if unit == 'B' else unit or 'M'}"]


def _vcpus(value: str) -> list[str]:
    match = re.fullmatch(r"(?:cpus=)?(\d+)", value)
    if not match:
        raise VmmError("vmm says --smp N, up to 8; there are no sockets and threads to tell apart")
    return ["--smp", match[1]]


BOARDS = {
    "pc": {"hpet": "hpet"},
    "virt": {"gic-version": "gic", "virtualization": "virtualization", "secure": "secure"},
}
"""QEMU's machines that are boards here, and what their properties are called."""


def _board(value: str) -> list[str]:
    name, *properties = value.removeprefix("type=").split(",")
    if name.startswith(("q35", "pc-", "microvm", "isapc")):
        raise VmmError("vmm's PC is --board pc; what is on it: vmm help pc")
    if name not in BOARDS:
        raise VmmError(f"the boards are pc and virt, --board NAME; there is no {name!r}")
    options = [name]
    for text in properties:
        key, _, setting = text.partition("=")
        if text == "accel=tcg":
            continue
        if key not in BOARDS[name]:
            raise VmmError(f"no {key!r}; what board {name} can be is in vmm help {name}")
        options.append(f"{BOARDS[name][key]}={setting}")
    return ["--board", ",".join(options)]


def _cpu(value: str) -> list[str]:
    if value == "host":
        raise VmmError(f"{KVM}; --cpu max has the most features")
    return ["--cpu", value]


def _accelerator(value: str) -> list[str]:
    if value.partition(",")[0] != "tcg":
        raise VmmError(KVM)
    return []


def _device(value: str) -> list[str]:
    name, *properties = value.split(",")
    told = dict(text.partition("=")[::2] for text in properties)
    if name == "loader":
        raise VmmError("vmm says vmm run FILE --load-address ADDR; there is one image, and modules by --initrd")
    if name != "isa-debug-exit":
        raise VmmError(DEVICES)
    if told.get("iobase") not in ("0xf4", "0xF4", "244"):
        raise VmmError("isa-debug-exit is always there, at F4h; nowhere else")
    return []


def _drive(value: str) -> list[str]:
    raise VmmError(FLASH if "if=pflash" in value.split(",") else DRIVE)


def _icount(value: str) -> list[str]:
    if "rr=record" in value:
        raise VmmError("vmm says --record FILE")
    if "rr=replay" in value:
        raise VmmError("vmm replay FILE runs what --record FILE wrote")
    match = re.fullmatch(r"(?:shift=)?(\d+)", value)
    worth = f"insn_ns={1 << int(match[1])}" if match and int(match[1]) <= 10 else "insn_ns=N"
    raise VmmError(f"time always counts instructions, 10 ns each; --board pc,{worth} (or virt,) is another speed")


LOGS: dict[str, str] = {
    **dict.fromkeys(("guest_errors", "unimp"), "int"),  # among its lines
    **dict.fromkeys(("out_asm", "op", "op_opt", "op_ind"), TRANSLATED),
    **dict.fromkeys(("strace", "tid", "plugin"), HOST),
    "fpu": "cpu",
    "nochain": "",
    "cpu_reset": "there is no log of resets; a crash shows the registers, and a reset ends the run",
    "mmu": "there is no log of the MMU; -d int has every fault, with its address",
    "page": "there is no log of pages; -d int has every fault, with its address",
    "pcall": "there is no log of far calls; -d int has every delivery",
}
"""QEMU's items of -d: what each is here, which is nothing where it is always so, or its answer."""


def logged(text: str) -> list[str]:
    """The items of -d, a list with commas; VmmError where it asks for what there is not."""
    from vmm.cli.logged import ALL

    found: list[str] = []
    for item in text.split(","):
        if item.startswith("trace:"):
            raise VmmError(f"-d {item}: these are QEMU's own events; the items of -d are {', '.join(ALL)}")
        meant = LOGS.get(item, item)
        if " " in meant:
            raise VmmError(f"-d {item}: {meant}")
        if meant and meant not in ALL:
            raise unknown("item of -d", item, ALL)
        found += [meant] if meant else []
    return found


WORDS = {
    # what is run, and on what
    "kernel": Word(VALUE, _image),
    "append": Word(VALUE, lambda value: ["--append", value]),
    "initrd": Word(VALUE, _initrd),
    "m": Word(VALUE, _memory),
    "smp": Word(VALUE, _vcpus),
    "cpu": Word(VALUE, _cpu),
    "machine": Word(VALUE, _board),
    "M": Word(VALUE, _board),
    "dtb": Word(VALUE, TREE),
    "bios": Word(VALUE, FLASH),
    "pflash": Word(VALUE, FLASH),
    "accel": Word(VALUE, _accelerator),
    "enable-kvm": Word(NO_VALUE, KVM),
    "icount": Word(VALUE, _icount),
    "semihosting": Word(NO_VALUE, _always),
    "semihosting-config": Word(VALUE, _only(["enable=on", "enable=on,target=native"], "semihosting is always there")),
    "no-hpet": Word(NO_VALUE, "vmm says --board pc,hpet=off"),
    "no-acpi": Word(NO_VALUE, TABLES),
    # how it ends
    "no-reboot": Word(NO_VALUE, _always),
    "no-shutdown": Word(NO_VALUE, "power-off ends the run; in Python the machine is there when it is over"),
    "action": Word(VALUE, "power-off and reset end the run; --board pc,reset=reboot boots again"),
    # what it says, and what is seen of it
    "serial": Word(VALUE, _only(["stdio", "mon:stdio"], SERIAL)),
    "nographic": Word(NO_VALUE, _always),
    "display": Word(VALUE, _only(["none"], SCREEN)),
    "vga": Word(VALUE, _only(["none"], SCREEN)),
    **dict.fromkeys(("curses", "sdl", "gtk", "full-screen", "portrait", "no-quit"), Word(NO_VALUE, SCREEN)),
    **dict.fromkeys(("vnc", "spice", "rotate", "k"), Word(VALUE, SCREEN)),
    "debugcon": Word(VALUE, "what a guest writes to port E9h goes nowhere; its first serial port is standard output"),
    "parallel": Word(VALUE, _only(["none", "null"], "there is no parallel port")),
    "echr": Word(VALUE, "the escape key of vmm run -it is Ctrl-A"),
    "monitor": Word(VALUE, _only(["none", "null", "/dev/null"], MONITOR)),
    **dict.fromkeys(("qmp", "qmp-pretty", "mon", "chardev"), Word(VALUE, MONITOR)),
    "dfilter": Word(VALUE, "-d exec,in_asm -D FILE has every instruction; grep(1) finds some"),
    "singlestep": Word(NO_VALUE, "every instruction is a boundary of its own already"),
    "trace": Word(VALUE, "these are QEMU's own events; the guest's interrupts are written by --trace [FORMAT:]FILE"),
    "plugin": Word(VALUE, TRANSLATED),
    "gdb": Word(VALUE, _gdb),
    "loadvm": Word(VALUE, SNAPSHOT),
    "incoming": Word(VALUE, SNAPSHOT),
    "snapshot": Word(NO_VALUE, _always),
    "only-migratable": Word(NO_VALUE, SNAPSHOT),
    "dump-vmstate": Word(VALUE, SNAPSHOT),
    "seed": Word(VALUE, "nothing is left to chance; --seed N gives several vCPUs turns of other lengths"),
    "rtc": Word(VALUE, "the clock starts at one date in every run, and virtual time moves it"),
    # devices
    "device": Word(VALUE, _device),
    "drive": Word(VALUE, _drive),
    **dict.fromkeys(("fda", "fdb", "hda", "hdb", "hdc", "hdd"), Word(VALUE, DRIVE)),
    **dict.fromkeys(("cdrom", "blockdev", "mtdblock", "sd", "iscsi"), Word(VALUE, DISK)),
    **dict.fromkeys(("fsdev", "virtfs", "option-rom"), Word(VALUE, DISK)),
    "boot": Word(VALUE, "what is booted is IMAGE: there is one, and no firmware that could choose"),
    **dict.fromkeys(("netdev", "net", "nic"), Word(VALUE, _only(["none"], NETWORK))),
    **dict.fromkeys(
        (
            "usbdevice", "audio", "audiodev", "soundhw", "tpmdev", "watchdog", "watchdog-action", "object", "global",
            "set",
        ),
        Word(VALUE, DEVICES),
    ),
    **dict.fromkeys(("usb", "audio-help"), Word(NO_VALUE, DEVICES)),
    **dict.fromkeys(("numa", "fw_cfg", "acpitable", "smbios", "prom-env", "uuid", "compat"), Word(VALUE, TABLES)),
    # QEMU's process
    **dict.fromkeys(("nodefaults", "no-user-config", "no-fd-bootchk", "mem-prealloc"), Word(NO_VALUE, _always)),
    "name": Word(VALUE, _always),
    **dict.fromkeys(
        (
            "daemonize", "win2k-hack", "old-param", "enable-fips", "xen-attach", "xen-domid-restrict", "preconfig",
            "async-teardown", "enable-sync-profile",
        ),
        Word(NO_VALUE, HOST),
    ),
    **dict.fromkeys(
        (
            "mem-path", "add-fd", "pidfile", "overcommit", "chroot", "runas", "sandbox", "readconfig", "writeconfig",
            "L", "msg", "xen-domid", "tb-size",
        ),
        Word(VALUE, HOST),
    ),
    "version": Word(NO_VALUE, "vmm --version says it"),
    "help": Word(NO_VALUE, lambda _: ["--help"]),
}  # fmt: skip
