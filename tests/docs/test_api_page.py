"""The manual's page of the Python API is what signatures and docstrings say now, and leaves out nothing public."""

import re
import subprocess
import sys

import pytest

import vmm
from docs.blocks import MANUAL, ROOT

TEXT = (MANUAL / "api.md").read_text()
ENTRIES = dict(re.findall(r"^### `(\w+).*?`\n(.*?)(?=^##|\Z)", TEXT, re.MULTILINE | re.DOTALL))


def test_it_is_what_the_docstrings_say():
    done = subprocess.run([sys.executable, ROOT / "tools" / "api_page.py", "--check"], timeout=60)
    assert done.returncode == 0, "run python tools/api_page.py"


def test_every_public_name_has_its_entry():
    assert set(vmm.__all__) - ENTRIES.keys() == set()


@pytest.mark.parametrize("name", [name for name in vmm.__all__ if isinstance(getattr(vmm, name), type)])
def test_every_public_member_is_told_of_its_class(name):
    entry = next(line for line in TEXT.splitlines() if line.startswith("### ") and re.match(rf"### `{name}\b", line))
    shown = f"{entry}\n{ENTRIES[name]}"
    ours = [each for each in getattr(vmm, name).__mro__ if each.__module__.startswith("vmm.")]
    members = {name: it for each in ours for name, it in vars(each).items() if not name.startswith("_")}
    assert len(ours) > 0
    told = [member for member, it in members.items() if callable(it) or isinstance(it, property)]
    assert {member for member in told if not re.search(rf"\b{member}\b", shown)} == set()


@pytest.mark.parametrize(
    "line",
    [
        "* `u32(where: str | int) → int`: The 32-bit little-endian word there.",
        "* `instructions: int`: Begun on all vCPUs since power-on.",
        "### `m.gic.cpu[n]`",
        "* `running_priority: int`: Of the interrupt being handled; 255 when there is none.",
        "### `DONE`",
    ],
)
def test_methods_properties_views_and_constants_are_shown(line):
    assert f"\n{line}\n" in TEXT
