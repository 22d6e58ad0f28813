"""Every rule that a test or a comment cites by its number is in tests/README.md, and every rule there has its tests."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROOT = TESTS.parent
TEXT = (TESTS / "README.md").read_text()
RULES = [int(number) for number in re.findall(r"^(\d+)\. \*\*", TEXT, re.MULTILINE)]
CITED = re.compile(r"\b[Rr]ules? (\d+(?:(?:-|,? and |, | to )\d+)*)")


def numbers(citation):
    """The numbers of "7", "12 and 14", "4, 5 and 7", "20 to 24" or "4-7"."""
    found = set()
    for part in re.split(r",? and |, ", citation):
        first, *last = (int(number) for number in re.split("-| to ", part))
        found |= set(range(first, (last or [first])[0] + 1))
    return found


def cited(*folders):
    """(file, number) of every citation in the files of these folders."""
    files = [
        path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in (".py", ".c", ".h", ".S")
    ]
    return {
        (str(path.relative_to(ROOT)), number)
        for path in files
        for citation in CITED.findall(path.read_text())
        for number in numbers(citation)
    }


@pytest.mark.parametrize(
    ("citation", "expected"),
    [
        ("7", {7}),
        ("12 and 14", {12, 14}),
        ("4, 5 and 7", {4, 5, 7}),
        ("20 to 24", {20, 21, 22, 23, 24}),
        ("4-6", {4, 5, 6}),
    ],
)
def test_a_citation_names_these_rules(citation, expected):
    assert CITED.fullmatch(f"rules {citation}")[1] == citation
    assert numbers(citation) == expected


def test_the_rules_are_counted_without_a_gap():
    assert list(range(1, len(RULES) + 1)) == RULES


def test_every_rule_that_is_cited_exists():
    assert [where for where in sorted(cited("tests", "native", "vmm", "tools")) if where[1] not in RULES] == []


def test_every_rule_is_cited_by_a_test():
    assert set(RULES) == {number for _, number in cited("tests")} & set(RULES)


def test_every_folder_of_tests_is_on_the_map():
    folders = {path.parent.relative_to(TESTS) for path in TESTS.rglob("test_*.py")} - {Path()}
    assert [str(folder) for folder in sorted(folders) if f"`{folder}/`" not in TEXT] == []
