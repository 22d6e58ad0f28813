"""Names of architectures stand in `vmm/arch/`, and where a file is of one architecture by nature: nobody branches."""

import ast
import re
from functools import cache
from pathlib import Path

import pytest

import vmm
from vmm.arch import ARCHITECTURES, every

PACKAGE = Path(vmm.__file__).parent
ALLOWED = {
    "boards/pc.py": "the board is x86's",
    "boards/virt.py": "the board is ARM's, in both execution states",
    "boards/virt_tree.py": "device tree bindings of either execution state",
    "loaders/arm_image.py": "the format is AArch64's",
    "loaders/boot_sector.py": "the format is x86's",
    "loaders/bzimage.py": "the format is x86's",
    "loaders/flat.py": "where Linux's kernels, each of one architecture, have their magic",
    "loaders/multiboot.py": "the format is x86's",
    "loaders/zimage.py": "the format is ARMv7-A's",
}
"""File → why it may name an architecture. Docstrings and help texts may anyway."""
OF_ONE = re.compile(r"x86|arm|aarch64|vmm_(add_)?(x86|arm)\w*")
"""The core's state and functions that belong to `vmm/arch/`."""
ATTRIBUTES_ALLOWED = {
    "boards/pc_profiles.py": "habits of local APICs, on a board of x86's",
    "findings/gic.py": "the generic timers, which are inputs of the GICs of ARM's vCPUs",
}

FILES = sorted(
    path for path in PACKAGE.rglob("*.py") if path.relative_to(PACKAGE).parts[0] not in ("arch", "_native", "guests")
)


def name_of(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


@cache
def code(path: Path) -> list[ast.AST]:
    """All nodes but docstrings, which are expressions that nobody uses."""
    tree = ast.parse(path.read_text())
    unused = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node for node in ast.walk(tree) if id(node) not in unused]


def named(path: Path) -> set[str]:
    """What its strings name: an architecture by any of its names, or the beginning of the name of one."""
    names = {*ARCHITECTURES, *(name for arch in every() for name in (arch.title, arch.family))}
    texts = {node.value for node in code(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return names & texts


def attributes(path: Path) -> set[str]:
    return {node.attr for node in code(path) if isinstance(node, ast.Attribute) and OF_ONE.fullmatch(node.attr)}


@pytest.mark.parametrize("path", FILES, ids=name_of)
def test_only_files_of_one_architecture_name_one(path):
    if name_of(path) not in ALLOWED:
        assert named(path) == set()
    if name_of(path) not in ATTRIBUTES_ALLOWED:
        assert attributes(path) == set()


def test_no_allowance_is_left_over():
    assert {name_of(path) for path in FILES if named(path)} == ALLOWED.keys()
    assert {name_of(path) for path in FILES if attributes(path)} == ATTRIBUTES_ALLOWED.keys()


def test_only_files_of_one_architecture_import_one():
    """`vmm/__init__.py` has the public names of traps, which are the architectures'."""
    importing = {
        name_of(path)
        for path in FILES
        for node in code(path)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(("vmm.arch.x86", "vmm.arch.arm"))
    }
    loaders = {f"loaders/{name}.py" for name in ("boot_sector", "bzimage", "multiboot", "pc_memory")}
    assert importing == {"__init__.py", "boards/pc_bios_data.py", "boards/virt.py", *loaders}


def test_the_search_finds_what_it_looks_for(tmp_path):
    """A branch in each of the ways it could be written."""
    for number, text in enumerate(('if a == "x86": b()', 'T = {"arm64": 1}', 'c = d.startswith("arm")')):
        (tmp_path / f"{number}.py").write_text(text)
        assert len(named(tmp_path / f"{number}.py")) == 1
    (tmp_path / "state.py").write_text("a = native.x86.lapic\nb = native.arm.aarch64\nlib.vmm_x86_init(c)\n")
    assert attributes(tmp_path / "state.py") == {"x86", "arm", "aarch64", "vmm_x86_init"}
    (tmp_path / "prose.py").write_text('"""x86"""\nA = 1\n"""arm"""\n')
    assert named(tmp_path / "prose.py") == set()
