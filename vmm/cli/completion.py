"""`vmm completion`: what a shell must know to complete the words of a command line."""

from __future__ import annotations

import argparse
import sys
from argparse import Action
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import chain

from vmm import pages
from vmm.arch import ARCHITECTURES
from vmm.boards import BOARDS
from vmm.casebook.case import VARIANTS
from vmm.catalog import directories
from vmm.cli import COMMANDS, logged, parser_of
from vmm.cli.new import KINDS
from vmm.cli.parser import Parser
from vmm.diagnoses.table import ALL, NAMES
from vmm.errors import unknown
from vmm.trace.export import FORMATS

ZSH = """\
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
autoload -Uz bashcompinit && bashcompinit
"""
"""It understands bash's way then."""
VALUES: Mapping[str, Iterable[str]] = {
    "--kind": KINDS,
    "--arch": ARCHITECTURES,
    "--board": BOARDS,
    "--variant": VARIANTS,
    "--format": FORMATS,
    "--diagnose": (ALL, *NAMES),
    "-d": logged.ALL,
}
"""Of options whose parsers do not say; those of the others are names of files, or nobody knows."""
BASH = """\
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
FISH = """\
complete -c vmm -e
function __vmm_first
    test (count (commandline -opc)) = 1
end
function __vmm_on
    set -l words (commandline -opc)
    test (count $words) -gt 1; and test $words[2] = $argv[1]
end
complete -c vmm -n __vmm_first -l help -d 'show this help message and exit'
complete -c vmm -n __vmm_first -l version -d 'show which vmm this is, and exit'
"""


def parser() -> Parser:
    parser = Parser(
        "vmm completion",
        "Print a script for a shell, which completes commands, options, guests, boards and topics of vmm then.",
        [
            "vmm completion fish | source               # in ~/.config/fish/config.fish",
            'eval "$(vmm completion bash)"              # in ~/.bashrc',
            'eval "$(vmm completion zsh)"               # in ~/.zshrc',
        ],
    )
    parser.add_argument("shell", metavar="SHELL", type=_shell, help=", ".join(SHELLS))
    return parser


def main(options: argparse.Namespace) -> int:
    sys.stdout.write(script(options.shell))
    return 0


def _shell(name: str) -> str:
    if name not in SHELLS:
        raise unknown("shell", name, SHELLS)
    return name


def script(shell: str) -> str:
    """For one of SHELLS to evaluate."""
    return SHELLS[shell]()


def _arguments() -> Mapping[str, Iterable[str]]:
    """What may stand behind a command, besides options and names of files."""
    guests = directories()
    return {
        **dict.fromkeys(("run", "explore", "step", "top"), guests),
        "help": [*pages.topics(), *COMMANDS],
        "completion": SHELLS,
        "list": [*ARCHITECTURES, "cases"],
    }


def _values(action: Action) -> Iterable[str]:
    """What may follow an option, as far as it is known."""
    named = next((VALUES[option] for option in action.option_strings if option in VALUES), None)
    return named or map(str, action.choices or ())


def _options(actions: Iterable[Action]) -> Iterable[str]:
    return (option for action in actions for option in action.option_strings)


# ---- bash ----


def _bash() -> str:
    actions: Mapping[str, Sequence[Action]] = {name: parser_of(name)._actions for name in COMMANDS}
    arguments = _arguments()
    commands = (
        f'        {name}) options="{" ".join(_options(actions[name]))}" known="{" ".join(arguments.get(name, ()))}" ;;'
        for name in COMMANDS
    )
    values: dict[str, set[str]] = {}
    for action in chain.from_iterable(actions.values()):
        if action.option_strings and action.nargs != 0:
            values.setdefault(" ".join(_values(action)), set()).update(action.option_strings)
    options = (f'        {"|".join(sorted(taking))}) known="{words}" ;;' for words, taking in values.items())
    parts = {"@COMMANDS@": "\n".join(commands), "@VALUES@": "\n".join(options), "@NAMES@": " ".join(COMMANDS)}
    text = BASH
    for part, meaning in parts.items():
        text = text.replace(part, meaning)
    return text


# ---- fish ----


def _fish() -> str:
    arguments = _arguments()
    lines = [f"complete -c vmm -n __vmm_first -f -a {name} -d {_quoted(does)}" for name, does in COMMANDS.items()]
    for name in COMMANDS:
        on = f"complete -c vmm -n '__vmm_on {name}'"
        if words := " ".join(arguments.get(name, ())):
            lines.append(f"{on} -a {_quoted(words)}")
        parser = parser_of(name)
        for action in parser._actions:
            if action.option_strings:
                lines.append(f"{on} {_fish_option(action)} -d {_quoted(parser.told(action))}")
    return FISH + "".join(f"{line}\n" for line in lines)


def _fish_option(action: Action) -> str:
    """Its names, and what may follow: nothing, words that are known, or a file."""
    names = " ".join(map(_fish_name, action.option_strings))
    if action.nargs == 0:
        return names
    values = " ".join(_values(action))
    return f"{names} -x -a {_quoted(values)}" if values else f"{names} -r -F"


def _fish_name(option: str) -> str:
    if option.startswith("--"):
        return f"-l {option[2:]}"
    return f"-s {option[1:]}" if len(option) == 2 else f"-o {option[1:]}"


def _quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


SHELLS: dict[str, Callable[[], str]] = {"bash": _bash, "zsh": lambda: ZSH + _bash(), "fish": _fish}
