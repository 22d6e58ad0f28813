"""Whatever a file is called, and whatever a command line has in it: it arrives as it is, and a message is one line."""

import os
import subprocess
import sys

import pytest

from cli.tiny_guests import POWER_OFF

NAMES = ["new\nline", "back\\slash", "-dash", "quo\"te 'x", "two words", "a$b#c%d", "grüße", "raw\udcff", "esc\x1b[31m"]
SHOWN = {"new\nline": "new\\nline", "raw\udcff": "raw\\xff", "esc\x1b[31m": "esc\\x1b[31m"}
"""Where it differs: control characters, and bytes that are no characters, as Python writes them."""


def shown(name):
    return SHOWN.get(name, name)


names = pytest.mark.parametrize("name", NAMES, ids=lambda name: shown(name).replace("\x1b", "esc"))


@names
def test_an_image_runs_and_is_replayed_and_its_outputs_are_written(vmm, tmp_path, name):
    (tmp_path / f"{name}.bin").write_bytes(POWER_OFF)
    outputs = ["--record", f"./{name}.vmmrec", "--summary", f"{name}.json", "--trace", f"json:{name}.trace"]
    assert vmm("run", "--quiet", *outputs, "--", f"{name}.bin") == (0, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        f"{name}{end}" for end in (".bin", ".vmmrec", ".json", ".trace")
    )
    assert vmm("replay", "--quiet", f"./{name}.vmmrec") == (0, "", "")


@names
def test_a_missing_file_is_one_line_with_its_name(vmm, name):
    done = vmm("run", f"./{name}.elf")
    assert done.err == f"vmm: ./{shown(name)}.elf: no such file\n"


@names
def test_a_command_line_arrives_as_it_is(vmm, tmp_path, name):
    """multiboot 3.3: a flag, then the address of the command line, at 16 of the information that EBX points to."""
    (tmp_path / "look.py").write_text(
        "import os\n"
        "async def scenario(m):\n"
        "    line = m.u32(m.cpu['ebx'] + 16)\n"
        "    os.write(1, m.read(line, 40).split(b'\\0')[0])\n"
    )
    done = vmm("run", "x86/first_isr", "--append", name, "--scenario", "look.py", "--quiet", "--max-insns", "1")
    assert done.out.encode("latin-1") == b"first_isr.elf " + os.fsencode(name)


@names
def test_an_arm_command_line_arrives_as_it_is(vmm, tmp_path, name):
    """In the device tree that X0 points to, ending with a zero."""
    (tmp_path / "look.py").write_text(
        "import os\n"
        "async def scenario(m):\n"
        "    tree = m.read(m.cpu['x0'], 1 << 16)\n"
        "    os.write(1, tree.split(b'begin ')[1].split(b'\\0')[0])\n"
    )
    image = tmp_path / "loop.bin"
    image.write_bytes(b"\0\0\0\x14")  # b .
    options = ["--board", "virt", "--append", f"begin {name}", "--scenario", "look.py", "--quiet", "--max-insns", "1"]
    assert vmm("run", image, *options).out.encode("latin-1") == os.fsencode(name)


def test_a_file_called_like_an_option_is_seen(vmm, tmp_path):
    for name in ("-dash.bin", "--dash.bin"):
        (tmp_path / name).write_bytes(POWER_OFF)
        assert vmm("run", name) == (2, "", f"vmm: {name}: an option begins like this; the file is ./{name}\n")
        assert vmm("run", "--quiet", f"./{name}").status == 0


def test_a_name_that_is_no_text_is_printed_in_a_utf8_locale(tmp_path):
    """`vmm new` prints paths; the process's own standard output, which is strict there, takes them."""
    directory = os.fsencode(tmp_path) + b"/raw\xff"
    environment = os.environ | {"LC_ALL": "C.UTF-8", "PYTHONUTF8": "1", "PYTHONIOENCODING": "utf-8:strict"}
    words = [sys.executable, "-m", "vmm", "new", directory + b"/mine"]
    done = subprocess.run(words, capture_output=True, env=environment, check=False)
    assert (done.returncode, done.stderr) == (0, b"")
    assert directory + b"/mine/mine.S\n" in done.stdout


SCRIPT = b"async def scenario(m):\n    print('%s')\n"


@pytest.mark.parametrize(
    ("script", "printed"),
    [
        (b"\xef\xbb\xbf" + SCRIPT % "ü".encode(), "ü"),
        (b"# -*- coding: latin-1 -*-\n" + SCRIPT % b"\xfc", "ü"),
        (SCRIPT % "ü".encode(), "ü"),
    ],
    ids=["byte order mark", "latin-1", "utf-8"],
)
def test_a_scenario_is_read_in_the_encoding_that_it_says(vmm, image, tmp_path, script, printed):
    (tmp_path / "script.py").write_bytes(script)
    done = vmm("run", image(POWER_OFF), "--scenario", "script.py", "--quiet")
    assert (done.status, done.out.encode("latin-1").decode(), done.err) == (0, f"{printed}\n", "")


@pytest.mark.parametrize(
    ("script", "line"),
    [
        (b"\xef\xbb\xbfasync def scenario(m)\n", "script.py:1: expected ':': async def scenario(m)"),
        (b"# -*- coding: latin-7000 -*-\n", "script.py: "),
        (b"a = 1\0\n", "script.py"),
        (SCRIPT % b"\xfc", "script.py:2: "),
    ],
    ids=["byte order mark", "no such encoding", "a zero", "not UTF-8"],
)
def test_what_cannot_be_read_is_one_line(vmm, image, tmp_path, script, line):
    (tmp_path / "script.py").write_bytes(script)
    done = vmm("run", image(POWER_OFF), "--scenario", "script.py")
    assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
    assert done.err.startswith(f"vmm: {line}")
    assert "\ufeff" not in done.err
