"""What a shell must know to complete the words of a command line: `vmm help --complete bash`."""

from __future__ import annotations

from argparse import Action
from collections.abc import Iterable, Mapping
from importlib import import_module

from vmm import pages
from vmm.arch import ARCHITECTURES
from vmm.boards import BOARDS
from vmm.catalog import directories
from vmm.cli import COMMANDS
from vmm.cli.new import KINDS
from vmm.errors import VmmError

ZSH = "autoload -Uz compinit bashcompinit && compinit && bashcompinit\n"
SHELLS = {"bash": "", "zsh": ZSH}
"""Each with what comes first: zsh understands bash's way."""
VALUES: Mapping[str, Iterable[str]] = {
    "--kind": KINDS,
    "--arch": ARCHITECTURES,
    "--board": BOARDS,
    "--complete": SHELLS,
}
"""Of options; those of the others are names of files, or nobody knows."""
SCRIPT = """\
_vmm() {
    local word="${COMP_WORDS[COMP_CWORD]}" before="${COMP_WORDS[COMP_CWORD-1]}" options="" known=""
    case "${COMP_WORDS[1]}" in
@COMMANDS@
    esac
    case "$before" in
@VALUES@
    esac
    if [ "$COMP_CWORD" = 1 ]; then options="--help --version" known="@NAMES@"; fi
    case "$word" in -*) known="$options" ;; esac
    COMPREPLY=($(compgen -W "$known" -- "$word"))
}
complete -o bashdefault -o default -F _vmm vmm
"""
"""Where it knows nothing, the shell completes names of files."""


def script(shell: str) -> str:
    """For the shell to evaluate; VmmError for a shell that is not known."""
    if shell not in SHELLS:
        raise VmmError(f"{shell}: not one of the shells that are known: {', '.join(SHELLS)}")
    actions = {name: list(_actions(name)) for name in COMMANDS}
    arguments: Mapping[str, Iterable[str]] = {
        "run": directories(), "explore": directories(), "help": [*pages.topics(), *COMMANDS],
    }  # fmt: skip
    commands = (
        f'        {name}) options="{" ".join(_options(actions[name]))}" known="{" ".join(arguments.get(name, ()))}" ;;'
        for name in COMMANDS
    )
    taking = {option for found in actions.values() for option in _options(each for each in found if each.nargs != 0)}
    values = [*VALUES.items(), ("|".join(sorted(taking - VALUES.keys())), ())]
    options = (f'        {option}) known="{" ".join(words)}" ;;' for option, words in values)
    parts = {"@COMMANDS@": "\n".join(commands), "@VALUES@": "\n".join(options), "@NAMES@": " ".join(COMMANDS)}
    text = SCRIPT
    for part, meaning in parts.items():
        text = text.replace(part, meaning)
    return SHELLS[shell] + text


def _actions(command: str) -> Iterable[Action]:
    return import_module(f"vmm.cli.{command}").parser()._actions  # type: ignore[no-any-return]


def _options(actions: Iterable[Action]) -> Iterable[str]:
    return (option for action in actions for option in action.option_strings)
