"""Run the notebooks of guests/notebooks/ as Jupyter does, and write what each cell gives into them.

python tools/notebooks.py [--check]

What a notebook keeps is what every run gives: no host times, and no text beside what is shown as HTML or as a picture.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import nbformat
from jupyter_client import AsyncKernelManager
from nbclient import NotebookClient
from nbformat import NotebookNode

NOTEBOOKS = Path(__file__).resolve().parent.parent / "guests" / "notebooks"
RICH = ("text/html", "image/svg+xml", "text/markdown")
PICTURE = "image/svg+xml"
"""It differs from matplotlib to matplotlib, so it is not compared."""
SECONDS = 120


def read(path: Path) -> NotebookNode:
    """As it is kept."""
    return nbformat.read(path, as_version=4)


def run(path: Path) -> NotebookNode:
    """It, with what its cells give in a folder of their own; CellExecutionError where one raises."""
    notebook = read(path)
    with tempfile.TemporaryDirectory() as directory:
        kernel = AsyncKernelManager(transport="ipc", connection_file=f"{directory}/kernel.json")  # takes no port
        place = {"metadata": {"path": directory}}
        NotebookClient(notebook, km=kernel, timeout=SECONDS, resources=place).execute()
    for cell in notebook.cells:
        cell.metadata.clear()  # when each message came
        for output in cell.get("outputs", ()):
            if any(kind in output.get("data", ()) for kind in RICH):
                output.data.pop("text/plain", None)
    notebook.metadata["language_info"] = {"name": "python"}
    return notebook


def given(notebook: NotebookNode) -> list[list[object]]:
    """By cell, what it gives, but for what a picture looks like."""
    return [[_given(output) for output in cell.get("outputs", ())] for cell in notebook.cells]


def _given(output: NotebookNode) -> object:
    if "data" not in output:
        return output.get("name"), output.get("text")
    return {kind: kind if kind == PICTURE else value for kind, value in output.data.items()}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 where a notebook differs")
    options = parser.parse_args()
    wrong = 0
    for path in sorted(NOTEBOOKS.glob("*.ipynb")):
        made = run(path)
        if not options.check:
            nbformat.write(made, path)
        elif given(made) != given(read(path)):
            wrong += 1
            print(f"{path.name}: its cells give something else than it keeps", file=sys.stderr)
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
