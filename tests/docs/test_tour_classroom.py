"""The classroom's tour, each block where the one before it ended."""

import pytest

from docs import blocks, tours

PAGE = "tour-classroom.md"


@pytest.mark.slow
def test_it_can_be_walked_from_an_empty_folder(tmp_path):
    tours.take(blocks.MANUAL / PAGE, tmp_path, tours.OURS)


def test_the_guest_fits_on_a_page_and_the_test_in_ten_lines():
    lines = {block.name: len(block.text.splitlines()) for block in blocks.BLOCKS[PAGE] if block.name}
    assert lines["keys.S"] <= 30 and lines["test_keys.py"] <= 10
