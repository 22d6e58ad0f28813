"""What `import vmm` offers: each name once, in one list, for running code and for type checkers alike."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from textwrap import dedent

import pytest

import vmm
from vmm.scenario.trigger import Trigger

ROOT = Path(__file__).resolve().parents[1]
TREE = ast.parse(Path(vmm.__file__).read_text())
SCENARIOS = (ROOT / "vmm" / "pages" / "scenarios.md").read_text()


def test_type_checkers_are_told_of_the_modules_that_are_searched() -> None:
    stars = [node.module for node in ast.walk(TREE) if isinstance(node, ast.ImportFrom) and node.names[0].name == "*"]
    assert sorted(stars) == sorted(vmm.HOMES)


def test_each_name_is_there_once_and_its_own_module_s() -> None:
    assert len(set(vmm.__all__)) == len(vmm.__all__)
    for home in vmm.HOMES:
        for name in import_module(home).__all__:
            assert getattr(vmm, name) is getattr(import_module(home), name)
            assert getattr(getattr(vmm, name), "__module__", home) == home


def test_a_name_that_is_none_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="module 'vmm' has no attribute 'Raech'"):
        vmm.Raech  # noqa: B018


def test_the_names_are_cheap_until_they_are_used() -> None:
    told = "import sys, vmm; print(*(name for name in sys.modules if name.startswith('vmm')))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"vmm", "vmm.errors", "vmm.version"}


def test_to_import_a_module_of_the_package_imports_no_other() -> None:
    told = "import sys; from vmm import quantities; print(*(name for name in sys.modules if name.startswith('vmm')))"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) == {"vmm", "vmm.errors", "vmm.quantities", "vmm.version"}
    assert not set(vmm.__all__) & {path.stem for path in Path(vmm.__file__).parent.iterdir()}


def test_dir_and_completion_see_them_all() -> None:
    assert set(vmm.__all__) <= set(dir(vmm))
    assert {name for name in dir(vmm) if not name.startswith("__")} == {*vmm.__all__}


def test_the_tour_names_them_all_and_what_it_shows_runs() -> None:
    assert vmm.__doc__
    assert {name for name in vmm.__all__ if not re.search(rf"\b{name}\b", vmm.__doc__)} == set()
    shown = re.search(r"\n\n((?:    .*\n|\n)+)\nWhat there is", vmm.__doc__)
    assert shown
    done = subprocess.run([sys.executable, "-c", dedent(shown[1])], capture_output=True, text=True, check=True)
    assert "FAIL: one edge on IRQ 5 runs the handler once" in done.stdout  # the second edge
    assert "exit the guest ended the run with status 3" in done.stdout


def members(thing: object) -> dict[str, object]:
    """What users call or look at of a class of ours, its bases' included."""
    if not isinstance(thing, type):
        return {}
    ours = [each for each in thing.__mro__ if each.__module__.startswith("vmm.")]
    names = {name for each in ours for name in vars(each) if not name.startswith("_")}
    return {name: getattr(thing, name) for name in names if callable(getattr(thing, name)) or is_property(thing, name)}


def is_property(thing: type, name: str) -> bool:
    return isinstance(inspect.getattr_static(thing, name), property)


def test_each_of_them_and_of_their_members_is_explained() -> None:
    public = {name: getattr(vmm, name) for name in vmm.__all__ if name != "DONE"}
    public |= {f"{name}.{member}": it for name, of in public.items() for member, it in members(of).items()}
    assert len(public) > 200
    made = re.compile(r"\w+\(.*\)$")  # what dataclasses and named tuples write themselves
    texts = {name: inspect.getdoc(it) or "" for name, it in public.items()}
    assert {name for name, text in texts.items() if not text or made.match(text)} == set()


def test_every_trigger_is_in_the_manual() -> None:
    public = [getattr(vmm, name) for name in vmm.__all__]
    triggers = [each.__name__ for each in public if isinstance(each, type) and issubclass(each, Trigger)]
    assert len(triggers) > 12
    table = SCENARIOS[SCENARIOS.index("| trigger | fires when |") :].partition("\n\n")[0]
    missing = {name for name in triggers if not re.search(rf"`{name}\(", table)}
    assert missing == {"EventNumber", "Trigger"}  # `vmm replay --until-event`; the base of all
