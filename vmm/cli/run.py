"""`vmm run`: the guest's serial port on standard output, what happened on standard error."""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from vmm import loaders, quantities
from vmm.arch import DEFAULT, every, named
from vmm.cli import BROKEN_PIPE, SCRIPT_FAILED, debugger, logged, session
from vmm.cli.outcome import Outcome
from vmm.cli.parser import Parser
from vmm.errors import VmmError
from vmm.machine.options import GEAR, GEARS, MEMORY, PRECISE
from vmm.output import Outputs

if TYPE_CHECKING:
    from vmm.cli import scripted
    from vmm.cli.interactive import Interactive
    from vmm.cli.run_loop import Typed
    from vmm.core.stops import Stop
    from vmm.inputs.console import Taker
    from vmm.inputs.recorder import Recorder
    from vmm.machine.machine import Machine


OF_IMAGES = (
    "board", "cpu", "smp", "memory", "append", "initrd", "load_address", "seed", "gear", "max_insns", "max_time",
    "scenario", "input", "record",
)  # fmt: skip
EXIT_STATUS = """\
exit status:
  the guest's own
  0    power-off or reset
  1    a verdict of --diagnose is certain
  2    bad usage
  3    the script of --scenario failed
  124  a limit; under timeout(1) also that its time was up, unless it is told
       --preserve-status: then that is 143
  125  shutdown, unmapped memory or idle for ever
  129, 130, 143  SIGHUP, Ctrl-C, SIGTERM: what a run leaves is written
  all of them, beside those of timeout(1) and the shell: vmm help commands"""


class RunParser(Parser):
    """That knows QEMU's words; who writes ours alone does not wait for them."""

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        told = None
        if any(word.startswith(("-", "qemu-")) and self.follow(word) is None for word in words):
            from vmm.cli import qemu

            if translation := qemu.translated(words, self.follow):
                words, told = translation.words, translation.told(self.prog)
        options = super().parse(words)
        options.told = told
        return options


def parser() -> Parser:
    parser = RunParser(
        "vmm run",
        "Boot IMAGE and run it until it ends. QEMU's options are understood, too.\n\n" + EXIT_STATUS,
        [
            "vmm run x86/pit_ticks",
            "vmm run arm64/sgi_ping_pong --seed 7",
            "vmm run my_isr.S -d int --trace jsonl:events.jsonl",
            "vmm run kernel.elf --append 'x=1' --initrd module --memory 64M",
            "vmm run Image --board virt,gic=3 --cpu cortex-a57 --smp 4",
            "vmm run code.bin --load-address 0x8000 --max-insns 1e6 --summary out.json",
            "vmm run code.bin --board virt --cpu cortex-a15",
            "vmm run x86/hello --cpu max,-smap --board pc,pit=off --quiet",
            "vmm run my_isr.S --scenario late_edge.py --record late_edge.vmmrec",
            "vmm run shell.elf --input -",
            "vmm run kernel.elf --diagnose all",
            "vmm run x86/pit_ticks -s -S",
            "vmm run cases/missing_eoi/arm64 --variant fixed",
        ],
        answer=of_others,
    )
    add_machine(parser)
    add_gear(parser)
    add_limits(parser)
    _add_run(parser)
    session.add_options(parser)
    return parser


def add_machine(parser: Parser) -> None:
    """IMAGE, and what it is to run on."""
    add = parser.add_argument
    files = "multiboot, ELF, bzImage, arm64 Image, zImage, boot sector, flat, .S or .c"
    add("image", metavar="IMAGE", help=f"a file ({files}) or a bundled guest")
    add("--board", metavar="NAME[,key=value...]", help="the machine: pc or virt (what IMAGE is for; flat: pc)")
    add("--cpu", metavar="NAME[,+f,-f...]", help="CPU model; on x86 also CPUID features")
    smp = "vCPUs, up to 8; the guest starts all but the first (1, or what a bundled guest wants)"
    add("--smp", type=quantities.positive, metavar="N", help=smp)
    add("--memory", type=quantities.size, default=MEMORY, metavar="SIZE", help=f"RAM ({MEMORY >> 20}M)")
    add("--append", default="", metavar="STR", help="the kernel's command line, dashes in front or not")
    add("--initrd", action="append", default=[], metavar="PATH", help="a module, or 'PATH arguments'; repeatable")
    add("--load-address", type=quantities.address, metavar="ADDR", help="IMAGE is flat and goes here")
    seed = "of the lengths of several vCPUs' turns; 0: all alike (%(default)s)"
    add("--seed", type=quantities.unsigned64, default=0, metavar="N", help=seed)


def add_gear(parser: Parser) -> None:
    gear = f"look before each instruction, or each block of them; a run is the same in both ({GEAR})"
    parser.add_argument("--gear", choices=GEARS, help=gear)


def add_limits(parser: Parser) -> None:
    """How far it runs, and what plays beside it."""
    add = parser.add_argument
    add("--max-insns", type=quantities.count, metavar="N", help="stop after so many instructions: 1e6, 1M")
    add("--max-time", type=quantities.duration, metavar="TIME", help="stop at this virtual time: 5s, 200ms")
    script = "run every `async def scenario…(m)` of this Python file beside the guest"
    add("--scenario", type=Path, metavar="FILE", help=script)
    add("--input", metavar="FILE", help="send its bytes to the first serial port; -: standard input, as it is typed")


def _add_run(parser: Parser) -> None:
    add = parser.add_argument
    terminal = "a terminal's keys go to the first serial port as they are typed; Ctrl-A h: help, monitor, end"
    add("-it", "-i", "-t", dest="interactive", action="store_true", help=terminal)
    add("--record", type=Path, metavar="FILE", help="write a recording, for vmm replay and vmm bisect")
    debugger.add_options(parser)
    add("--variant", metavar="NAME", help="of a case (vmm list): broken, or fixed")
    add_coverage(parser)


def add_coverage(parser: Parser) -> None:
    """`--coverage`."""
    coverage = "write which boundaries had which interrupt delivered, for vmm coverage"
    parser.add_argument("--coverage", type=Path, metavar="FILE", help=coverage)


def refuse_of_images(options: argparse.Namespace) -> None:
    """VmmError for one of the options above, which mean nothing to a recording."""
    for name in OF_IMAGES:
        if getattr(options, name, None) not in (None, 0, "", [], MEMORY):
            option = f"--{name.replace('_', '-')}"
            raise VmmError(f"{option}: a recording has its own machine, and all that was done to it")


def of_others(name: str) -> str | None:
    """What is said to who writes another tool's option."""
    from vmm.cli import habits

    return habits.option(name)


def main(options: argparse.Namespace) -> int:
    from vmm.catalog import case_named

    if case := case_named(options.image, options.variant):
        from vmm.cli import cases

        return cases.play(options, case, play)
    if options.variant is not None:
        raise VmmError(f"--variant {options.variant}: {options.image} is no case; vmm list shows those there are")
    return play(options).status


def play(options: argparse.Namespace) -> Outcome:
    """Boot and run."""
    with ExitStack() as opened:
        return _play(options, opened)


def _play(options: argparse.Namespace, opened: ExitStack) -> Outcome:
    from vmm.cli.run_loop import go, progress
    from vmm.report.summary import Summary

    if options.told and not options.quiet:
        print(f"vmm: {options.told}", file=sys.stderr)
    console = session.Console(sys.stdout.buffer)
    image = fitted(options)
    seat = _seat(options, console)
    gdb = debugger.debugger(options, console, opened)
    taker = gdb.console if gdb else seat.console if seat else console
    if options.coverage:
        options.gear = options.gear or PRECISE
    machine = built(options, image, taker)
    script = script_of(options.scenario)
    typed = typed_of(options.input)
    machine.load(image, initrd=options.initrd, load_address=options.load_address)
    outputs = Outputs(_inputs(machine, options))
    with ExitStack() as files:
        recorder = recorder_of(machine, options, outputs) or (machine.recording() if gdb or seat else None)
        machine.limit(insns=options.max_insns, virtual_ns=options.max_time)
        summary_file = session.summary_file(options, outputs, files)
        executed = session.observe(machine, options, outputs, files)
        if executed and (gdb or seat):
            raise VmmError("-d: --gdb and -it go their own ways; int alone goes with them")
        diagnoses = session.diagnosed(machine, options, files)
        covered = _covered(machine, options, outputs, files)
        plotted = session.plotted(machine, options, outputs, files)
        reported = session.reported(machine, options, outputs, files, console)
        if recorder:
            files.enter_context(recorder)
        outputs.begin()
        started = time.perf_counter()
        if gdb and recorder:
            goes = gdb.live(machine, recorder, typed)
        elif seat and recorder:
            goes = seat.live(machine, recorder)
        elif executed:
            goes = partial(logged.go, machine, typed, executed)
        else:
            goes = partial(go, machine, typed, progress(console, options, typed))
        stop, status, cut = until_end(machine, script, recorder, goes)
        waiting = machine.waiting
        closed = close(machine, script)
        if not closed:
            status = SCRIPT_FAILED
            if recorder:
                recorder.ended(status, "the scenario failed")
        machine.trace.drain()
        summary = Summary.of(machine, stop, time.perf_counter() - started, cut=cut, diagnoses=diagnoses)
        console.finish()
        if summary_file:
            summary_file.write(summary.json())
        if covered:
            covered()
        if plotted:
            plotted()
        if reported:
            reported()
    if options.quiet:
        session.tell_not_applied(summary)
    if not options.quiet and status != BROKEN_PIPE:
        from vmm.report import end

        end.show(machine, summary, sys.stderr)
    if script and not options.quiet and not cut and status != SCRIPT_FAILED:
        for name, text in script.figures(machine).items():
            print(f"{name}: {text}", file=sys.stderr)
    for story in waiting:
        print(f"vmm: never fired: {story}", file=sys.stderr)
    certain = summary.certain and not cut
    return Outcome(session.CERTAIN if certain else status, stop, not cut and closed, certain)


def fitted(options: argparse.Namespace) -> Path:
    """The image's file; VmmError where it, or what it is to run on, makes no sense."""
    from vmm.catalog import resolve, shown, wants

    image = resolve(options.image)
    note = loaders.check(image) if options.load_address is None else None
    if note and not options.quiet:
        print(f"vmm: {shown(image)}: {note}", file=sys.stderr)
    check_fits(image, options, options.board or wants(image).board)
    return image


def built(options: argparse.Namespace, image: Path, console: Taker) -> Machine:
    """What it runs on, where it is still to be loaded."""
    from vmm.catalog import wants
    from vmm.machine.config import Config
    from vmm.machine.machine import Machine

    wanted = wants(image)
    board = options.board or wanted.board
    machine = Machine(
        Config(
            board=board,
            cpu=options.cpu or wanted.cpu_on(board),
            smp=options.smp or wanted.smp,
            memory=options.memory,
            cmdline=options.append,
            seed=options.seed,
            gear=options.gear or GEAR,
            console=console,
        )
    )
    _note_gear(machine, options.gear)
    return machine


def _note_gear(machine: Machine, asked: str | None) -> None:
    """Why it is not the one that was asked for; or, where nobody asked, what the emulator lacks for the usual one."""
    from vmm.machine.machine import why_precise

    architecture = named(machine.architecture)
    chosen = architecture.processor(machine.config.cpu)
    by_nature = chosen.precise or GEAR not in architecture.gears
    if machine.gear != machine.config.gear and (asked or not by_nature):
        print(f"vmm: --gear {machine.config.gear}: {why_precise(chosen)}", file=sys.stderr)


def _seat(options: argparse.Namespace, console: session.Console) -> Interactive | None:
    """Of who sits at a terminal."""
    if not options.interactive:
        return None
    from vmm.cli import interactive

    return interactive.interactive(options, console)


def _inputs(machine: Machine, options: argparse.Namespace) -> list[Path]:
    """What was read: no output goes there."""
    typed = None if options.input is None else Path("/dev/stdin" if options.input == "-" else options.input)
    return [*session.loaded(machine), *(each for each in (options.scenario, typed) if each)]


def recorder_of(machine: Machine, options: argparse.Namespace, outputs: Outputs) -> Recorder | None:
    """Of `--record`."""
    if options.record is None:
        return None
    file = outputs.open("--record", options.record)
    recorder = machine.recording()
    recorder.file = file
    return recorder


def _covered(
    machine: Machine, options: argparse.Namespace, outputs: Outputs, files: ExitStack
) -> Callable[[], None] | None:
    """Collected from now on; what is given back writes it."""
    if options.coverage is None:
        return None
    from vmm.coverage.coverage import Coverage

    file = files.enter_context(outputs.open("--coverage", options.coverage))
    coverage = Coverage()
    coverage.watch(machine)
    return lambda: file.write(coverage.text())


def check_fits(image: Path, options: argparse.Namespace, board: str) -> None:
    """VmmError for what others alone take, on the default's board; a flat image has nowhere to say what it is for."""
    from vmm.catalog import shown

    here = named(DEFAULT)
    if board.partition(",")[0] != here.board or not (options.cpu or options.append or options.initrd):
        return
    told = loaders.architecture(image)
    others = {other.family: other for other in every() if other.family != here.family}
    elsewhere = "".join(f"; if it is for {other.family}, say --board {other.board}" for other in others.values())
    remedy = "" if told else elsewhere
    cpu = (options.cpu or "").partition(",")[0]
    machine = f"{here.article} {here.title} machine"
    for other in others.values():
        if other.cpu_prefix and cpu.startswith(other.cpu_prefix):
            theirs = f"{other.article} {other.family} CPU"
            raise VmmError(f"--cpu {cpu}: this is {theirs}, and {shown(image)} runs on {machine}{remedy}")
    if not told and options.board is None and (options.append or options.initrd):
        raise VmmError(
            f"{shown(image)}: a flat image runs on {machine}, where it takes neither a command line nor modules{remedy}"
        )


def script_of(path: Path | None) -> scripted.Script | None:
    """Of `--scenario`."""
    if path is None:
        return None
    from vmm.cli import scripted

    return scripted.load(path)


def typed_of(source: str | None) -> Typed | None:
    """Of `--input`."""
    if source is None:
        return None
    from vmm.cli import run_loop

    return run_loop.typed(source)


def until_end(
    machine: Machine,
    script: scripted.Script | None,
    recorder: Recorder | None,
    goes: Callable[[], Stop],
) -> tuple[Stop, int, bool]:
    """Why the run ended, the exit status, and whether it was cut short: such a one has a report, too."""
    why: str | None = None
    try:
        if script:
            script.start(machine)
        stop = goes()
        status = stop.exit_status
    except session.CUT_SHORT as error:
        status, why = session.cut_short(error)
        _explain(script, error)
    except BaseException as error:  # sys.exit(), too, is but a script's error
        if not _explain(script, error):
            raise
        status, why = SCRIPT_FAILED, "the scenario failed"
    if recorder:
        recorder.ended(status, why)
    return (session.cut(machine, why) if why else stop), status, why is not None


def close(machine: Machine, script: scripted.Script | None) -> bool:
    """End the scenarios that wait; whether nothing of them failed at that."""
    try:
        machine.close()
    except KeyboardInterrupt:
        raise
    except BaseException as error:
        if not _explain(script, error):
            raise
        return False
    return True


def _explain(script: scripted.Script | None, error: BaseException) -> bool:
    """Show an error of the script's; False where it is none."""
    lines = script.story(error) if script else []
    for line in lines:
        print(f"vmm: {line}", file=sys.stderr)
    return bool(lines)
