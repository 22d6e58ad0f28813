"""argparse as every subcommand uses it: help with examples, and errors as one VmmError that suggests the right name."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

from vmm.errors import VmmError, unknown

Answer = Callable[[str], str | None]
"""What is said to who writes an option, or a command, of another tool's; None: nothing is known of it."""

FORMATTER = partial(argparse.RawDescriptionHelpFormatter, width=80)
"""For the checks of `add_argument`: to ask for the terminal's width takes longer than they do."""


class Parser(argparse.ArgumentParser):
    """A parser that raises instead of exiting; options are never abbreviated."""

    def __init__(
        self,
        prog: str,
        description: str,
        examples: Sequence[str],
        commands: Mapping[str, str] | None = None,
        answer: Answer = lambda _: None,
    ) -> None:
        wide = max(map(len, commands)) if commands else 0
        listed = (f"  {name:{wide}}  {text}" for name, text in (commands or {}).items())
        parts = ["commands:", *listed, ""] if commands else []
        parts += ["examples:", *(f"  {example}" for example in examples)]
        self._answer: Answer = answer
        self.examples = examples
        """As they stand in the help."""
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
        options, left = self.parse_known_args(self._joined(words))
        if left:
            self.error(f"unexpected argument {left[0]!r}")
        return options

    def follow(self, word: str) -> int | None:
        """How many words follow an option, of which this may be one with its value; None: it is no option of ours."""
        name, equals, _ = word.partition("=")
        action = self._option_string_actions.get(name)
        if action is None or not word.startswith("-"):
            return None
        return 0 if equals or action.nargs == 0 else 1

    def told(self, action: argparse.Action) -> str:
        """What the help says of a word or an option."""
        return self._get_formatter()._expand_help(action) if action.help else ""

    def _joined(self, words: Sequence[str]) -> list[str]:
        """A word behind an option that takes one is its value, dashes or not, as getopt_long(3) has it; unless it is
        an option itself: then a value was forgotten.
        """
        joined: list[str] = []
        left = list(words)
        while left:
            word = left.pop(0)
            if word == "--":
                return [*joined, word, *left]
            if self.follow(word) and left:
                value = left.pop(0)
                forgotten = self.follow(value) is not None or value == "--"
                dashed = len(value) > 1 and value[0] == "-" and word.startswith("--") and not forgotten
                joined += [f"{word}={value}"] if dashed else [word]
                left[:0] = [] if dashed else [value]
                continue
            if word[:1] == "-" and self.follow(word) is None and _is_file(word):
                raise self._unknown(word, word)
            joined.append(word)
        return joined

    def error(self, message: str) -> NoReturn:
        """An option nobody knows explains all other complaints, so it comes first."""
        known = self._option_string_actions
        skipped = 0
        for word in self._words:
            name = word.partition("=")[0]
            if word == "--":
                break
            if skipped:
                skipped -= 1
            elif self.follow(word) is not None:
                skipped = self.follow(word) or 0
            elif _is_option(name) and name[:2] not in known:
                raise self._unknown(word, name)
        raise VmmError(f"{message}; see {self.prog} --help")

    def _unknown(self, word: str, name: str) -> VmmError:
        if _is_file(word):
            return VmmError(f"{word}: an option begins like this; the file is ./{word}")
        if answer := self._answer(name):
            return VmmError(f"{name}: {answer}")
        return unknown("option", name, self._option_string_actions)


def _is_option(word: str) -> bool:
    """As argparse sees it: negative numbers and words with blanks are values."""
    return len(word) > 1 and word[0] == "-" and word != "--" and not word[1].isdigit() and " " not in word


def _is_file(word: str) -> bool:
    try:
        return Path(word).is_file()
    except OSError:  # longer than a file name can be
        return False
