"""How machines are booted: options by name, and who gets what the guest writes."""

import contextlib
import inspect
import io
import sys
from dataclasses import fields

import pytest

import vmm
from vmm.cli import run
from vmm.errors import VmmError
from vmm.testing import Machines
from vmm.testing.images import Images

HELLO = "Hello from protected mode\n"


@pytest.fixture
def machines(tmp_path):
    made = Machines(Images(), tmp_path, {})
    yield made
    made.close()


def test_options_are_those_of_a_configuration_with_its_types():
    assert list(vmm.Options.__annotations__) == [each.name for each in fields(vmm.Config)]
    assert {each.name: each.type for each in fields(vmm.Config)} == {
        name: getattr(kind, "__forward_arg__", kind) for name, kind in vmm.Options.__annotations__.items()
    }


@pytest.mark.parametrize("make", [vmm.boot, "machines"], ids=["boot", "fixture"])
def test_a_name_that_is_none_is_refused_with_the_nearest(make, request):
    make = make if callable(make) else request.getfixturevalue(make)
    for wrong, right in {"mmory": "memory", "initd": "initrd", "load_adress": "load_address", "bord": "board"}.items():
        with pytest.raises(VmmError, match=f"unknown option of a machine '{wrong}'; did you mean '{right}'?"):
            make("x86/hello", **{wrong: 1})


@pytest.mark.parametrize("make", [vmm.boot, "machines"], ids=["boot", "fixture"])
def test_one_module_is_a_text_and_several_are_a_list_of_them(make, request, tmp_path):
    make = make if callable(make) else request.getfixturevalue(make)
    file = tmp_path / "root.cpio"
    file.write_bytes(b"of one")
    assert make("x86/hello", initrd=str(file)).source.modules == (str(file),)
    assert make("x86/hello", initrd=[f"{file} x", str(file)]).source.modules == (f"{file} x", str(file))
    for wrong in (file, [file], None, b"root.cpio"):
        with pytest.raises(VmmError, match=r'^initrd=.*: it is "PATH" or "PATH arguments", or a list of these$'):
            make("x86/hello", initrd=wrong)


@pytest.mark.parametrize("make", [vmm.boot, "machines"], ids=["boot", "fixture"])
def test_a_signature_has_every_option(make, request):
    make = make if callable(make) else request.getfixturevalue(make)
    parameters = inspect.signature(make).parameters
    assert set(vmm.Options.__annotations__) < set(parameters)
    assert {each.kind for each in parameters.values()} == {
        inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY,
    }  # fmt: skip
    assert (parameters["smp"].default, parameters["memory"].default) == (None, 128 << 20)


@pytest.mark.parametrize(
    ("option", "said"),
    [
        ({"smp": "2"}, "smp='2': it is a whole number"),
        ({"memory": 8e6}, "memory=8000000.0: it is a whole number"),
        ({"board": 1}, "board=1: it is a text"),
        ({"cmdline": None}, "cmdline=None: it is a text"),
        ({"console": "stderr"}, "console='stderr': it is a function that takes bytes, \"stdout\" or None"),
    ],
)
def test_a_value_of_another_type_is_a_line(option, said):
    with pytest.raises(VmmError) as error:
        vmm.boot("x86/hello", **option)
    assert str(error.value) == said


def test_another_board_has_its_own_cpu_as_on_the_command_line(tmp_path):
    (tmp_path / "flat.bin").write_bytes(b"\xf4")
    m = vmm.boot("arm64/sgi_ping_pong", board="virt")
    assert (m.config.cpu, m.config.smp) == (vmm.boot("arm64/sgi_ping_pong").config.cpu, 2)
    assert vmm.boot(tmp_path / "flat.bin", board="virt").architecture == "arm64"
    with pytest.raises(VmmError, match="this machine is x86"):
        vmm.boot("arm64/hello", board="pc")


def test_memory_is_the_same_in_python_and_on_the_command_line():
    assert run.parser().parse_args(["x86/hello"]).memory == vmm.Config().memory == vmm.boot("x86/hello").config.memory


def test_what_the_guest_writes_is_printed(capsys):
    vmm.boot("x86/hello").run()
    assert capsys.readouterr().out == HELLO


def test_it_goes_where_standard_output_goes_then():
    m = vmm.boot("x86/hello")
    with contextlib.redirect_stdout(io.StringIO()) as cell:
        m.run()
    assert cell.getvalue() == HELLO


def test_a_function_gets_it_and_nobody_does(capsys):
    heard = bytearray()
    vmm.boot("x86/hello", console=heard.extend).run()
    vmm.boot("x86/hello", console=None).run()
    assert (heard.decode(), capsys.readouterr().out) == (HELLO, "")


@pytest.mark.parametrize("console", ["stdout", None, bytearray().extend], ids=["printed", "nobody", "a function"])
def test_who_gets_it_is_nothing_to_the_guest(console, tmp_path, capsys):
    m = vmm.boot("x86/pit_ticks", console=console)
    with m.recording(tmp_path / "a.vmmrec"):
        m.run()
    assert m.trace.hash == "aa9cbc07b62618f6"  # of `vmm run x86/pit_ticks`, as the README has it
    again = vmm.replay(tmp_path / "a.vmmrec", console=None)
    again.run()
    assert again.verified


def test_a_replay_prints_it_again(tmp_path, capsys):
    m = vmm.boot("x86/hello", console=None)
    with m.recording(tmp_path / "a.vmmrec"):
        m.run()
    again = vmm.replay(tmp_path / "a.vmmrec")
    again.run()
    assert (again.verified, capsys.readouterr().out) == (True, HELLO)


def type_to(m, data):
    """As if the guest had written it, byte by byte."""
    for byte in data:
        m.board.devices["com1"].port_write(0x3F8, 1, byte)


def test_characters_of_several_bytes_are_printed_whole(capsys):
    m = vmm.boot("x86/hello")
    type_to(m, "\u20ac".encode() + b"\xff.\n")
    m.run(insns=5000)
    assert capsys.readouterr().out.startswith("\u20ac\ufffd.\n")


def test_a_stream_that_cannot_show_them_shows_something(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    m = vmm.boot("x86/hello")
    type_to(m, "\u20ac".encode())
    m.run()
    stream.flush()
    assert stream.buffer.getvalue().decode() == "?" + HELLO


def test_without_a_standard_output_nothing_is_printed(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert vmm.boot("x86/hello").run().reason == "poweroff"


def test_tests_keep_it_for_their_report(machines, capsys):
    heard = bytearray()
    machines("x86/hello").run()
    machines("x86/hello", console=heard.extend).run()
    machines("x86/hello", console=None).run()
    assert [bytes(each.console).decode() for each in machines.tested] == [HELLO] * 3
    assert (heard.decode(), capsys.readouterr().out) == (HELLO, "")
    machines("x86/hello", console="stdout").run()
    assert capsys.readouterr().out == HELLO
