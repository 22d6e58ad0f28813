"""Write vmm/pages/api.md, the manual's page of the Python API, from the signatures and docstrings of what `vmm` offers.

python tools/api_page.py [--check]

Every name of `vmm.__all__`, and of its classes every public member, their bases' included, that is of our own.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from functools import cached_property
from importlib import import_module
from pathlib import Path
from textwrap import dedent, fill, indent
from typing import ForwardRef

import vmm

PAGE = Path(__file__).resolve().parent.parent / "vmm" / "pages" / "api.md"
COLUMNS = 120
HEAD = """\
# The Python API

What `import vmm` offers, and what can be called and looked at of it; examples are in [python](python.md). Written by
`tools/api_page.py` from the docstrings: change nothing here.
"""
GROUPS = {
    "Machines": ("vmm.machine",),
    "vCPUs": ("vmm.arch.cpus", "vmm.arch.vcpu", "vmm.arch.x86.vcpu", "vmm.arch.arm.vcpu"),
    "Lines": ("vmm.inputs.lines",),
    "Scenarios: what to wait for": ("vmm.scenario.trigger", "vmm.scenario.combinators", "vmm.scenario.tasks"),
    "Traps: before the guest sees it": ("vmm.inputs.traps", "vmm.arch.x86.traps", "vmm.arch.arm.traps"),
    "Interrupts by themselves": ("vmm.scenario.stim",),
    "What has happened": ("vmm.core", "vmm.trace", "vmm.findings"),
    "Again, bit for bit": ("vmm.replayer",),
    "To look at": ("vmm.plots", "vmm.inputs.console_text", "vmm.casebook"),
    "What goes wrong": ("vmm.errors",),
}
"""In the page's order, each with how the names of its modules begin; what is in none comes last."""
REST = "More"
VIEWS = {
    "m.pic": "vmm.intc.i8259.Pic", "m.pic.master, m.pic.slave": "vmm.intc.i8259.Chip",
    "m.lapic[n]": "vmm.intc.lapic.LocalApic", "m.lapic[n].entry(name)": "vmm.intc.lapic.LvtEntry",
    "m.ioapic": "vmm.intc.ioapic.IoApic", "m.ioapic.pin(n)": "vmm.intc.ioapic.Redirection",
    "m.gic": "vmm.intc.gic.Gic", "m.gic.dist": "vmm.intc.gic.Distributor",
    "m.gic.cpu[n]": "vmm.intc.gic.CpuInterface", "m.memory": "vmm.inputs.script_memory.ScriptMemory",
    "m.bus": "vmm.inputs.script_devices.ScriptBus", "m.clock": "vmm.inputs.script_devices.ScriptClock",
    "m.trace": "vmm.trace.Trace",
}  # fmt: skip
"""What a machine shows, and whose it is; those that `vmm` offers by name are told there."""
GIVEN = {
    "Arm", "Case", "Cpu", "Event", "EventLog", "Finding", "Fired", "InterruptStats", "IrqLine", "Picture", "PpiLine",
    "Replay", "Snapshot", "Stimulation", "Stimulus", "Stop", "Task", "Trace", "Trap", "Trigger", "X86",
}  # fmt: skip
"""Classes whose objects users are given, and do not make."""
ADDRESS = re.compile(r" at 0x[0-9a-f]+")
INDEXED = ("__getitem__", "__setitem__")
ALIGNED = re.compile(r"\S {2,}\S")
"""In columns."""
WRITTEN = re.compile(r"\w+\(.*\)", re.DOTALL)
"""A docstring that `dataclass` makes where there is none."""


def page() -> str:
    """The whole page."""
    groups: dict[str, list[str]] = {title: [] for title in (*GROUPS, REST)}
    for name in vmm.__all__:
        groups[_group(getattr(vmm, name))].append(name)
    parts = [HEAD]
    for title, names in groups.items():
        if names:
            parts.append(f"## {title}\n")
            parts += [_entry(f"`{name}`", getattr(vmm, name), made=name not in GIVEN) for name in names]
    parts.append("## What a machine shows\n")
    for shown, path in VIEWS.items():
        module, _, name = path.rpartition(".")
        if name not in vmm.__all__:
            parts.append(_entry(f"`{shown}`", getattr(import_module(module), name), made=False))
    return "\n".join(parts)


def _group(value: object) -> str:
    module = getattr(value, "__module__", None) or next(
        home for home in vmm.HOMES if any(each is value for each in vars(sys.modules[home]).values())
    )
    fitting = (title for title, modules in GROUPS.items() if module.startswith(modules))
    return next(fitting, REST)


def _entry(title: str, value: object, *, made: bool) -> str:
    """`made`: by a call of users', which is shown."""
    if not callable(value):
        return f"### {title}\n\nThe constant `{value!r}`.\n"
    lines = [f"### {title[:-1]}{_signature(value)}`\n" if made else f"### {title}\n"]
    lines += [f"{_paragraph(each)}\n" for each in _doc(value).split("\n\n") if each]
    if isinstance(value, type):
        members = [_member(each, how, said) for each, how, said in Class(value, made).members()]
        lines += [*members, ""] if members else []
    return "\n".join(lines)


def _paragraph(text: str) -> str:
    """Filled, unless it is set apart: a table, an example."""
    if text.startswith("    ") or ALIGNED.search(text):
        return indent(dedent(text), "    ")
    return fill(" ".join(text.split()), COLUMNS, break_long_words=False, break_on_hyphens=False)


def _member(name: str, how: str, said: str) -> str:
    text = f"* `{name}{how}`" + (f": {said}" if said else "")
    return fill(text, COLUMNS, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


class Class:
    """What a class of ours offers."""

    def __init__(self, of: type, made: bool) -> None:
        self._of, self._made = of, made and _is_made(of)
        self._bases = [each for each in of.__mro__ if each.__module__.startswith("vmm.")]

    def members(self) -> Iterator[tuple[str, str, str]]:
        """Name, signature or type, and docstring, in the order in which they are written; none of what the call that
        makes one says already.
        """
        told = set(inspect.signature(self._of).parameters) if self._made else set()
        for name in self._names:
            if name in told and not self._fields.get(name, ("", ""))[1]:
                continue
            static = inspect.getattr_static(self._of, name, None)
            if isinstance(static, property):
                yield name, _type(inspect.get_annotations(static.fget).get("return")), _text(static)  # type: ignore[arg-type]
            elif callable(value := getattr(self._of, name, None)) and name not in self._fields:
                yield name, _signature(value, bound=not isinstance(static, staticmethod | classmethod)), _text(value)
            elif name in self._fields:
                yield name, _type(self._fields[name][0]), self._fields[name][1]

    @cached_property
    def _names(self) -> list[str]:
        every = [name for base in self._bases for name in (*self._written(base), *vars(base))]
        return [name for name in dict.fromkeys(every) if not name.startswith("_") or name in INDEXED]

    @cached_property
    def _fields(self) -> dict[str, tuple[str, str]]:
        """Annotated names of the class bodies: type and docstring."""
        found: dict[str, tuple[str, str]] = {}
        for base in reversed(self._bases):
            found |= self._written(base)
        return found

    @staticmethod
    def _written(base: type) -> dict[str, tuple[str, str]]:
        (body,) = ast.parse(dedent(inspect.getsource(base))).body
        assert isinstance(body, ast.ClassDef)
        found = dict(_fields(body.body))
        for node in body.body:
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                found |= {name: field for name, field in _fields(node.body) if field[1]}
        return found


def _fields(body: list[ast.stmt]) -> Iterator[tuple[str, tuple[str, str]]]:
    """Names of a class, or of `self` in its constructor: type and docstring."""
    for node, after in zip(body, [*body[1:], None], strict=True):
        match node:
            case ast.AnnAssign(target=ast.Name(id=name) | ast.Attribute(value=ast.Name(id="self"), attr=name)):
                if (annotation := ast.unparse(node.annotation)).partition("[")[0] != "ClassVar":
                    yield name, (annotation, _said_by(after))
            case ast.Assign(targets=[ast.Attribute(value=ast.Name(id="self"), attr=name)]):
                yield name, ("", _said_by(after))


def _said_by(node: ast.stmt | None) -> str:
    """Of a docstring that stands below a field."""
    if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
        return " ".join(node.value.value.split())
    return ""


def _doc(value: object) -> str:
    text = inspect.getdoc(value) or ""
    return "" if WRITTEN.fullmatch(text) else text


def _text(value: object) -> str:
    return " ".join(_doc(value).split())


def _type(annotation: object) -> str:
    return f": {_annotation(annotation)}" if annotation else ""


def _annotation(annotation: object) -> str:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    text = annotation if isinstance(annotation, str) else str(inspect.formatannotation(annotation))
    return text.replace("'", "")


def _signature(value: Callable[..., object], *, bound: bool = False) -> str:
    """As it is called: without the machine or object it is called on."""
    if isinstance(value, type) and not _is_made(value):
        return ""
    signature = inspect.signature(value)
    written, star = [], False
    for number, parameter in enumerate(signature.parameters.values()):
        if bound and number == 0:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not star:
            written.append("*")
        star |= parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL)
        written.append(_parameter(parameter))
    result = signature.return_annotation
    arrow = "" if isinstance(value, type) or result in (signature.empty, "None") else f" → {_annotation(result)}"
    return f"({', '.join(written)}){arrow}"


def _is_made(of: type) -> bool:
    """By a call whose parameters are ours, and not by an exception's, say, which each Python has its own words for."""
    ours = (each for each in of.__mro__ if each.__module__.startswith("vmm."))
    return any("__init__" in vars(each) or "__new__" in vars(each) for each in ours)


def _parameter(parameter: inspect.Parameter) -> str:
    stars = {"VAR_POSITIONAL": "*", "VAR_KEYWORD": "**"}.get(parameter.kind.name, "")
    text = f"{stars}{parameter.name}"
    if parameter.annotation is not parameter.empty:
        text += f": {_annotation(parameter.annotation)}"
    if parameter.default is parameter.empty:
        return text
    shown = repr(parameter.default)
    return f"{text} = {'…' if ADDRESS.search(shown) or shown.startswith('<') else shown}"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else None)
    parser.add_argument("--check", action="store_true", help="write nothing; exit with 1 if the page is another")
    text = page()
    if parser.parse_args().check:
        return 0 if PAGE.exists() and PAGE.read_text() == text else 1
    PAGE.write_text(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
