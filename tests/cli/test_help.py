"""`vmm help`: topics in one line each, a page in the terminal and in a pipe, and the nearest name for a wrong one."""

import io
import re

import pytest

from cli.terminals import Terminal
from vmm.pages import page, rendered, topics

ESCAPE = re.compile(r"\x1b\[[\d;]*m")
SAMPLE = """# Title

Some `code`, and a [link](events.md).

## Part

| name | does |
|---|---|
| `a\\|b`[,x] | what is done |

```python
print("a line that is longer than the forty columns of this page")
if True:
    pass
```
"""


def test_without_a_topic_they_are_listed_a_line_each(vmm, monkeypatch):
    monkeypatch.setenv("COLUMNS", "160")
    done = vmm("help")
    assert (done.status, done.err) == (0, "")
    assert [line.split()[0] for line in done.out.split("\n\n")[0].splitlines()] == list(topics())


@pytest.mark.parametrize("topic", topics())
def test_a_page_keeps_every_line_of_its_code(vmm, topic):
    done = vmm("help", topic)
    assert (done.status, done.err) == (0, "")
    shown = done.out.encode("latin-1").decode()  # as the fixture has bytes
    assert "\x1b" not in shown
    for code in re.findall(r"^```\w*\n(.*?)^```", page(topic), re.MULTILINE | re.DOTALL):
        assert "\n".join(line.rstrip() for line in code.splitlines()) in shown


def test_a_command_has_its_options_shown(vmm):
    done = vmm("help", "list")
    assert (done.status, done.out.startswith("usage: vmm list [-h] [--json] "), done.err) == (0, True, "")


def test_capitals_are_no_other_topic(vmm):
    assert vmm("help", "Snapshots") == vmm("help", "snapshots")
    assert vmm("help", "List") == (2, "", "vmm: unknown topic 'List'; did you mean 'list'?\n")


def test_a_word_that_is_no_topic_leads_to_the_pages_that_have_it(vmm):
    for word, topic in (("gdb", "other-tools"), ("8259A", "pc"), ("gicv3", "virt")):
        done = vmm("help", word)
        assert (done.status, done.out, done.err.count("\n")) == (2, "", 1)
        assert done.err.startswith(f"vmm: no topic {word!r}; it is told of in ")
        assert topic in done.err.split("in ")[-1].strip().split(", ")


def test_a_wrong_topic_is_one_line_with_the_nearest(vmm):
    assert vmm("help", "snapshto") == (2, "", "vmm: unknown topic 'snapshto'; did you mean 'snapshots'?\n")
    assert vmm("help", "replya") == (2, "", "vmm: unknown topic 'replya'; did you mean 'replay'?\n")
    assert vmm("help", "snapshots", "run") == (2, "", "vmm: unexpected argument 'run'; see vmm help --help\n")


def test_in_a_pipe_the_text_has_the_columns_that_are_asked_for(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    out = io.StringIO()
    rendered.show(SAMPLE, out)
    assert out.getvalue() == (
        "Title\n═════\n\nSome code, and a link.\n\n## Part\n\n"
        "name     does\n─────────────────────\na|b[,x]  what is done\n\n"
        'print("a line that is longer than the forty columns of this page")\nif True:\n    pass\n'
    )


@pytest.mark.parametrize(
    ("columns", "wide"), [("0", 100), ("²", 100), ("many", 100), ("99999", 100), ("3", 20), ("60", 60)]
)
def test_columns_that_are_none_are_a_hundred(monkeypatch, columns, wide):
    monkeypatch.setenv("COLUMNS", columns)
    out = io.StringIO()
    rendered.show("word " * 200, out)
    assert wide - 5 < max(map(len, out.getvalue().splitlines())) <= wide


def test_a_stream_that_has_but_ascii_gets_ascii():
    out = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    rendered.show("# Title\n\na → b … “c”\n", out)
    out.flush()
    assert out.buffer.getvalue() == b"Title\n=====\n\na -> b ... ?c?\n"


def test_a_terminal_gets_the_same_words_in_colours(monkeypatch):
    for name, value in {"COLUMNS": "40", "TERM": "xterm-256color"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)
    plain, terminal = io.StringIO(), Terminal()
    rendered.show(SAMPLE, plain)
    rendered.show(SAMPLE, terminal)
    assert "\x1b[" in terminal.getvalue()
    bare = [line.rstrip() for line in ESCAPE.sub("", terminal.getvalue()).splitlines()]
    assert [line for line in bare if "link" not in line] == [
        line for line in plain.getvalue().splitlines() if "link" not in line
    ]
