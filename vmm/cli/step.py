"""`vmm step`: a guest or a recording on the screen, one boundary at a time, forwards and backwards."""

from __future__ import annotations

import argparse
import sys
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

from vmm.cli import run, session
from vmm.cli.parser import Parser
from vmm.errors import VmmError
from vmm.output import OutputFile, Outputs

if TYPE_CHECKING:
    from vmm.stepper.walk import Walk

PICTURE = (160, 50)
LEAST, MOST = 20, 1000


def parser() -> Parser:
    parser = Parser(
        "vmm step",
        "Step through a guest, or through a recording of one, on the screen: code, registers, interrupt controllers, "
        "stack, events and console side by side, one boundary at a time, forwards and backwards. The key ? lists the "
        "others. It needs the extra tui.",
        [
            "vmm step x86/pit_ticks",
            "vmm step late_edge.vmmrec",
            "vmm step my_isr.S --record played.vmmrec",
            "vmm step arm64/timer_ticks --press 'N n' --picture tick.svg --size 120x40",
        ],
    )
    run.add_machine(parser)
    parser.set_defaults(gear=None, quiet=True)  # what a run would say first, the screen would hide
    add = parser.add_argument
    add("--record", type=Path, metavar="FILE", help="write a recording of where it was left, decisions and all")
    add("--picture", type=Path, metavar="FILE", help="draw into this .svg, on no terminal, and end")
    add("--press", default="", metavar="KEYS", help="keys, blanks between, before it is drawn: 'N n n'")
    add("--size", type=_size, metavar="CxL", help="columns and lines of the picture (160x50)")
    return parser


def main(options: argparse.Namespace) -> int:
    check_installed()
    said = next((name for name, value in (("--size", options.size), ("--press", options.press)) if value), None)
    if said and options.picture is None:
        raise VmmError(f"{said} is of a picture: say --picture FILE.svg, too")
    if options.picture is None and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise VmmError("vmm step draws on a terminal, and this is none; --picture FILE.svg draws what it would")
    with ExitStack() as files:
        walk, recording = opened(options, files)
        from vmm.stepper import shown

        if options.picture is None:
            shown.on_terminal(walk)
            return 0
        outputs = Outputs(_read(walk, options))
        if recording:
            outputs.claim(recording)
        file = files.enter_context(outputs.open("--picture", options.picture))
        file.write(shown.as_picture(walk, options.press.split(), options.size or PICTURE))
    return 0


def _read(walk: Walk, options: argparse.Namespace) -> list[Path]:
    """What no output goes over."""
    return [*([Path(options.image)] if walk.known else []), *session.loaded(walk.machine)]


def _size(text: str) -> tuple[int, int]:
    columns, x, lines = text.partition("x")
    if not (x and columns.isdecimal() and lines.isdecimal()):
        raise VmmError(f"--size {text}: it is columns x lines, as 160x50")
    size = int(columns), int(lines)
    if not (LEAST <= size[0] <= MOST and LEAST <= size[1] <= MOST):
        raise VmmError(f"--size {text}: {LEAST} to {MOST} of either")
    return size


def check_installed() -> None:
    """VmmError, with what installs it, where textual is missing."""
    try:
        import textual  # noqa: F401
    except ImportError as error:
        from vmm.installing import into_python

        command = into_python("'vmm[tui]'")
        raise VmmError(
            f"step: textual is not installed; the extra tui has it{f': {command}' if command else ''}"
        ) from error


def opened(options: argparse.Namespace, files: ExitStack) -> tuple[Walk, OutputFile | None]:
    """What is stepped through, and where a recording of it is written when `files` ends."""
    from vmm.inputs.tape import is_recording
    from vmm.stepper import opened

    path = Path(options.image)
    if not is_recording(path):
        return _live(options, files)
    run.refuse_of_images(options)
    return opened.recorded(path), None


def _live(options: argparse.Namespace, files: ExitStack) -> tuple[Walk, OutputFile | None]:
    from vmm.catalog import case_named
    from vmm.stepper import opened
    from vmm.stepper.kept import Kept

    if case_named(options.image):
        raise VmmError(
            f"{options.image}: somebody plays its outside world: vmm run {options.image} --record FILE, and step that"
        )
    image = run.fitted(options)
    console = Kept()
    machine = run.built(options, image, console)
    machine.load(image, initrd=options.initrd, load_address=options.load_address)
    recorder = run.recorder_of(machine, options, Outputs(session.loaded(machine))) or machine.recording()
    files.enter_context(recorder)
    return opened.live(machine, recorder, console), recorder.file
