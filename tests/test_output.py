"""What a run writes takes the place of regular files alone, of no input, and whole."""

from __future__ import annotations

import errno
import os
import resource
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from vmm.errors import VmmError
from vmm.output import OutputFile, Outputs

ROOM = 40_000
"""Bytes that the file system of some tests takes in one file; `write(2)` then fails (getrlimit(2), RLIMIT_FSIZE)."""


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    yield
    assert not list(tmp_path.glob(".vmm-*")), "nothing of ours is left"


@pytest.fixture(params=["without a name", "with a name"])
def either_way(request, monkeypatch):
    """On file systems that know O_TMPFILE, and on those that do not (open(2): EOPNOTSUPP)."""
    if request.param == "with a name":
        real = os.open

        def opened(path, flags, *more, **others):
            if flags & os.O_TMPFILE == os.O_TMPFILE:
                raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))
            return real(path, flags, *more, **others)

        monkeypatch.setattr(os, "open", opened)


def put(path: str, text: str = "new\n", **how: object) -> None:
    with OutputFile("--it", path, **how) as file:  # type: ignore[arg-type]
        file.write(text)


def refused(path: str, **how: object) -> str:
    with pytest.raises(VmmError) as error:
        put(path, **how)
    return str(error.value)


both = pytest.mark.parametrize("stream", [False, True], ids=["whole", "stream"])


@pytest.mark.usefixtures("either_way")
@both
def test_a_file_is_made_as_any_program_makes_one(stream):
    before = os.umask(0o027)
    try:
        put("one", stream=stream)
    finally:
        os.umask(before)
    assert Path("one").read_text() == "new\n"
    assert stat.S_IMODE(Path("one").stat().st_mode) == 0o640


@pytest.mark.usefixtures("either_way")
@both
def test_one_that_is_there_is_replaced_and_keeps_its_mode_and_other_names_what_they_had(stream):
    Path("one").write_text("old\n")
    Path("one").chmod(0o604)
    os.link("one", "other")
    put("one", stream=stream)
    assert (Path("one").read_text(), Path("other").read_text()) == ("new\n", "old\n")
    assert stat.S_IMODE(Path("one").stat().st_mode) == 0o604


@pytest.mark.usefixtures("either_way")
def test_until_it_is_complete_the_old_one_is_there_and_a_stream_is_there_from_its_beginning():
    for name in ("whole", "stream"):
        Path(name).write_text("old\n")
    with OutputFile("--it", "whole") as whole, OutputFile("--it", "stream", stream=True) as stream:
        assert Path("stream").read_text() == "old\n"
        stream.begin()
        assert Path("stream").read_text() == ""
        for n in range(2000):
            line = f"line {n}\n"
            whole.write(line)
            stream.write(line)
        assert Path("whole").read_text() == "old\n"
        so_far = Path("stream").read_text()
        assert so_far.startswith("line 0\nline 1\n")
        assert so_far.endswith("\n")
    assert Path("whole").read_text() == Path("stream").read_text() == "".join(f"line {n}\n" for n in range(2000))


@pytest.mark.usefixtures("either_way")
def test_where_nothing_was_written_or_nobody_ends_it_nothing_changes():
    with pytest.raises(ZeroDivisionError), OutputFile("--it", "none"):
        raise ZeroDivisionError
    Path("old").write_text("old\n")
    OutputFile("--it", "old").write("never complete")
    assert (Path("none").exists(), Path("old").read_text()) == (False, "old\n")


@pytest.mark.usefixtures("either_way")
def test_a_stream_without_a_line_is_there_only_if_it_began_or_ended_in_peace():
    Path("old").write_text("old\n")
    for name in ("none", "old"):
        with pytest.raises(ZeroDivisionError), OutputFile("--it", name, stream=True):
            raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), OutputFile("--it", "begun", stream=True) as begun:
        begun.begin()
        raise ZeroDivisionError
    with OutputFile("--it", "quiet", stream=True):
        pass
    assert (Path("none").exists(), Path("old").read_text()) == (False, "old\n")
    assert Path("begun").read_text() == Path("quiet").read_text() == ""


def test_links_are_followed_and_stay():
    Path("sub").mkdir()
    Path("link").symlink_to("sub/file")
    put("link", "one\n")  # it led nowhere
    put("link", "two\n")
    assert (Path("link").is_symlink(), Path("sub/file").read_text()) == (True, "two\n")


def test_no_input_is_written_over_whatever_it_is_called():
    Path("input").write_text("precious")
    Path("symbolic").symlink_to("input")
    os.link("input", "hard")
    for name in ("input", "./sub/../input", "symbolic", "hard", str(Path("input").absolute())):
        Path("sub").mkdir(exist_ok=True)
        assert refused(name, inputs=[Path("input")]) == (
            f"--it {name}: cannot write: it is an input, {Path('input').absolute()}"
        )
        assert "it is an input" in refused(name, inputs=[Path("symbolic")], stream=True)
    with Path("input").open("a") as file:
        said = refused(f"/dev/fd/{file.fileno()}", inputs=[Path("input")])
    assert "it is an input" in said
    assert Path("input").read_text() == "precious"


def test_what_became_an_input_or_no_file_meanwhile_stays_so():
    Path("input").write_text("precious")
    with pytest.raises(VmmError, match="it is an input"), OutputFile("--it", "late", inputs=[Path("input")]) as file:
        file.write("new")
        Path("late").symlink_to("input")
    with pytest.raises(VmmError, match="something else has taken its place"), OutputFile("--it", "pipe") as file:
        file.write("new")
        os.mkfifo("pipe")
    assert Path("input").read_text() == "precious"
    assert Path("pipe").is_fifo()


def test_pipes_and_character_devices_are_written_into_and_stay():
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    put("pipe")
    assert (os.read(reader, 100), Path("pipe").is_fifo()) == (b"new\n", True)
    os.close(reader)
    put("/dev/null")
    assert Path("/dev/null").is_char_device()
    assert refused("/dev/full") == "--it /dev/full: cannot write: No space left on device"


def test_a_descriptor_is_written_into_where_it_stands():
    program = "from vmm.output import OutputFile\nprint('before', flush=True)\n"
    program += "with OutputFile('--it', '/dev/stdout') as file: file.write('it\\n')\nprint('behind')"
    with Path("out").open("wb") as out:
        subprocess.run([sys.executable, "-c", program], stdout=out, check=True)
    assert Path("out").read_text() == "before\nit\nbehind\n"
    assert refused("/dev/fd/999") == "--it /dev/fd/999: cannot write: Bad file descriptor"


def test_what_is_neither_file_nor_pipe_nor_character_device_is_refused():
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket")
        assert refused("socket") == "--it socket: cannot write: it is a block device or a socket"
    assert Path("socket").is_socket()
    Path("loop").symlink_to("loop")
    for name, said in ((".", "Is a directory"), ("no/file", "No such file or directory"), ("loop", "Too many levels")):
        assert f"--it {name}: cannot write: {said}" in refused(name)


def test_a_path_is_one_of_where_the_process_was(tmp_path):
    Path("elsewhere").mkdir()
    with OutputFile("--it", "one", inputs=[Path("input")]) as file:
        file.write("new\n")
        os.chdir("elsewhere")
    assert (tmp_path / "one").read_text() == "new\n"
    assert not list((tmp_path / "elsewhere").iterdir())


def test_two_outputs_do_not_share_a_place_unless_a_device_makes_room():
    Path("sub").mkdir()
    Path("link").symlink_to("one")
    outputs = Outputs([])
    with outputs.open("--trace", "one", stream=True) as file:
        for name in ("one", "sub/../one", "link"):
            with pytest.raises(VmmError, match=rf"^--summary {name}: cannot write: --trace one goes there, too$"):
                outputs.open("--summary", name)
        file.write("first\n")
    with outputs.open("--trace", "/dev/null"), outputs.open("--summary", "/dev/null"):
        pass
    assert Path("one").read_text() == "first\n"


@pytest.mark.usefixtures("either_way")
def test_a_full_disk_leaves_what_was_there_and_whole_lines_of_a_stream():
    Path("whole").write_text("old\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (ROOM, before[1]))
    try:
        for name in ("whole", "stream", "none"):
            with (
                pytest.raises(VmmError, match=rf"^--it {name}: cannot write: File too large$"),
                OutputFile("--it", name, stream=name == "stream") as file,
            ):
                for n in range(10_000):
                    file.write(f"line {n}\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert Path("whole").read_text() == "old\n"
    assert not Path("none").exists()
    lines = Path("stream").read_text()
    assert ROOM - 20 < len(lines) <= ROOM
    assert lines.splitlines(keepends=True) == [f"line {n}\n" for n in range(lines.count("\n"))]
