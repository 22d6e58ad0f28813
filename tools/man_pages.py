"""Write vmm/pages/man/man1/, a page of man(1) for vmm and each of its commands, from their parsers.

python tools/man_pages.py [--check]

They are roff with the macros of man(7), in ASCII. A wheel installs them, so that man(1) finds them beside the program.
"""

from __future__ import annotations

import argparse
import re
import sys
from argparse import Action
from collections.abc import Iterator
from pathlib import Path

from vmm import pages
from vmm.cli import COMMANDS, parser_of, top_parser
from vmm.cli.parser import Parser
from vmm.version import __version__

FOLDER = Path(__file__).resolve().parent.parent / "vmm" / "pages" / "man" / "man1"
NUMBERS = {argparse.OPTIONAL: "[{}]", argparse.ZERO_OR_MORE: "[{}...]", argparse.ONE_OR_MORE: "{}...", None: "{}"}
"""How often a word may stand, by argparse's nargs."""


def text(words: str) -> str:
    """As roff takes it: nothing of it is a request, and a dash is one that can be pasted."""
    escaped = words.replace("…", "...").replace("\\", "\\e").replace("-", "\\-")
    escaped = "".join(each if each.isascii() else f"\\[u{ord(each):04X}]" for each in escaped)
    return re.sub(r"^(?=[.'])", r"\\&", escaped, flags=re.MULTILINE)


def bold(words: str) -> str:
    return f"\\fB{text(words)}\\fR"


def italic(words: str) -> str:
    return f"\\fI{text(words)}\\fR"


def page(name: str, does: str, parser: Parser) -> str:
    """The whole page of a command: "vmm-run"."""
    return "".join(f"{line}\n" for line in _page(name, does, parser))


def _page(name: str, does: str, parser: Parser) -> Iterator[str]:
    yield '.\\" Written by tools/man_pages.py: change nothing here.'
    yield f'.TH {text(name.upper())} 1 "" "vmm {__version__}" "vmm"'
    yield from (".SH NAME", f"{text(name)} \\- {text(does)}")
    named = [action for action in parser._actions if action.option_strings]
    words = [action for action in parser._actions if not action.option_strings]
    yield from (".SH SYNOPSIS", " ".join([bold(parser.prog), italic("[option]..."), *(_word(each) for each in words)]))
    yield ".SH DESCRIPTION"
    yield from _paragraphs(parser.description or "")
    if name == "vmm":
        yield ".SH COMMANDS"
        for command, it_does in COMMANDS.items():
            yield from (".TP", f"{bold(command)}", text(it_does))
    elif words:
        yield ".SH ARGUMENTS"
        for action in words:
            yield from (".TP", _word(action), text(parser.told(action)) or "A file.")
    yield ".SH OPTIONS"
    for action in named:
        yield from (".TP", _option(action), text(parser.told(action)))
    yield from (".SH EXAMPLES", ".nf", *map(text, parser.examples), ".fi")
    yield ".SH SEE ALSO"
    others = [f"vmm-{command}" for command in COMMANDS] if name == "vmm" else ["vmm"]
    yield ",\n".join(f".BR {text(other)} (1)" for other in others)
    topics = f", of {text(', '.join(pages.topics()))}" if name == "vmm" else ""
    yield from (".PP", f"The manual: {bold('vmm help')} {italic('TOPIC')}{topics}.")


def _value(action: Action) -> str:
    """What stands for the value: "FILE", "precise|fast"."""
    if action.metavar:
        return str(action.metavar)
    return "|".join(map(str, action.choices)) if action.choices else action.dest.upper()


def _word(action: Action) -> str:
    number = "{}" if action.nargs == argparse.REMAINDER else NUMBERS[action.nargs]  # type: ignore[index]
    return italic(number.format(_value(action)))


def _option(action: Action) -> str:
    value = "" if action.nargs == 0 else f" {italic(_value(action))}"
    return ", ".join(bold(option) + value for option in action.option_strings)


def _paragraphs(description: str) -> Iterator[str]:
    """What is indented, or stands under a line with a colon, keeps its lines."""
    for n, paragraph in enumerate(description.strip().split("\n\n")):
        lines = paragraph.splitlines()
        if n:
            yield ".PP"
        if any(line.startswith("  ") for line in lines):
            yield from (".nf", *map(text, lines), ".fi")
        else:
            yield from map(text, lines)


def every() -> dict[str, str]:
    """By the names of their files."""
    written = {"vmm.1": page("vmm", "interrupts, exactly where you say, on emulated x86 and ARM", top_parser())}
    for command, does in COMMANDS.items():
        written[f"vmm-{command}.1"] = page(f"vmm-{command}", does, parser_of(command))
    return written


def main() -> int:
    arguments = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    arguments.add_argument("--check", action="store_true", help="write nothing, and fail where a page is another")
    check = arguments.parse_args().check
    known, written = {path.name: path.read_text() for path in FOLDER.glob("*")}, every()
    if known == written:
        return 0
    if check:
        differ = sorted(name for name in known.keys() | written.keys() if known.get(name) != written.get(name))
        print(f"not what the parsers say: {', '.join(differ)}; run python tools/man_pages.py")
        return 1
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name in known.keys() - written.keys():
        (FOLDER / name).unlink()
    for name, roff in written.items():
        (FOLDER / name).write_text(roff)
    return 0


if __name__ == "__main__":
    sys.exit(main())
