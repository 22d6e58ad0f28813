"""Standard streams that are closed or full, file descriptors and memory that run out: one line each, and no crash."""

import json
import os
import resource
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.tiny_guests import EXIT_3, say

BAD = "Bad file descriptor"
FULL = "No space left on device"
HELLO = say(b"hello\n") + EXIT_3


@pytest.fixture
def run(tmp_path):
    """`vmm` in a process with these descriptors closed, and others replaced; status, output, complaints."""

    def started(*arguments: object, closed: tuple[int, ...] = (), before: Callable[[], None] | None = None, **streams):
        def prepare() -> None:
            for number in closed:
                os.close(number)
            if before:
                before()

        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        done = subprocess.run(
            [sys.executable, "-m", "vmm", *map(str, arguments)], cwd=tmp_path, preexec_fn=prepare, **pipes | streams
        )
        return done.returncode, (done.stdout or b"").decode(), (done.stderr or b"").decode()

    return started


@pytest.fixture
def full():
    with Path("/dev/full").open("wb") as file:
        yield file


def test_the_guest_s_status_is_kept_where_its_output_cannot_be_written(run, image, full):
    for streams, said in ({"closed": (1,)}, BAD), ({"stdout": full}, FULL):
        for command in (("run", image(HELLO), "--record", "run.vmmrec"), ("replay", "run.vmmrec")):
            status, out, err = run(*command, "--quiet", **streams)
            assert (status, out) == (7, "")
            assert err == f"vmm: standard output: {said}: what the guest wrote is lost\n"


def test_and_where_nobody_is_told(run, image, full):
    for streams in ({"closed": (2,)}, {"stderr": full}, {"closed": (0, 2)}):
        assert run("run", image(HELLO), **streams)[:2] == (7, "hello\n")
    assert run("run", image(HELLO), closed=(0, 1, 2))[0] == 7
    assert run("nonsense", closed=(2,))[0] == 2


def test_no_file_becomes_a_standard_stream(run, image, tmp_path):
    """open(2) gives the lowest number that is free."""
    run("run", image(HELLO), "--trace", "t.json", "--summary", "s.json", "--record", "r", closed=(0, 1, 2))
    assert json.loads((tmp_path / "s.json").read_text())["stop"]["code"] == 7
    assert json.loads((tmp_path / "t.json").read_text())["events"]
    assert run("replay", "r", "--quiet")[:2] == (7, "hello\n")


FEW = [("list",), ("run", "--help")]
MORE = [("list", "--json"), ("doctor", "--json"), ("--help",), ("--version",)]


@pytest.mark.parametrize(
    "command", [*FEW, *(pytest.param(each, marks=pytest.mark.slow) for each in MORE)], ids=" ".join
)
def test_a_command_whose_output_is_lost_says_so(command, run, full):
    assert run(*command, closed=(1,)) == (2, "", f"vmm: standard output: {BAD}\n")
    assert run(*command, stdout=full) == (2, "", f"vmm: standard output: {FULL}\n")


@pytest.mark.slow
def test_so_do_those_that_have_done_their_work(run, image, full, tmp_path):
    run("run", image(HELLO), "--record", "r")
    (tmp_path / "guest.S").write_text("nop\n")
    for command in (("bisect", "r", "r"), ("new", "mine"), ("asm", "guest.S")):
        assert run(*command, stdout=full) == (2, "", f"vmm: standard output: {FULL}\n")
    assert (tmp_path / "mine" / "mine.S").exists()
    assert (tmp_path / "guest.elf").exists()


def test_standard_input_that_is_closed_is_empty(run, image):
    assert run("run", image(HELLO), "--input", "-", "--quiet", closed=(0,)) == (7, "hello\n", "")


def test_a_reader_that_goes_when_the_guest_has_ended_changes_no_status(image, tmp_path):
    """All that it wrote is one piece, without a line's end."""
    ours, theirs = os.pipe()
    os.close(ours)
    command = [sys.executable, "-m", "vmm", "run", image(say(b"hello") + EXIT_3), "--quiet"]
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    done = subprocess.run(command, stdout=theirs, stderr=subprocess.PIPE, env=buffered)
    os.close(theirs)
    assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.parametrize("files", [5, 7, 9, *(pytest.param(n, marks=pytest.mark.slow) for n in (6, 8, 10, 11, 12))])
def test_file_descriptors_that_run_out_are_a_line(files, run, image):
    options = ("--trace", "t", "--trace", "jsonl:l", "--summary", "s", "--record", "r", "--quiet")
    status, _, err = run("run", image(HELLO), *options, before=limited(resource.RLIMIT_NOFILE, files))
    assert (status, err) == (7, "") or (status == 2 and err.count("\n") == 1 and "Too many open files" in err)
    if files == 5:
        assert status == 2


def limited(what: int, most: int) -> Callable[[], None]:
    return lambda: resource.setrlimit(what, (most, most))


def test_a_full_disk_leaves_no_half_of_a_new_directory(run, tmp_path):
    status, out, err = run("new", "mine", before=limited(resource.RLIMIT_FSIZE, 100))
    assert (status, out, err) == (2, "", "vmm: file mine/.github/workflows/test.yml: cannot write: File too large\n")
    assert not list(tmp_path.iterdir())
    assert run("new", "mine")[0] == 0


MIB = 1 << 20


@pytest.mark.parametrize("guest", ["x86/hello", pytest.param("arm64/hello", marks=pytest.mark.slow)])
@pytest.mark.parametrize(
    "memory", [40, 56, 700, *(pytest.param(n, marks=pytest.mark.slow) for n in (24, 200, 1200, 1400))]
)
def test_memory_that_runs_out_is_a_line(memory, guest, run):
    """As ulimit -v has it. Python itself takes some 20 MiB, Unicorn's library 23, its buffer for code 1024."""
    status, out, err = run("run", guest, "--quiet", before=limited(resource.RLIMIT_AS, memory * MIB))
    if status == 0:
        assert (memory, err) == (1400, "")
        return
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert any(words in err for words in ("memory", "Cannot allocate", "cannot open Unicorn"))


def test_a_machine_that_finds_no_descriptor_says_so_and_the_next_one_is_made():
    import vmm

    vmm.boot("x86/hello")
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    held = []
    resource.setrlimit(resource.RLIMIT_NOFILE, (64, hard))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            while True:
                held.append(os.dup(2))
        with pytest.raises(vmm.VmmError, match="a vCPU needs two file descriptors to be made: Too"):
            vmm.Machine()
    finally:
        for number in held:
            os.close(number)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert vmm.boot("x86/hello").run().reason == "poweroff"
