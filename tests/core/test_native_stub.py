"""What type checkers are told of the C core is what was compiled, and what its headers say now."""

from __future__ import annotations

import ast
import sys
from pathlib import Path

import pytest

from vmm.core.native import ffi, lib

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tools"))

import native_stub  # noqa: E402

CLASSES = {node.name: node for node in ast.parse(native_stub.STUB.read_text()).body if isinstance(node, ast.ClassDef)}
STRUCTS = [name for name in CLASSES if name.startswith("vmm_")]


def told(name: str) -> dict[str, str]:
    """The fields of a class and what they are, as text."""
    fields = (node for node in CLASSES[name].body if isinstance(node, ast.AnnAssign))
    return {ast.unparse(field.target): ast.unparse(field.annotation) for field in fields}


def calls() -> dict[str, ast.FunctionDef]:
    return {node.name: node for node in CLASSES["Lib"].body if isinstance(node, ast.FunctionDef)}


def compiled(name: str) -> list[tuple[str, str]]:
    """The fields of the struct, which a header names by a typedef or by its tag alone, and the kinds of their types;
    none where C hides them.
    """
    try:
        struct = ffi.typeof(name)
    except ffi.error:
        struct = ffi.typeof(f"struct {name}")
    try:
        ffi.sizeof(struct)
    except ffi.error:
        return []
    return [(field, what.type.kind) for field, what in struct.fields]


def test_the_stub_is_what_the_headers_say() -> None:
    assert native_stub.main(["--check"]) == 0


def test_a_stub_that_is_out_of_date_is_told_and_left_alone(tmp_path, monkeypatch, capsys) -> None:
    old = native_stub.STUB.read_text().replace("insn_ns: int", "insn_us: int")
    stub = tmp_path / "_native.pyi"
    stub.write_text(old)
    monkeypatch.setattr(native_stub, "STUB", stub)
    assert native_stub.main(["--check"]) == 1
    assert "python tools/native_stub.py" in capsys.readouterr().err
    assert stub.read_text() == old
    assert native_stub.main([]) == 0
    assert "insn_ns: int" in stub.read_text()


@pytest.mark.parametrize("name", STRUCTS)
def test_a_struct_has_the_fields_that_were_compiled(name) -> None:
    assert list(told(name)) == [field for field, _ in compiled(name)]


@pytest.mark.parametrize("name", STRUCTS)
def test_a_field_is_a_number_where_c_has_one(name) -> None:
    numbers = [field for field, kind in compiled(name) if kind == "primitive"]
    assert [field for field, kind in told(name).items() if kind == "int"] == numbers


def test_the_library_has_every_constant_and_call_and_no_other() -> None:
    assert sorted([*told("Lib"), *calls()]) == sorted(dir(lib))


def test_a_call_takes_as_many_arguments_as_in_c_and_gives_what_it_gives() -> None:
    for name, call in calls().items():
        callback = name.startswith("vmm_py_")
        c = ffi.typeof(getattr(lib, name) if callback else ffi.addressof(lib, name))
        assert len(call.args.posonlyargs) == len(c.args) + 1, name  # and self
        assert (ast.unparse(call.returns) == "int") == (c.result.kind == "primitive"), name
        assert (ast.unparse(call.returns) == "None") == (c.result.kind == "void"), name
