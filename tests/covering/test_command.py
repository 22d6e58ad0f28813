"""`vmm coverage`, and the option of who runs and explores."""

import json
from html.parser import HTMLParser
from shutil import copytree

import pytest

from vmm.cli import main

from .guests import SOURCE, made


@pytest.fixture(scope="module")
def image(tmp_path_factory):
    return made(tmp_path_factory.mktemp("guests"))


@pytest.fixture
def guest(image, tmp_path, monkeypatch):
    """covered.elf and covered.S, where the command is given."""
    monkeypatch.chdir(tmp_path)
    copytree(image.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path


def explored(name, *options):
    words = ["--inject", "irq:5", "--between", "begin..end", "--board", "pc,pit=off", "--quiet", "--coverage", name]
    return main(["explore", "covered.elf", *words, *options])


def table(capsys):
    """Rows of the table by their first cell."""
    return {line.split("   ")[0].strip(): line for line in capsys.readouterr().out.splitlines()}


def test_a_table_by_function_and_line(guest, capsys):
    assert explored("a.json") == 0
    assert main(["coverage", "a.json"]) == 0
    rows = table(capsys)
    assert rows["begin"].split() == ["begin", "3", "3", "0", "0", "0x25", "IRQ", "5", "×3"]
    assert rows["covered.S:14"].split() == ["covered.S:14", "1", "1", "0", "0", "0x25", "IRQ", "5", "×1"]
    assert rows["covered.S:21"].split() == ["covered.S:21", "0", "0", "0", "0", "not", "executed"]


def test_runs_and_explorations_add_up(guest, capsys):
    explored("a.json")
    assert main(["run", "covered.elf", "--board", "pc,pit=off", "--quiet", "--coverage", "b.json"]) == 0
    assert main(["coverage", "merge", "a.json", "b.json", "a.json", "-o", "c.json"]) == 0
    capsys.readouterr()
    assert main(["coverage", "c.json", "--json", "-"]) == 0
    (image,) = json.loads(capsys.readouterr().out)["images"]
    assert image["runs"] == 3
    assert [(each["name"], each["times"]) for each in image["delivered"]] == [("0x25 IRQ 5", 8)]
    assert image["interrupted"] == 4


class Page(HTMLParser):
    """Tags, and lines of code with their mark."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.marks, self._line = set(), {}, None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.add(tag)
        given = dict(attributes)
        if tag == "li" and "l" in given.get("id", ""):
            self.marks[int(given["id"].rpartition("l")[2])] = given.get("title")


def test_a_page_marks_each_line(guest, capsys):
    explored("a.json")
    assert main(["coverage", "a.json", "--html", "a.html"]) == 0
    page = Page((guest / "a.html").read_text())
    wanted = {8: "masked", 10: "interrupted", 14: "interrupted", 16: "masked", 21: "not executed", 9: None}
    assert {number: page.marks[number] for number in wanted} == wanted


def test_a_page_takes_nothing_of_a_guest_for_its_own(guest, capsys):
    (guest / "evil.S").write_text(
        '#include "x86/guest.h"\n    GUEST_PROTECTED32\n"<script>&\\"":\n    nop # <img src=x>\n    POWER_OFF\n'
    )
    main(["run", "evil.S", "--quiet", "--coverage", "e.json"])
    assert main(["coverage", "e.json", "--html", "e.html"]) == 0
    text = (guest / "e.html").read_text()
    assert not {"script", "img"} & Page(text).tags
    assert "&lt;script&gt;" in text


def test_a_page_shows_no_source_that_has_changed(guest, capsys):
    explored("a.json")
    (guest / "covered.S").write_text(SOURCE + "// more\n")
    main(["coverage", "a.json", "--html", "a.html"])
    text = (guest / "a.html").read_text()
    assert "has changed since" in text
    assert "movl" not in text


WRONG = {
    ("nothere.json",): "vmm: nothere.json: No such file or directory\n",
    ("covered.S",): "vmm: covered.S: this is no coverage file; vmm run IMAGE --coverage FILE writes one\n",
    ("merge", "a.json"): "vmm: merge: where does the sum go? Say -o FILE\n",
    ("merge",): "vmm: merge: which files? vmm coverage merge A B -o C\n",
    ("merge", "a.json", "-o", "a.json"): "vmm: --output a.json: cannot write: it is an input, ",
    ("a.json", "-o", "b.json"): "vmm: -o is for merge: ",
    ("a.json", "--html", "a.json"): "vmm: --html a.json: cannot write: it is an input, ",
    ("a.json", "--html", "covered.S"): "vmm: --html covered.S: cannot write: it is an input, ",
    ("a.json", "--htm", "x"): "vmm: unknown option '--htm'; did you mean '--html'?\n",
}


@pytest.mark.parametrize("words", WRONG)
def test_what_is_wrong_is_said_in_one_line(guest, words, capsys):
    explored("a.json")
    capsys.readouterr()
    assert main(["coverage", *words]) == 2
    said = capsys.readouterr().err
    assert said.startswith(WRONG[words])
    assert said.count("\n") == 1


def test_a_map_goes_over_no_image(guest, capsys):
    assert main(["run", "covered.elf", "--coverage", "covered.elf"]) == 2
    assert "--coverage covered.elf: cannot write: it is an input" in capsys.readouterr().err
