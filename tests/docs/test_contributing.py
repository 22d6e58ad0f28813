"""tools/README.md names what is there: every tool, and no other."""

import re
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"


def test_every_tool_has_its_row_and_every_row_its_tool():
    rows = re.findall(r"^\| (`\w+\.py`(?:, `\w+\.py`)*) \|", (TOOLS / "README.md").read_text(), re.MULTILINE)
    named = re.findall(r"`(\w+\.py)`", " ".join(rows))
    assert sorted(named) == sorted(path.name for path in TOOLS.glob("*.py"))
