"""The command line: `main` finds the subcommand, and turns whatever goes wrong into one line and an exit status.

A subcommand is a module of this package with `parser()` and `main(options)`. Only the one that is asked for is
imported, and it imports what is expensive when it needs it: starting is part of what users wait for.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module

import vmm
from vmm import built
from vmm.cli import interrupts, streams
from vmm.cli.parser import Parser
from vmm.errors import VmmError, printable, unknown
from vmm.version import described

COMMANDS = {
    "run": "boot an image and show every interrupt",
    "top": "a live table of a guest's interrupts, while it runs",
    "replay": "run a recording once more, bit for bit",
    "export": "events of a recorded run as a file for other tools: Perfetto, GTKWave, JSON",
    "step": "go through a run on the screen, on and back",
    "explore": "every placement of interrupts in a window: proven, or the least that fails",
    "report": "a recorded run as a page: lanes of time, every interrupt's path, verdicts",
    "diagnose": "what went wrong with interrupts in a recorded run",
    "coverage": "which boundaries had which interrupt delivered: a table, a page",
    "bisect": "find where two recordings differ first",
    "list": "the guests and cases that come with vmm",
    "case": "what goes wrong in a case of the casebook, and how it is mended",
    "asm": "assemble and link a guest of your own",
    "new": "a guest, a scenario and a test to begin with",
    "doctor": "what works on this machine",
    "completion": "a script that completes words of vmm: for bash, zsh, fish",
    "help": "the manual: its topics, the page of one",
}
DIFFERS = 1
BAD_USAGE = 2
SCRIPT_FAILED = 3
BROKEN_PIPE = 141
"""128 + SIGPIPE, as a shell reports it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; returns the exit status. Without `arguments` they are the process's, which then ends."""
    own = arguments is None
    if own:
        streams.prepare()
    try:
        with interrupts.raised():
            status = _outcome(sys.argv[1:] if arguments is None else arguments)
    except KeyboardInterrupt as error:  # once more, while what it leaves was written
        status = interrupts.status(error)
    if own:
        interrupts.ignore()
    return status


def _outcome(arguments: Sequence[str]) -> int:
    try:
        try:
            return _dispatch(arguments)
        finally:
            sys.stdout.flush()  # here, where a full disk or a closed pipe can still be handled
    except VmmError as error:
        _complain(*(printable(str(line)) for line in error.args))
        return BAD_USAGE
    except ModuleNotFoundError as error:
        if built.is_built(vmm.__path__):
            raise
        _complain(f"these are sources that were not built, and no vmm is installed ({error}); run: pip install .")
        return BAD_USAGE
    except KeyboardInterrupt as error:
        return interrupts.status(error)
    except BrokenPipeError:
        streams.discard_output()
        return BROKEN_PIPE
    except OSError as error:
        streams.discard_output()
        if came := interrupts.came():
            return came
        _complain(streams.trouble(error))
        return BAD_USAGE
    except MemoryError:
        _complain("out of memory")
        return BAD_USAGE


def top_parser() -> Parser:
    """Of what stands before a command."""
    parser = Parser(
        "vmm",
        "Boot machine code on an emulated CPU, with every interrupt exactly in its place.\n"
        "Exit statuses, beside those of timeout(1): vmm help commands.",
        ["vmm list", "vmm run x86/pit_ticks", "vmm run arm64/timer_ticks", "vmm run my_isr.S -d int", "vmm help"],
        commands=COMMANDS,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="show which vmm this is, and exit")
    parser.add_argument("command", metavar="COMMAND", type=_command, help="one of those below")
    parser.add_argument("rest", metavar="...", nargs=argparse.REMAINDER, help="its arguments")
    return parser


def parser_of(command: str) -> Parser:
    """Of one of COMMANDS."""
    return import_module(f"vmm.cli.{command}").parser()  # type: ignore[no-any-return]


def _dispatch(arguments: Sequence[str]) -> int:
    parser = top_parser()
    if not arguments:
        parser.error(f"no command; there are {', '.join(COMMANDS)}")
    first, *rest = arguments
    if first in COMMANDS:
        module = import_module(f"vmm.cli.{first}")
        return int(module.main(module.parser().parse(rest)))
    if parser.follow(first) is None and (answer := _other(first)):
        raise VmmError(f"{first}: {answer}")
    parser.parse(arguments)  # an option, which ends it
    return 0


class _Version(argparse.Action):
    """Git is asked only where somebody wants to know."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        print(f"vmm {described()}")
        parser.exit()


def _command(name: str) -> str:
    if name not in COMMANDS:
        raise unknown("command", name, COMMANDS)
    return name


def _other(name: str) -> str | None:
    from vmm.cli import habits

    return habits.command(name, _is_option_of_run)


def _is_option_of_run(name: str) -> bool:
    return parser_of("run").follow(name) is not None


def _complain(*lines: str) -> None:
    for line in lines:
        print(f"vmm: {line}", file=sys.stderr)
