"""Files of coverage maps: what is added up, in any order; and those that are none."""

import json
from itertools import permutations

import pytest

import vmm
from vmm.coverage.image import CodeLine, ImageCoverage, Interrupt, SourceFile, Where

TICK, KEY = Interrupt(0x20, "IRQ 0"), Interrupt(0x21, "IRQ 1")


def image(name, sha256="ab" * 32, **tables):
    return ImageCoverage(name, sha256, "x86", runs=1, **tables)


def coverage(*images):
    made = vmm.Coverage()
    made.images = list(images)
    return made


def parts():
    """Two runs of one image, which is called otherwise in the second, and one of another."""
    at = {0x10: Where("f", 0, "f.c", 3), 0x12: Where("f", 2, "f.c", 4)}
    files, lines = {"f.c": SourceFile("/src/f.c", "cd" * 32)}, {CodeLine("f.c", 9, "g"): 0x40}
    first = image("f.elf", where=at, began={0x10: 1, 0x12: 2}, delivered={(0x10, TICK): 3}, files=files, lines=lines)
    second = image(
        "there/f.elf", where={0x12: at[0x12]}, began={0x12: 1}, delivered={(0x10, TICK): 1, (0x12, KEY): 2},
        files={"f.c": SourceFile("", "")},
    )  # fmt: skip
    second.where |= at
    return coverage(first), coverage(second), coverage(image("g.elf", "ef" * 32, where={0: Where()}, began={0: 2}))


def test_counts_add_up():
    first, second, _ = parts()
    first.add(second)
    (found,) = first.images
    assert (found.name, found.runs) == ("f.elf", 2)
    assert found.delivered == {(0x10, TICK): 4, (0x12, KEY): 2}
    assert found.began == {0x10: 1, 0x12: 3}
    assert found.files == {"f.c": SourceFile("/src/f.c", "cd" * 32)}


def test_the_order_makes_no_difference():
    texts = set()
    for a, b, c in permutations(parts()):
        left, right = coverage(), coverage()
        right.add(b)
        right.add(c)
        left.add(a)
        left.add(right)
        texts.add(left.text())
    assert len(texts) == 1


def test_a_file_has_all_of_it(tmp_path):
    for n, part in enumerate(parts()):
        part.save(tmp_path / f"{n}.json")
        assert vmm.Coverage.load(tmp_path / f"{n}.json").images == part.images


def test_a_new_file_is_json_of_version_1(tmp_path):
    parts()[0].save(tmp_path / "a.json")
    kept = json.loads((tmp_path / "a.json").read_text())
    assert kept["vmm coverage"] == 1
    assert kept["images"][0]["instructions"] == [[0x10, 1, 0, 0, 0, 3], [0x12, 2, 0, 2, 0, 4]]
    assert kept["images"][0]["delivered"] == [[0x10, 0, 3]]


DAMAGE = {
    "no JSON": (lambda text: text[:-20], "this is no coverage file"),
    "another file": (lambda text: "[]", "this is no coverage file"),
    "a later version": (lambda text: text.replace('coverage": 1', 'coverage": 2'), "another version: 2"),
    "no list": (lambda text: '{"vmm coverage": 1, "images": 3}', "its images are no list"),
    "an architecture": (lambda text: text.replace("x86", "mips"), "'mips' is no architecture"),
    "an index": (lambda text: text.replace("[16, 0, 3]", "[16, 9, 3]"), "9 is not a number below 1"),
    "a negative count": (lambda text: text.replace("[16, 0, 3]", "[16, 0, -3]"), "-3 is not a number"),
    "an address": (lambda text: text.replace("[16, 0, 3]", "[17, 0, 3]"), "delivered at 17"),
    "a short row": (lambda text: text.replace("[16, 0, 3]", "[16]"), "image 1 of the coverage file is damaged"),
    "no table": (lambda text: text.replace('"lines"', '"limes"'), "it has no 'lines'"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_file_that_is_none_is_refused_in_one_line(damage, tmp_path):
    change, words = DAMAGE[damage]
    path = tmp_path / "a.json"
    path.write_text(change(parts()[0].text()))
    with pytest.raises(vmm.VmmError, match=words) as refused:
        vmm.Coverage.load(path)
    assert str(refused.value).startswith(f"{path}: ")
