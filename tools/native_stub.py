"""Write vmm/_native.pyi, what type checkers know of the C core, from the headers that cffi reads (native/build.py).

python tools/native_stub.py [--check]

A struct is a class, and so is a pointer to one, which cffi lets a reader use alike; integers and enums are int, and of
the constants only the names are told.
"""

from __future__ import annotations

import argparse
import keyword
import re
import runpy
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from pycparser import CParser, c_ast

ROOT = Path(__file__).resolve().parent.parent
STUB = ROOT / "vmm" / "_native.pyi"
INTEGERS = ("uint8_t", "uint16_t", "uint32_t", "uint64_t", "int8_t", "int16_t", "int32_t", "int64_t", "size_t")

HEAD = '''\
"""The C core as type checkers see it; written by tools/native_stub.py from native/api/: change nothing here."""

from collections.abc import Callable, Iterator, Sequence
from typing import Any, ClassVar, Final, Generic, Literal, TypeVar, final, overload

from typing_extensions import Buffer, Self

_T = TypeVar("_T")
_F = TypeVar("_F", bound=Callable[..., object])
_D = TypeVar("_D", bound=CValue)

class CValue:
    """Any value of C that is more than a number."""

class Pointer(CValue, Generic[_T]):
    def __getitem__(self, index: int) -> _T: ...
    def __setitem__(self, index: int, value: _T | tuple[object, ...]) -> None: ...

class Array(Pointer[_T]):
    @overload
    def __getitem__(self, index: int) -> _T: ...
    @overload
    def __getitem__(self, index: slice) -> Self: ...
    @overload
    def __setitem__(self, index: int, value: _T | tuple[object, ...]) -> None: ...
    @overload
    def __setitem__(self, index: slice, value: Sequence[_T] | bytes | Array[_T]) -> None: ...
    def __len__(self) -> int: ...
    def __iter__(self) -> Iterator[_T]: ...

class CString(CValue):
    """A `char *`: for `ffi.string`."""

class Struct(CValue):
    """One, or a pointer to the first of several."""

    def __getitem__(self, index: int) -> Self: ...
    def __setitem__(self, index: int, value: Self) -> None: ...

'''

FFI = '''\
@final
class View:
    def __len__(self) -> int: ...
    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> bytes: ...
    def __setitem__(self, index: int | slice, value: Buffer) -> None: ...
    def __buffer__(self, flags: int, /) -> memoryview: ...

class Field:
    @property
    def offset(self) -> int: ...

class CType:
    @property
    def cname(self) -> str: ...
    @property
    def fields(self) -> Sequence[tuple[str, Field]]: ...

class Ffi:
    CData: ClassVar[type[CValue]]
    NULL: Any
    """Of every pointer type."""

    def addressof(self, struct: _D, *index: int) -> _D: ...
    def buffer(self, data: CValue, size: int = -1) -> View: ...
    def def_extern(
        self, name: str, error: int | None = None, onerror: Callable[..., None] | None = None
    ) -> Callable[[_F], _F]: ...
    @overload
    def from_buffer(self, data: Buffer) -> CValue: ...
    @overload
    def from_buffer(self, cdecl: Literal["uint8_t[]", "uint64_t[]"], data: Buffer) -> Array[int]: ...
    def from_handle(self, handle: CValue) -> Any: ...
    def gc(self, data: _D, destructor: Callable[[_D], object], size: int = 0) -> _D: ...
    def memmove(self, to: CValue | bytearray, data: CValue | Buffer, size: int) -> None: ...
    def new_handle(self, value: object) -> CValue: ...
    def offsetof(self, cdecl: str, field: str) -> int: ...
    def sizeof(self, cdecl: str | CValue) -> int: ...
    def string(self, text: CString) -> bytes: ...
    def typeof(self, cdecl: str | CValue) -> CType: ...
'''


class Header:
    """The declarations of a C text."""

    def __init__(self, text: str) -> None:
        text = re.sub(r"/\*.*?\*/", " ", text, flags=re.DOTALL)
        self.constants = re.findall(r"^#define (\w+)", text, flags=re.MULTILINE)
        text = re.sub(r"^#.*$", "", text, flags=re.MULTILINE)
        text = re.sub(r'extern "Python" \{(.*?)\}', r"\1", text, flags=re.DOTALL)
        known = "".join(f"typedef int {name};" for name in INTEGERS)
        self.structs: dict[str, c_ast.Struct] = {}
        self.functions: dict[str, c_ast.FuncDecl] = {}
        for node in CParser().parse(known + text).ext[len(INTEGERS) :]:
            self._add(node)

    def _add(self, node: c_ast.Node) -> None:
        if isinstance(node.type, c_ast.FuncDecl):
            self.functions[node.name] = node.type
        elif isinstance(node.type, c_ast.Enum):
            self.constants += [member.name for member in node.type.values.enumerators]
        elif isinstance(node.type, c_ast.Struct):
            self._add_struct(node.type.name, node.type)
        elif isinstance(node.type.type, c_ast.Struct):
            self._add_struct(node.name, node.type.type)

    def _add_struct(self, name: str, struct: c_ast.Struct) -> None:
        if struct.decls or name not in self.structs:
            self.structs[name] = struct


def type_of(node: c_ast.Node, *, array: str = "Array") -> str:
    """What Python sees of a value of this C type."""
    if isinstance(node, c_ast.ArrayDecl):
        return "CString" if _name(node.type) == "char" else f"{array}[{type_of(node.type)}]"
    if isinstance(node, c_ast.PtrDecl):
        return _pointer(node.type)
    if isinstance(node, c_ast.FuncDecl):
        return f"Callable[[{', '.join(kind for _, kind in _parameters(node))}], {type_of(node.type)}]"
    name = _name(node)
    if name == "void":
        return "None"
    return name if isinstance(node.type, c_ast.Struct) or name.startswith("vmm_") else "int"


def _pointer(to: c_ast.Node) -> str:
    if isinstance(to, c_ast.FuncDecl):
        return type_of(to)
    target = type_of(to)
    simple = {"None": "CValue", "int": "CString" if _name(to) == "char" else "Pointer[int]"}
    return simple.get(target, target if target.startswith("vmm_") else f"Pointer[{target}]")


def _name(node: c_ast.Node) -> str:
    """Of a type that has one; else nothing."""
    inner = getattr(node, "type", None)
    if isinstance(inner, c_ast.Struct):
        return inner.name
    return " ".join(inner.names) if isinstance(inner, c_ast.IdentifierType) else ""


def _parameters(function: c_ast.FuncDecl) -> Iterator[tuple[str, str]]:
    """Names and types; a parameter without a name is called by its place."""
    for place, node in enumerate(function.args.params if function.args else ()):
        kind = type_of(node.type, array="Pointer")
        if kind != "None":
            name = node.name or f"a{place}"
            yield name + "_" * keyword.iskeyword(name), kind


def _argument(kind: str) -> str:
    """What cffi takes where C has a parameter of this type."""
    return f"{kind} | bytes" if kind in ("CValue", "CString") else kind


def _class(name: str, struct: c_ast.Struct) -> Iterator[str]:
    yield f"@final\nclass {name}(Struct):"
    for field in struct.decls or ():
        yield f"    {field.name}: {type_of(field.type)}"
    if not struct.decls:
        yield "    ..."
    yield ""


def _library(header: Header) -> Iterator[str]:
    yield "class Lib:"
    yield from (f"    {name}: Final[int]" for name in header.constants)
    for name, function in header.functions.items():
        parameters = [f"{field}: {_argument(kind)}" for field, kind in _parameters(function)]
        yield f"    def {name}({', '.join(['self', *parameters, '/'])}) -> {type_of(function.type)}: ..."
    yield ""


def _new(forms: tuple[str, ...], names: Iterable[str], given: str, result: str) -> str:
    cdecls = ", ".join(f'"{name}{form}"' for form in forms for name in names)
    return f"    @overload\n    def new(self, cdecl: Literal[{cdecls}], value: {given} = ...) -> {result}: ..."


def _allocations(header: Header) -> Iterator[str]:
    """What `ffi.new` gives: numbers, and what some call takes a pointer to."""
    taken = {kind for function in header.functions.values() for _, kind in _parameters(function)}
    for name in (name for name, struct in header.structs.items() if struct.decls and name in taken):
        yield _new((" *", "[]"), [name], "object", name)
    yield _new((" *",), INTEGERS, "int", "Pointer[int]")
    yield _new(("[]",), INTEGERS, "int | Sequence[int] | bytes", "Array[int]")


def stub(text: str) -> str:
    """The stub for a header as cffi reads it."""
    header = Header(text)
    lines = [line for name, struct in header.structs.items() for line in _class(name, struct)]
    lines += _library(header)
    return HEAD + "\n".join(lines) + "\n" + FFI + "\n".join(_allocations(header)) + "\n\nlib: Lib\nffi: Ffi\n"


def current() -> str:
    """The stub as the headers of this tree want it."""
    return stub(runpy.run_path(str(ROOT / "native" / "build.py"))["SEEN_BY_PYTHON"])


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if the stub is out of date")
    wanted = current()
    if not parser.parse_args(arguments).check:
        STUB.write_text(wanted)
        return 0
    if STUB.read_text() == wanted:
        return 0
    print(f"{STUB} is not what native/api/ says; run python tools/native_stub.py", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
