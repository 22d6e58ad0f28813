"""What comments, docstrings and pages name of ours is there: files, folders, modules and what is in them."""

import ast
import io
import re
import tokenize
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("native", "vmm", "tests", "tools", "guests")
OURS = sorted(
    path.relative_to(ROOT).as_posix()
    for path in [*ROOT.iterdir(), *(path for folder in FOLDERS for path in (ROOT / folder).rglob("*"))]
    if path.suffix in (".py", ".c", ".h", ".pyi", ".md", ".toml") and path.name != "_native.c"
)
ENDS = {name[start:] for name in OURS for start in (0, *(at.end() for at in re.finditer("/", name)))}
"""Paths from the top, and the ends of them: "vmm/core/bus.py", "apic/lapic.c", "deliver32.c"."""

FILE = re.compile(r"(?<![\w/.<*{-])[\w./-]*\w\.(?:py|c|h|md)\b(?![\w*])")
FOLDER = re.compile(r"`((?:native|vmm|tests|tools)/[\w/]*)/?`")
MODULE = re.compile(r"`(vmm(?:\.\w+)+)`")
COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)
CHANGE = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)

OTHERS = {
    "arm/gic.c", "arm/pl031.c", "lib/arm64/gic-v3-its", "hw/misc/debugexit.c", "hw/misc/pc-testdev.c", "fw_cfg.h",
    "linux/kvm_para.h", "include/uapi/linux/kvm_para.h",
}  # fmt: skip
"""Files of Linux, QEMU and kvm-unit-tests."""
USERS = {
    "test_lost_tick.py",
    "test_ticks.py",
    "test_mouse.py",
    "press.py",
    "look.py",
    "life.py",
    "test_keys.py",
    "ask.py",
    "kernel.c",
    "firmware.c",
    "driver.c",
    "FILE.py",
    "edge.py",
    "file.c",
    "dir/file.c",
    "my_guest/scenario.py",
    "my_guest/test_my_guest.py",
}
"""Files of those who read the README and the manual."""


def prose(name: str) -> Iterator[str]:
    """What a file says to people: its comments and docstrings; of a page, all but what it shows."""
    text = (ROOT / name).read_text()
    if name.endswith(".md"):
        yield CHANGE.sub("", text)
    elif name.endswith(".py"):
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.COMMENT:
                yield token.string
        for node in ast.walk(ast.parse(text)):
            if (
                isinstance(node, ast.Expr)
                and isinstance(node.value, ast.Constant)
                and isinstance(node.value.value, str)
            ):
                yield node.value.value
    else:
        yield from COMMENT.findall(text)


def is_ours(named: str) -> bool:
    return re.sub(r"^(\.{1,2}/)+", "", named) in ENDS


def is_there(module: str) -> bool:
    """A module, or something in one."""
    parts = module.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found = import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = getattr(found, name, None)
        return found is not None
    return False


def wrong(texts: Iterator[str]) -> list[str]:
    """What these texts name that is not there."""
    missing = []
    for text in texts:
        missing += [named for named in FILE.findall(text) if named not in OTHERS | USERS and not is_ours(named)]
        missing += [named for named in FOLDER.findall(text) if not (ROOT / named).exists() and not is_ours(named)]
        missing += [named for named in MODULE.findall(text) if not is_there(named)]
    return missing


@pytest.mark.slow
def test_only_what_is_there_is_named() -> None:
    said = {name: wrong(prose(name)) for name in OURS if not name.endswith((".pyi", ".toml"))}
    assert {name: missing for name, missing in said.items() if missing} == {}


@pytest.mark.parametrize(
    "text", ["`vmm/machine.py`", "see x86_env.c", "hands.py", "`native/gone/`", "`vmm.outside`", "`vmm.errors.gone`"]
)
def test_the_search_finds_what_is_not_there(text: str) -> None:
    assert len(wrong(iter([text]))) == 1


@pytest.mark.parametrize(
    "text",
    ["`vmm/core/bus.py`", "it.c", "apic/lapic.c", "[the house](../vmm/README.md)", "`native/core/`", "`vmm.Config`"],
)
def test_and_leaves_what_is(text: str) -> None:
    assert wrong(iter([text])) == []
