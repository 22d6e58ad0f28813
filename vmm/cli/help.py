"""`vmm help`: the manual's topics, and a topic's page."""

from __future__ import annotations

import argparse
import sys

from vmm import pages
from vmm.cli import COMMANDS, parser_of
from vmm.cli.parser import Parser
from vmm.columns import broken, width


def parser() -> Parser:
    parser = Parser(
        "vmm help",
        "Read the manual: its topics, or the page of one. The name of a command shows that command's options.",
        [
            "vmm help",
            "vmm help snapshots",
            "vmm help run",
            "vmm help snapshots | less",
        ],
    )
    parser.add_argument("topic", metavar="TOPIC", nargs="?", help="one of those that vmm help lists")
    return parser


def main(options: argparse.Namespace) -> int:
    if options.topic is None:
        sys.stdout.write(_contents())
    elif options.topic in COMMANDS:
        parser_of(options.topic).print_help(sys.stdout)
    else:
        text = pages.page(options.topic, COMMANDS)
        from vmm.pages import rendered

        rendered.show(text, sys.stdout)
    return 0


def _contents() -> str:
    known = pages.topics()
    wide = max(map(len, known))
    lines = [broken(line, width(), head=f"{topic:{wide}}  ", indent=wide + 2) for topic, line in known.items()]
    return "\n".join([*lines, "", "vmm help TOPIC shows its page, vmm help COMMAND a command's options.", ""])
