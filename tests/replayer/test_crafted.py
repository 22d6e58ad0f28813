"""Files that were spoiled, or made by hand to do harm: each is refused in words, or replays."""

from __future__ import annotations

import json
import random
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from inputs import tapes

import vmm

from . import everything


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The lines of a recording of everything, by image."""
    directory = tmp_path_factory.mktemp("good")
    return {image: everything.record(image, directory / "run.vmmrec") for image in everything.MACHINES}


@pytest.mark.parametrize("image", everything.MACHINES)
def test_everything_that_a_script_decides_replays(image, good, tmp_path):
    tapes.write(tmp_path / "run.vmmrec", good[image])
    replay = vmm.replay(tmp_path / "run.vmmrec")
    replay.run()
    assert replay.verified
    kinds = {json.loads(line)["do"][0] for line in good[image] if line.startswith('{"at"')}
    assert len(kinds) > 8


def outcome(path: Path) -> None:
    """A replay ends, or is refused in one line of few words."""
    try:
        replay = vmm.replay(path)
        replay.run()
    except vmm.VmmError as error:
        assert len(str(error)) < 20_000
        str(error).encode(sys.stderr.encoding or "utf-8", "backslashreplace")
    else:
        assert replay.finished


@settings(max_examples=60)
@given(seed=st.integers(0, 1 << 32), image=st.sampled_from(sorted(everything.MACHINES)))
def test_a_crafted_recording_replays_or_is_refused_in_words(seed, image, good, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "crafted.vmmrec"
    tapes.write(path, everything.crafted(good[image], random.Random(seed)))
    outcome(path)


@settings(max_examples=60)
@given(data=st.data(), image=st.sampled_from(sorted(everything.MACHINES)))
def test_a_spoiled_file_is_told_from_a_recording(data, image, good, tmp_path_factory):
    path = tmp_path_factory.getbasetemp() / "spoiled.vmmrec"
    tapes.write(path, good[image])
    whole = path.read_bytes()
    spoiled = bytearray(whole)
    if data.draw(st.booleans()):
        del spoiled[data.draw(st.integers(0, len(whole) - 2)) :]
    else:
        for _ in range(data.draw(st.integers(1, 4))):
            spoiled[data.draw(st.integers(0, len(whole) - 2))] ^= 1 << data.draw(st.integers(0, 7))
    path.write_bytes(spoiled)
    if spoiled != whole:
        with pytest.raises(vmm.VmmError, match=r"spoiled\.vmmrec:\d+: "):
            vmm.replay(path)


@pytest.mark.parametrize("name", ["/dev/zero", "/dev/null"])
def test_a_device_is_no_recording(name):
    with pytest.raises(vmm.VmmError, match=f"{name}:1: not a recording of vmm's"):
        vmm.replay(name)


@pytest.mark.parametrize(
    "file", ["/dev/zero", "\x00", "\ud800", "a" * 5000, "/", "", "x86/../../../../dev/zero"]
)  # fmt: skip
@pytest.mark.parametrize("what", ["image", "modules"])
def test_a_recording_of_no_file_is_refused(what, file, good, tmp_path):
    lines = list(good["x86/pit_ticks"])
    header = json.loads(lines[0])
    header[what] = [file, "00"] if what == "image" else [[file, "00"]]
    tapes.write(tmp_path / "run.vmmrec", [json.dumps(header), *lines[1:]])
    with pytest.raises(vmm.VmmError):
        vmm.replay(tmp_path / "run.vmmrec")


def test_lists_within_lists_are_no_recording(tmp_path):
    deep = "[" * 100_000
    (tmp_path / "run.vmmrec").write_text('{"vmmrec": 2, "vmm": ' + deep + "\n")
    with pytest.raises(vmm.VmmError, match=r"run\.vmmrec:1: not a recording"):
        vmm.replay(tmp_path / "run.vmmrec")
