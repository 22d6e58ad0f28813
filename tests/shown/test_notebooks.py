"""The notebooks of the repository run in Jupyter, and keep what each run gives."""

import re
import sys

import pytest
from docs.blocks import ROOT

from shown.markup import Shown

sys.path.insert(0, str(ROOT / "tools"))

import notebooks

EACH = pytest.mark.parametrize("path", sorted(notebooks.NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
HOST = re.compile(r"/tmp|/home|/root|\d s host|placements a second")


@EACH
@pytest.mark.slow
def test_it_gives_what_it_keeps(path):
    assert notebooks.given(notebooks.run(path)) == notebooks.given(notebooks.read(path)), (
        "run python tools/notebooks.py"
    )


@EACH
def test_what_it_keeps_is_of_no_host_and_of_no_failure(path):
    kept = notebooks.read(path)
    outputs = [output for cell in kept.cells for output in cell.get("outputs", ())]
    assert len(outputs) > 10
    assert [output for output in outputs if output.output_type == "error"] == []
    assert HOST.search(path.read_text()) is None
    for output in outputs:
        if html := output.get("data", {}).get("text/html"):
            Shown(html)
