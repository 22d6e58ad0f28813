"""The manual is whole: each page is in its contents, each link leads somewhere, and the README leads there."""

import re

import pytest

from docs.blocks import MANUAL, PAGES, README
from vmm.cli import COMMANDS
from vmm.pages import topics

LINK = re.compile(r"\]\((?!https?:)([^)#]+)(#[\w-]+)?\)")


def test_the_contents_name_every_page_and_no_other():
    assert sorted(topics()) == sorted(page.stem for page in MANUAL.glob("*.md") if page.name != "README.md")


def test_no_topic_is_called_like_a_command():
    assert topics().keys() & COMMANDS.keys() == set()


@pytest.mark.parametrize("topic", topics())
def test_a_page_begins_with_its_title_and_its_line_fits_a_terminal(topic):
    assert (MANUAL / f"{topic}.md").read_text().startswith("# ")
    assert len(topic) + len(topics()[topic]) < 100


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_to_a_file(page):
    assert [link for link, _ in LINK.findall(page.read_text()) if not (page.parent / link).exists()] == []


def test_the_readme_leads_to_the_contents():
    assert "vmm/pages/README.md" in {link for link, _ in LINK.findall(README.read_text())}
