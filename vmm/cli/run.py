"""`vmm run`: the guest's serial port on standard output, what happened on standard error."""

from __future__ import annotations

import argparse
import sys
import time
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from typing import IO, TYPE_CHECKING

from vmm.cli import BROKEN_PIPE, INTERRUPTED, quantities
from vmm.cli.output import OutputFile
from vmm.cli.parser import Parser
from vmm.errors import VmmError, unknown
from vmm.loaders import architecture

if TYPE_CHECKING:
    from vmm.catalog import Wants
    from vmm.cli.summary import Summary
    from vmm.machine import Machine
    from vmm.stops import Stop

DEFAULT_MEMORY = "128M"
"""As QEMU's pc; RAM that the guest never touches costs nothing."""
LOGS = ("int",)


def parser() -> Parser:
    parser = Parser(
        "vmm run",
        "Boot IMAGE and run it until it ends. Exit status: the guest's own; 0 power-off or reset; 124 a limit; "
        "125 shutdown, unmapped memory or idle for ever; 2 bad usage.",
        [
            "vmm run x86/pit_ticks",
            "vmm run arm64/sgi_ping_pong --seed 7",
            "vmm run my_isr.S -d int",
            "vmm run kernel.elf --append 'x=1' --initrd module --memory 64M",
            "vmm run Image --board virt,gic=3 --cpu cortex-a57 --smp 4",
            "vmm run code.bin --load-address 0x8000 --max-insns 1e6 --summary out.json",
            "vmm run code.bin --board virt --cpu cortex-a15",
            "vmm run x86/hello --cpu max,-smap --board pc,pit=off --quiet",
        ],
    )
    add = parser.add_argument
    files = "multiboot, ELF, arm64 Image, zImage, boot sector, flat, .S or .c"
    add("image", metavar="IMAGE", help=f"a file ({files}) or a bundled guest")
    add("--board", metavar="NAME[,key=value...]", help="the machine: pc or virt (what IMAGE is for; flat: pc)")
    add("--cpu", metavar="NAME[,+f,-f...]", help="CPU model; on x86 also CPUID features")
    smp = "vCPUs: one on pc, up to 8 on virt, which PSCI starts (1, or what a bundled guest wants)"
    add("--smp", type=quantities.positive, metavar="N", help=smp)
    add("--memory", type=quantities.size, default=DEFAULT_MEMORY, metavar="SIZE", help="RAM (%(default)s)")
    add("--append", default="", metavar="STR", help="the kernel's command line")
    add("--initrd", action="append", default=[], metavar="PATH", help="a module, or 'PATH arguments'; repeatable")
    add("--load-address", type=quantities.address, metavar="ADDR", help="IMAGE is flat and goes here")
    add("--max-insns", type=quantities.count, metavar="N", help="stop after so many instructions: 1e6, 1M")
    add("--max-time", type=quantities.duration, metavar="TIME", help="stop at this virtual time: 5s, 200ms")
    seed = "of the lengths of several vCPUs' turns; 0: all alike (%(default)s)"
    add("--seed", type=quantities.unsigned64, default=0, metavar="N", help=seed)
    add("--trace", type=Path, metavar="FILE", help="write every event as JSON")
    add("--summary", type=Path, metavar="FILE", help="write how the run ended as JSON")
    add("-d", dest="log", type=_log, metavar="int", help="a line for every interrupt, exception and guest error")
    add("--quiet", action="store_true", help="no report after the run")
    return parser


def main(options: argparse.Namespace) -> int:
    from vmm.catalog import resolve, wants
    from vmm.cli.summary import Summary
    from vmm.machine import Config, Machine

    console = Console(sys.stdout.buffer)
    image = resolve(options.image)
    wanted = wants(image)
    _check_fits(image, options, options.board or wanted.board)
    machine = Machine(
        Config(
            board=options.board or wanted.board,
            cpu=options.cpu or _cpu(options.board, wanted),
            smp=options.smp or wanted.smp,
            memory=options.memory,
            cmdline=options.append,
            seed=options.seed,
            console=console.write,
        )
    )
    machine.load(image, initrd=options.initrd, load_address=options.load_address)
    machine.limit(insns=options.max_insns, virtual_ns=options.max_time)
    with ExitStack() as files:
        summary_file = files.enter_context(OutputFile("--summary", options.summary)) if options.summary else None
        _record(machine, options, files)
        started = time.perf_counter()
        stop, status = _run(machine)
        machine.trace.drain()
        summary = Summary.of(machine, stop, time.perf_counter() - started)
        if summary_file:
            summary_file.write(summary.json())
    console.finish()
    if not options.quiet and status != BROKEN_PIPE:
        _report(machine, summary)
    return status


class Console:
    """The guest's serial port: bytes as they are, on their way at every end of line."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._last = b"\n"

    def write(self, data: bytes) -> None:
        self._file.write(data)
        self._last = data[-1:]
        if b"\n" in data:
            self._file.flush()

    def finish(self) -> None:
        """Send what is left; where both streams are one terminal, what follows begins a line."""
        self._file.flush()
        if self._last != b"\n" and self._file.isatty():
            print(file=sys.stderr)


def _check_fits(image: Path, options: argparse.Namespace, board: str) -> None:
    """VmmError for what is ARM's alone on a pc; a flat image has nowhere to say what it is for."""
    if board.partition(",")[0] != "pc":
        return
    told = architecture(image)
    remedy = "" if told else "; if it is for ARM, say --board virt"
    cpu = (options.cpu or "").partition(",")[0]
    if cpu.startswith("cortex-"):
        raise VmmError(f"--cpu {cpu}: this is an ARM CPU, and {image} runs on an x86 machine{remedy}")
    if not told and options.board is None and (options.append or options.initrd):
        raise VmmError(
            f"{image}: a flat image runs on an x86 machine, where it takes neither a command line nor modules{remedy}"
        )


def _cpu(board: str | None, wanted: Wants) -> str:
    """The image's, unless the user chose another board: then that board's default."""
    same = board is None or board.partition(",")[0] == wanted.board.partition(",")[0]
    return wanted.cpu if same else "default"


def _record(machine: Machine, options: argparse.Namespace, files: ExitStack) -> None:
    if options.trace:
        from vmm.cli.trace_file import TraceFile

        files.enter_context(TraceFile(files.enter_context(OutputFile("--trace", options.trace)), machine))
    if options.log:
        from vmm.cli.int_log import IntLog

        machine.trace.observe(IntLog(sys.stderr, machine))


def _run(machine: Machine) -> tuple[Stop, int]:
    """Why the run ended, and the exit status; a run that is cut short has a report, too."""
    try:
        stop = machine.run()
    except KeyboardInterrupt:
        return _cut(machine, "interrupted"), INTERRUPTED
    except BrokenPipeError:
        return _cut(machine, "nobody reads standard output"), BROKEN_PIPE
    return stop, stop.exit_status


def _cut(machine: Machine, why: str) -> Stop:
    pc = machine.cpu.pc
    return replace(machine.stop, reason="user", code=0, detail=f"{why} at {machine.where(pc)}", address=pc)


def _report(machine: Machine, summary: Summary) -> None:
    from vmm import postmortem
    from vmm.cli import guest_errors

    print(f"vmm: {summary.stop.reason}: {summary.stop.detail}", file=sys.stderr)
    if postmortem.is_crash(summary.stop):
        postmortem.show(machine, sys.stderr)
    summary.show_interrupts(sys.stderr)
    guest_errors.show(machine, sys.stderr)
    summary.show_totals(sys.stderr)


def _log(text: str) -> str:
    if text not in LOGS:
        raise unknown("log", text, LOGS)
    return text
