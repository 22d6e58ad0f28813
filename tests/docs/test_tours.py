"""A tour prints what it says, and shows what is in the files it speaks of."""

import re

import pytest

from docs import blocks, tours
from vmm.cli import main


@pytest.mark.slow
@pytest.mark.parametrize("page", tours.MADE_BY_NEW, ids=lambda page: page.stem)
def test_a_tour_goes_from_an_empty_folder_to_the_fix(page, tmp_path):
    tours.take(page, tmp_path, tours.OURS)
    assert {block.language for block in blocks.blocks(page)} == {"console", "python", "c"}


@pytest.mark.parametrize("page", tours.MADE_BY_NEW, ids=lambda page: page.stem)
def test_the_code_that_it_shows_is_in_what_vmm_new_makes(page, tmp_path, capsys):
    (made,) = re.findall(r"^\$ vmm new (\w+) --kind ([\w-]+)$", page.read_text(), re.MULTILINE)
    main(["new", str(tmp_path / made[0]), "--kind", made[1]])
    written = [path.read_text() for path in (tmp_path / made[0]).glob("*.*") if path.suffix in (".py", ".c")]
    shown = [block for block in blocks.blocks(page) if block.language in ("python", "c")]
    (test,) = (block for block in shown if block.language == "python")
    assert any(test.text in text for text in written)
    *_, fix = (block for block in shown if block.language == "c")
    code = re.sub(r"/\*.*?\*/\n", "", (tmp_path / made[0] / "critical.c").read_text(), flags=re.DOTALL)
    assert fix.text == code, "the fix is what critical.c has"


def test_a_tour_that_says_something_else_is_noticed(tmp_path):
    page = tmp_path / "tour-wrong.md"
    for shown, right in (("$ echo one\none\n", True), ("$ echo one\ntwo\n", False), ("$ echo one\n", False)):
        page.write_text(f"# Wrong\n\n```console\n{shown}```\n")
        if right:
            tours.take(page, tmp_path)
        else:
            with pytest.raises(AssertionError, match="echo one"):
                tours.take(page, tmp_path)
