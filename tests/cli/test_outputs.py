"""No command writes over what it reads, or two outputs into one file; names mean where the command started."""

import json
import os
from pathlib import Path

import pytest

from cli.tiny_guests import EXIT_3, RESET
from vmm.catalog import resolve

OUTPUTS = ("--trace", "--summary", "--record", "--report")
SCENARIO = "async def scenario(m):\n    pass\n"


@pytest.fixture
def inputs(vmm, tmp_path):
    """One of each kind, with what is in it; `vmm` comes first, for it goes there."""
    files = {
        "image.elf": resolve("x86/hello").read_bytes(),
        "module": b"module",
        "script.py": SCENARIO.encode(),
        "keys": b"keys",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        (tmp_path / f"symbolic-{name}").symlink_to(name)
        os.link(tmp_path / name, tmp_path / f"hard-{name}")
    return files


@pytest.mark.parametrize("option", OUTPUTS)
@pytest.mark.parametrize("link", ["", "symbolic-", "hard-"])
def test_no_output_of_a_run_is_one_of_its_inputs(option, link, vmm, inputs):
    for name in inputs:
        read = ("--initrd", "module words", "--scenario", "script.py", "--input", "keys")
        done = vmm("run", "image.elf", *read, option, f"{link}{name}")
        assert (done.status, done.out) == (2, "")
        assert done.err.startswith(f"vmm: {option} {link}{name}: cannot write: it is an input, ")
        assert done.err.count("\n") == 1
    assert {name: Path(name).read_bytes() for name in inputs} == inputs
    assert {path.name.rpartition("-")[2] for path in Path.cwd().iterdir()} == set(inputs)


@pytest.mark.parametrize("option", ["--trace", "--summary", "--report"])
def test_no_output_of_a_replay_is_its_recording_or_image(option, vmm, image, tmp_path):
    vmm("run", image(EXIT_3), "--record", "run.vmmrec", "--quiet")
    before = Path("run.vmmrec").read_bytes()
    for name in ("run.vmmrec", "image.bin"):
        Path("link").symlink_to(name)
        done = vmm("replay", "run.vmmrec", option, "link")
        assert (done.status, "link: cannot write: it is an input, " in done.err) == (2, True)
        Path("link").unlink()
    assert (Path("run.vmmrec").read_bytes(), Path("image.bin").read_bytes()) == (before, EXIT_3)


def test_no_image_is_one_of_its_sources(vmm, tmp_path):
    source = '#include "x86/guest.h"\n    GUEST_PROTECTED32\n    POWER_OFF\n'
    (tmp_path / "one.S").write_text(source)
    (tmp_path / "two.S").write_text("nop\n")
    (tmp_path / "link.elf").symlink_to("two.S")
    done = vmm("asm", "one.S", "two.S", "-o", "link.elf")
    assert (done.status, done.err) == (2, f"vmm: image link.elf: cannot write: it is an input, {tmp_path}/two.S\n")
    done = vmm("run", "one.S", "--trace", "one.S", "--max-insns", "1")
    assert (done.status, "cannot write: it is an input" in done.err) == (2, True)
    assert (Path("one.S").read_text(), Path("two.S").read_text()) == (source, "nop\n")


@pytest.mark.parametrize(
    "options",
    [
        ("--trace", "out", "--summary", "out"),
        ("--trace", "jsonl:out", "--trace", "int:./out"),
        ("--record", "out", "--trace", "out"),
        ("--record", "out", "--summary", "link"),
    ],
    ids=" ".join,
)
def test_two_outputs_do_not_go_to_one_file(options, vmm, image):
    Path("link").symlink_to("out")
    done = vmm("run", image(EXIT_3), *options)
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert " goes there, too\n" in done.err
    assert not Path("out").exists() or not Path("out").read_bytes()


def test_names_mean_where_the_command_started_whatever_a_script_does(vmm, image, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "script.py").write_text(f"import os\nos.chdir('elsewhere')\n{SCENARIO}")
    files = ("--record", "run.vmmrec", "--trace", "trace.json", "--trace", "int:log", "--summary", "summary.json")
    assert vmm("run", image(EXIT_3), "--scenario", "script.py", *files, "--quiet").status == 7
    assert not list((tmp_path / "elsewhere").iterdir())
    os.chdir(tmp_path)
    assert (
        json.loads(Path("summary.json").read_text())["trace_hash"]
        == json.loads(Path("trace.json").read_text())["trace_hash"]
    )
    assert vmm("replay", "run.vmmrec", "--quiet").status == 7
    assert Path("log").exists()


def test_so_do_those_of_an_image_that_is_loaded_again_after_a_reset(image, tmp_path, monkeypatch):
    import vmm

    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path)
    image(RESET)
    m = vmm.boot("image.bin", board="pc,reset=reboot")
    monkeypatch.chdir(tmp_path / "elsewhere")
    m.limit(insns=1000)
    assert m.run().reason == "limit"
    assert m.source is not None
    assert m.source.files == [tmp_path / "image.bin"]


def test_what_is_no_file_is_written_into(vmm, image):
    """A recording, too, goes into a pipe; none of them becomes a file."""
    os.mkfifo("pipe")
    reader = os.open("pipe", os.O_RDONLY | os.O_NONBLOCK)
    assert vmm("run", image(EXIT_3), "--record", "pipe", "--summary", "/dev/null", "--quiet").status == 7
    assert os.read(reader, 1 << 16).startswith(b'{"vmmrec"')
    os.close(reader)
    assert Path("pipe").is_fifo()
    assert vmm("run", image(EXIT_3), "--trace", "/dev/full") == (
        2, "", "vmm: --trace /dev/full: cannot write: No space left on device\n"
    )  # fmt: skip
    done = vmm("run", image(EXIT_3), "--summary", "/dev/stdout", "--quiet")
    assert (done.status, json.loads(done.out)["stop"]["code"]) == (7, 7)


def test_python_s_own_outputs_are_as_careful(image, tmp_path):
    import vmm

    m = vmm.boot(image(EXIT_3))
    path = Path(image(EXIT_3))
    m.trace.record()
    with pytest.raises(vmm.VmmError, match="it is an input"):
        m.recording(path)
    with pytest.raises(vmm.VmmError, match="it is an input"):
        m.trace.export("json", path)
    with pytest.raises(vmm.VmmError, match="it is an input"):
        m.recording().save(path)
    assert path.read_bytes() == EXIT_3
