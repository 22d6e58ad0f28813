"""`vmm step` where it cannot draw, and where it draws a picture."""

import re
import sys

import pytest

from vmm.cli import main
from vmm.sources import bundled

SVG_TEXT = re.compile(r"<text [^>]*>([^<]*)</text>")
PICTURE = ["step", "x86/priority_nesting", "--press", "N N N N N n n", "--size", "140x42", "--picture"]


def one_line(capfd):
    err = capfd.readouterr().err
    assert err.startswith("vmm: ") and err.count("\n") == 1
    return err


def test_without_a_terminal_it_says_what_would_do(capfd):
    assert main(["step", "x86/hello"]) == 2
    assert "--picture FILE.svg draws" in one_line(capfd)


def test_without_textual_it_says_which_command_installs_it(capfd, monkeypatch):
    monkeypatch.setitem(sys.modules, "textual", None)
    assert main(["step", "x86/hello"]) == 2
    err = one_line(capfd)
    assert "textual is not installed; the extra tui has it" in err and "'vmm[tui]'" in err


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["x86/hello", "--size", "80x24"], "--size is of a picture"),
        (["x86/hello", "--size", "80"], "--size 80: it is columns x lines"),
        (["x86/hello", "--size", "8x8", "--picture", "a.svg"], "20 to 1000 of either"),
        (["x86/hello", "--press", "entr", "--picture", "{}/a.svg"], "did you mean 'enter'"),
        (["x86/hello", "--picture", "/dev/full/a.svg"], "--picture /dev/full/a.svg: cannot write"),
        (["x86/hello", "--record", "{}/a", "--picture", "{}/a"], "/a goes there, too"),
        (["cases/lost_edge", "--picture", "{}/a.svg"], "vmm run cases/lost_edge --record FILE, and step that"),
        (["x86/helo", "--picture", "{}/a.svg"], "x86/hello"),
    ],
)
def test_what_makes_no_sense_is_one_line(words, told, capfd, tmp_path):
    assert main(["step", *(word.format(tmp_path) for word in words)]) == 2
    assert told in one_line(capfd)


def test_a_recording_has_its_own_machine(capfd, tmp_path):
    path, picture = tmp_path / "run.vmmrec", tmp_path / "a.svg"
    assert main(["run", "x86/hello", "--quiet", "--record", str(path)]) == 0
    capfd.readouterr()
    for option in (["--smp", "2"], ["--record", str(tmp_path / "b")], ["--memory", "64M"]):
        assert main(["step", str(path), "--picture", str(picture), *option]) == 2
        assert one_line(capfd).startswith(f"vmm: {option[0]}: a recording has its own machine")
    assert list(tmp_path.iterdir()) == [path]


def test_the_bundled_picture_is_what_its_command_draws(tmp_path):
    """By its words: colors are the library's."""
    path = tmp_path / "now.svg"
    assert main([*PICTURE, str(path)]) == 0
    kept, now = ((bundled() / "pictures" / "stepper.svg").read_text(), path.read_text())
    assert SVG_TEXT.findall(now) == SVG_TEXT.findall(kept)
    assert "within that of" in now.replace("&#160;", " ")
