"""argparse as every subcommand uses it: help with examples, and errors as one VmmError that suggests the right name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any, NoReturn

from vmm.errors import VmmError, unknown

FORMATTER = partial(argparse.RawDescriptionHelpFormatter, width=80)
"""For the checks of `add_argument`: to ask for the terminal's width takes longer than they do."""


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting; options are never abbreviated."""

    def __init__(
        self, prog: str, description: str, examples: Sequence[str], commands: Mapping[str, str] | None = None
    ) -> None:
        parts = ["commands:", *(f"  {name:8}{text}" for name, text in commands.items()), ""] if commands else []
        parts += ["examples:", *(f"  {example}" for example in examples)]
        super().__init__(
            prog=prog,
            description=description,
            epilog="\n".join(parts),
            formatter_class=FORMATTER,
            allow_abbrev=False,
        )
        self._words: Sequence[str] = ()

    def format_help(self) -> str:
        self.formatter_class = argparse.RawDescriptionHelpFormatter
        return super().format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        """As argparse's, which hides that it cannot be written."""
        (file or sys.stderr).write(message)

    def parse(self, words: Sequence[str]) -> argparse.Namespace:
        """The options in `words`; VmmError for whatever is wrong with them."""
        self._words = words
        options, left = self.parse_known_args(words)
        if left:
            self.error(f"unexpected argument {left[0]!r}")
        return options

    def error(self, message: str) -> NoReturn:
        """An option nobody knows explains all other complaints, so it comes first."""
        known = self._option_string_actions
        for name in (word.partition("=")[0] for word in self._words):
            if _is_option(name) and name not in known and name[:2] not in known:
                raise unknown("option", name, known)
        raise VmmError(f"{message}; see {self.prog} --help")


def _is_option(word: str) -> bool:
    """As argparse sees it: negative numbers and words with blanks are values."""
    return len(word) > 1 and word[0] == "-" and word != "--" and not word[1].isdigit() and " " not in word
