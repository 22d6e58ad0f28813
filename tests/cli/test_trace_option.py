"""`--trace FORMAT:FILE`: which format, which file."""

import json
import re
from pathlib import Path

import pytest

from cli.tiny_guests import TEST_PORT
from vmm.cli import main
from vmm.trace.export import FORMATS

DELIVERED = "     0: v=09 "


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def events(path: str) -> list[dict]:
    return json.loads(Path(path).read_text())["events"]


@pytest.mark.usefixtures("here")
def test_a_file_alone_is_json(vmm, image):
    run = image(TEST_PORT)
    vmm("run", run, "--trace", "one", "--quiet")
    vmm("run", run, "--trace", "json:two", "--quiet")
    assert Path("one").read_bytes() == Path("two").read_bytes()
    assert "delivered" in [event["kind"] for event in events("one")]


@pytest.mark.usefixtures("here")
def test_jsonl_is_an_event_a_line(vmm, image):
    vmm("run", image(TEST_PORT), "--trace", "jsonl:lines", "--trace", "whole", "--quiet")
    assert [json.loads(line) for line in Path("lines").read_text().splitlines()] == events("whole")


@pytest.mark.usefixtures("here")
def test_int_in_a_file_is_what_d_int_prints(vmm, image):
    done = vmm("run", image(TEST_PORT), "--board", "pc,pit=off", "--trace", "int:log", "-d", "int", "--quiet")
    assert done.err.startswith(DELIVERED)
    assert Path("log").read_text() == done.err


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("option", "file"),
    [("json:a:b.json", "a:b.json"), ("json:json:c", "json:c"), ("./a:b.json", "a:b.json"), ("sub/int:x", "sub/int:x")],
)
def test_a_file_may_have_a_colon_in_its_name(vmm, image, option, file):
    Path("sub").mkdir()
    assert vmm("run", image(TEST_PORT), "--trace", option, "--quiet").status == 1  # EXIT_0
    assert events(file)


@pytest.mark.usefixtures("here")
@pytest.mark.parametrize(
    ("option", "words"),
    [
        ("jsnol:x", "unknown trace format 'jsnol'; did you mean 'jsonl'?; a file of this name is json:jsnol:x"),
        (
            "C:foo",
            "unknown trace format 'C' (known: chrome, int, json, jsonl, perfetto, vcd); a file of this name is "
            "json:C:foo",
        ),
        ("JSON:x", "unknown trace format 'JSON'; did you mean 'json'?; a file of this name is json:JSON:x"),
        ("jsonl:", "--trace .: cannot write: Is a directory"),
    ],
)
def test_a_name_before_a_colon_is_a_format_or_one_line_that_says_how_to_go_on(vmm, image, option, words):
    status, out, err = vmm("run", image(TEST_PORT), "--trace", option)
    assert (status, out, err.count("\n")) == (2, "", 1)
    assert words in err


@pytest.mark.parametrize("command", ["run", "replay"])
def test_the_help_names_every_format(command, capsys):
    with pytest.raises(SystemExit):
        main([command, "--help"])
    told = " ".join(capsys.readouterr().out.split())
    (words,) = [part for part in told.split(" --") if part.startswith("trace [FORMAT:]FILE write")]
    assert [format for format in FORMATS if format not in re.findall(r"\w+", words)] == []
