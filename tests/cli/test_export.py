"""`vmm export`: a recording's events in a file of any format."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path

import pytest
from perfetto.protos.perfetto.trace.perfetto_trace_pb2 import Trace

from cli.tiny_guests import SPIN, TEST_PORT
from vmm.cli import interrupts, progress
from vmm.trace.export import FORMATS


@pytest.fixture
def recording(vmm, image):
    """Of a guest that ends with status 1, in the directory the commands run in."""
    assert vmm("run", image(TEST_PORT), "--record", "run.vmmrec", "--quiet").status == 1
    return Path("run.vmmrec")


@pytest.mark.parametrize("format", FORMATS)
def test_it_is_what_the_run_would_have_written(vmm, recording, format):
    vmm("replay", recording, "--trace", f"{format}:whole", "--quiet")
    done = vmm("export", recording, "--to", "file", "--format", format)
    assert (done.status, done.out, done.err) == (0, "", "")
    assert Path("file").read_bytes() == Path("whole").read_bytes() != b""


@pytest.mark.parametrize("format", FORMATS)
def test_the_name_says_the_format(vmm, recording, format):
    for ending in FORMATS[format].SUFFIXES:
        assert vmm("export", recording, "--to", f"run{ending.upper()}").status == 0
        vmm("export", recording, "--to", "file", "--format", format)
        assert Path(f"run{ending.upper()}").read_bytes() == Path("file").read_bytes()


@pytest.mark.parametrize(
    ("to", "words"),
    [
        (["run.pftrac"], "run.pftrac: unknown ending of a trace '.pftrac'; did you mean '.pftrace'?, or say --format"),
        (["run"], "run: its name does not say which format it is: --format json, jsonl, int, perfetto, chrome, vcd"),
        (["run.vcd", "--format", "perfeto"], "unknown trace format 'perfeto'; did you mean 'perfetto'?"),
        (["run.vmmrec", "--format", "json"], "--to run.vmmrec: cannot write: it is an input, "),
        (["nowhere/run.vcd"], "--to nowhere/run.vcd: cannot write: No such file or directory"),
    ],
)
def test_what_is_off_is_said_in_a_line(vmm, recording, to, words):
    before = recording.read_bytes()
    status, out, err = vmm("export", recording, "--to", *to)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err
    assert recording.read_bytes() == before
    assert not Path("run").exists()


@pytest.mark.parametrize("bad", [b"", b"not a recording\n", b'{"a": 1}\n'])
def test_what_is_no_recording_leaves_no_file(vmm, tmp_path, bad):
    (tmp_path / "run.vmmrec").write_bytes(bad)
    status, _, err = vmm("export", "run.vmmrec", "--to", "run.vcd")
    assert (status, err.count("\n")) == (2, 1)
    assert err.startswith("vmm: run.vmmrec:1: ")
    assert not Path("run.vcd").exists()


def test_a_run_that_differs_says_so_and_has_a_whole_file(vmm, recording, image):
    done = vmm("export", recording, "--image", image(TEST_PORT[:-2] + bytes.fromhex("9090 ebfe")), "--to", "run.json")
    assert done.status == 1
    assert done.err.startswith("vmm: run.vmmrec")
    assert json.loads(Path("run.json").read_text())["events"]


def test_one_that_is_ended_on_its_way_has_a_whole_file(vmm, image, monkeypatch):
    vmm("run", image(SPIN), "--max-insns", "10k", "--record", "run.vmmrec", "--quiet")
    looks = iter(range(3))

    def check():
        if next(looks, None) is None:
            raise interrupts.Interrupted(signal.SIGINT)

    monkeypatch.setattr(progress, "SLICE", 1000)
    monkeypatch.setattr(interrupts, "check", check)
    done = vmm("export", "run.vmmrec", "--to", "run.pftrace")
    assert done.status == 130
    assert re.fullmatch(r"vmm: interrupted at 0x7c\w\w: run\.pftrace has the events until then\n", done.err)
    assert Trace.FromString(Path("run.pftrace").read_bytes()).packet
