"""Files that are no recordings, damaged ones, and those of another machine: one line each, with file and line."""

import json
import random

import pytest

import vmm
from inputs import tapes
from inputs.tapes import changed
from vmm.inputs import tape


@pytest.fixture(scope="module")
def good(tmp_path_factory):
    """The lines of a good recording, without its checksum."""
    path = tmp_path_factory.mktemp("good") / "good.vmmrec"
    m = vmm.boot("x86/pit_ticks")

    async def scenario(m):
        await vmm.Delivered(0x20)
        m.irq(4).pulse()
        m.type("abc")
        m.attach(Device(m), ports=(0x300, 4))

    class Device:
        port_width = 1

        def __init__(self, m):
            self.line = m.bus.line(6)
            self.timer = m.clock.timer(self.tick)
            self.timer.at(m.clock.now() + 50_000)
            m.clock.wave(self.line).start(origin_ns=0, hz_num=1000, hz_den=3, level=True, first_tick=40, toggles=4)

        def tick(self):
            self.line.set(True)

        def port_read(self, port, size):
            return 1

        def port_write(self, port, size, value):
            self.line.set(False)

    with m.recording(path):
        m.start(scenario)
        m.run()
    return path.read_text().splitlines()[:-1]


@pytest.fixture
def written(tmp_path):
    """Write lines, with a checksum that fits."""

    return lambda lines: tapes.write(tmp_path / "run.vmmrec", lines)


def test_the_fixture_is_a_good_recording(good, written):
    replay = vmm.replay(written(good))
    replay.run()
    assert replay.verified
    assert {entry.decision.kind for entry in replay.tape.entries} == {
        "line", "input", "new timer", "timer", "wave", "attach"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("line", "fields", "said"),
    [
        (0, {"vmmrec": "x"}, ":1: not a recording of vmm's; vmm run IMAGE --record FILE writes one"),
        (0, {"vmmrec": 3}, r":1: made by a newer vmm \(format 3, this one reads 2\)"),
        (0, {"vmmrec": 1}, r":1: made by an older vmm \(format 1, this one reads 2\)"),
        (0, {"vmm": "9.9"}, r":1: recorded with vmm 9.9; this is \d"),
        (0, {"unicorn": "1.0.3"}, ":1: recorded with Unicorn 1.0.3; this is 2.1.4"),
        (0, {"image": ["x86/pit_ticks", "00"]}, ":1: image x86/pit_ticks has changed since.*--image PATH"),
        (0, {"image": ["/nowhere.elf", "00"]}, ":1: the recorded image is missing: /nowhere.elf: no such file"),
        (0, {"image": ["x86/pit_tick", "00"]}, ":1: the recorded image is missing: unknown bundled guest"),
        (0, {"image": 7}, ":1: the recording is damaged"),
        (0, {"modules": [["/nowhere", "00"]]}, ":1: the recorded module is missing: /nowhere"),
        (0, {"modules": 7}, ":1: the recording is damaged"),
        (0, {"load_address": "x"}, ":1: the recording is damaged"),
        (0, {"config": {"board": 7}}, ":1: the recording is damaged: config 'board'"),
        (0, {"config": {"bored": "pc"}}, ":1: the recording is damaged: config 'bored'"),
        (0, {"config": {"board": "pcx"}}, "unknown board 'pcx'"),
        (1, {"at": [1, 2, 3]}, ":2: the recording is damaged: 'at' is no position"),
        (1, {"at": [-1, 2, 3, 4]}, ":2: the recording is damaged: 'at' is no position"),
        (1, {"do": ["lyne", 1, 1]}, ":2: the recording is damaged: no decision"),
        (1, {"do": []}, ":2: the recording is damaged: no decision"),
        (1, {"do": ["line", {"hex": "0"}]}, ":2: the recording is damaged: no bytes"),
        (1, {"call": "x"}, ":2: the recording is damaged: no call"),
        (-1, {"end": 7}, "the recording is damaged: 'end' is no position"),
        (-1, {"status": "x"}, "the recording is damaged: 'status'"),
        (-1, {"status": 256}, "the recording is damaged: 'status'"),
        (-1, {"hash": "\x1b[31m0123456789a"}, "the recording is damaged: 'hash'"),
    ],
)
def test_what_is_wrong_with_a_recording_is_said_in_one_line(line, fields, said, good, written):
    lines = list(good)
    lines[line] = changed(lines[line], **fields)
    with pytest.raises(vmm.VmmError, match=said) as caught:
        vmm.replay(written(lines))
    assert "\n" not in str(caught.value)


def test_a_decision_the_machine_has_no_place_for_is_named(good, written):
    lines = list(good)
    lines[1] = changed(lines[1], do=["line", "five", 1])
    with pytest.raises(vmm.VmmError, match=r"run\.vmmrec:2: the recording is damaged: line five 1"):
        vmm.replay(written(lines)).run()


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "run.vmmrec:1: not a recording"),
        (b"\x7fELF\x02\x01\x01\x00", "run.vmmrec:1: not a recording"),
        (b"[1]\n", "run.vmmrec:1: not a recording"),
        (b"{}\n", "run.vmmrec:1: not a recording"),
    ],
)
def test_a_foreign_file_is_told(data, said, tmp_path):
    path = tmp_path / "run.vmmrec"
    path.write_bytes(data)
    with pytest.raises(vmm.VmmError, match=said):
        vmm.replay(path)


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(vmm.VmmError, match=r"none\.vmmrec: No such file"):
        vmm.replay(tmp_path / "none.vmmrec")


def test_every_truncation_is_told(good, tmp_path):
    path = tmp_path / "run.vmmrec"
    text = "\n".join(good)
    for size in range(0, len(text), 7):
        path.write_text(text[:size])
        with pytest.raises(vmm.VmmError, match=r"breaks off|damaged|not a recording"):
            tape.read(path)


def test_a_changed_byte_is_told(good, written):
    path = written(good)
    data = bytearray(path.read_bytes())
    where = data.index(b'"input"') - 10
    data[where] ^= 1
    path.write_bytes(data)
    with pytest.raises(vmm.VmmError, match=r"run\.vmmrec:\d+: the recording is damaged"):
        vmm.replay(path)


@pytest.mark.parametrize("seed", range(60))
def test_numbers_gone_wild_are_errors_and_nothing_worse(seed, good, written):
    """What the checksum would find, it cannot when it was made afterwards."""
    dice = random.Random(seed)
    lines = list(good)
    n = dice.randrange(1, len(lines) - 1)
    packed = json.loads(lines[n])
    wild = [-1, 0, 1, 255, 1 << 31, 1 << 40, (1 << 64) - 1, 1 << 70, None, "x", [1], {"hex": "00"}, True, 1.5]
    if packed.get("do"):
        do = packed["do"] if isinstance(packed["do"][0], str) else packed["do"][0]
        if len(do) > 1:
            do[dice.randrange(1, len(do))] = dice.choice(wild)
    if "call" in packed:
        packed["answer"] = dice.choice(wild)
    lines[n] = json.dumps(packed)
    replay = None
    try:
        replay = vmm.replay(written(lines))
        replay.machine.limit(insns=100_000)
        replay.run()
    except vmm.VmmError as error:
        assert "\n" not in str(error)


def test_a_recording_is_written_whole_or_not_at_all(good, written, tmp_path):
    path = written(good)
    m = vmm.boot("x86/pit_ticks")
    for where in (tmp_path / "no" / "run.vmmrec", tmp_path):
        with pytest.raises(vmm.VmmError, match="cannot write"):
            m.recording(where)
    recorder = m.recording()
    with pytest.raises(vmm.VmmError, match="cannot write"):
        recorder.save(tmp_path / "no" / "run.vmmrec")
    recorder.save(path)
    assert vmm.replay(path).tape.entries == []
    assert [file.name for file in tmp_path.iterdir()] == ["run.vmmrec"]
