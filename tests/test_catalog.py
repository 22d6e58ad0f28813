"""What a user may call an image, and the list of bundled guests."""

import json
from pathlib import Path

import pytest

from vmm import catalog
from vmm.casebook import case
from vmm.errors import VmmError

FACTS = 'summary = "of {}"\nboard = "{}"\nsuccess = {}\n'
PC = ("pc", "")
ARM_PAIR = ("virt,gic=3", 'cpu = "cortex-a15"\nsmp = 2\n')


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """Three guests, two of them with one short name, and an empty directory to stand in."""
    for success, (name, (board, more)) in enumerate((("x86/one", PC), ("x86/two", PC), ("arm/two", ARM_PAIR))):
        directory = tmp_path / "shelf" / name
        directory.mkdir(parents=True)
        (directory / "guest.toml").write_text(FACTS.format(name, board, success) + more)
        (directory / f"{directory.name}.elf").touch()
    (tmp_path / "shelf" / "include").mkdir()
    for module in (catalog, case):
        monkeypatch.setattr(module, "bundled", lambda: tmp_path / "shelf")
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "shelf"


@pytest.mark.parametrize(
    ("name", "image"), [("x86/one", "x86/one/one.elf"), ("one", "x86/one/one.elf"), ("arm/two", "arm/two/two.elf")]
)
def test_a_bundled_guest_is_found_by_its_name_or_a_short_one(shelf, name, image):
    assert catalog.resolve(name) == shelf / image


def test_a_short_name_of_two_guests_is_refused_with_both(shelf):
    with pytest.raises(VmmError, match="'two' is more than one bundled guest: arm/two, x86/two"):
        catalog.resolve("two")


def test_a_file_comes_before_a_guest_and_a_directory_does_not(shelf):
    Path("one").mkdir()
    assert catalog.resolve("one") == shelf / "x86/one/one.elf"
    Path("one").rmdir()
    Path("one").touch()
    assert catalog.resolve("one") == Path("one")


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("x86/on", "unknown bundled guest 'x86/on'; did you mean 'x86/one'?"),
        ("qqqq", "qqqq: no such file, and no bundled guest is called so; vmm list shows those there are"),
        ("dir/qqqq", "dir/qqqq: no such file, and no bundled guest is called so; vmm list shows those there are"),
        ("one.elf", "one.elf: no such file"),
        ("dir/one.S", "dir/one.S: no such file"),
    ],
)
def test_what_is_no_image_is_one_line(shelf, name, line):
    with pytest.raises(VmmError) as refused:
        catalog.resolve(name)
    assert str(refused.value) == line


def test_a_wrong_name_of_a_file_has_the_nearest_file(shelf):
    Path("kernel.elf").touch()
    Path("notes").touch()
    with pytest.raises(VmmError, match=r"^kernle\.elf: no such file; did you mean 'kernel\.elf'\?$"):
        catalog.resolve("kernle.elf")


def test_a_directory_has_its_images_named(shelf):
    Path("out").mkdir()
    assert catalog.resolve("out") == Path("out")
    for name in ("kernel.elf", "boot.bin", "kernel.o"):
        (Path("out") / name).touch()
    line = "^out: image expected, but this is a directory; in it: out/boot.bin, out/kernel.elf$"
    with pytest.raises(VmmError, match=line):
        catalog.resolve("out")


def test_the_list_is_sorted_and_says_what_guest_toml_says(shelf, vmm):
    done = vmm("list", "--json")
    assert (done.status, done.err) == (0, "")
    assert json.loads(done.out) == [
        {"name": name, "arch": name[:3], "board": board, "summary": f"of {name}", "success": success} | rest
        for name, board, success, rest in (
            ("arm/two", "virt,gic=3", 2, {"cpu": "cortex-a15", "smp": 2}),
            ("x86/one", "pc", 0, {"cpu": "default", "smp": 1}),
            ("x86/two", "pc", 1, {"cpu": "default", "smp": 1}),
        )
    ]


def test_the_list_is_a_table_with_a_line_a_guest_in_a_pipe(shelf, vmm):
    lines = vmm("list").out.splitlines()
    assert lines[0].split()[:3] == ["name", "board", "vCPUs"]
    assert [line.split() for line in lines[2:]] == [
        ["arm/two", "virt,gic=3", "2", "2", "of", "arm/two"],
        ["x86/one", "pc", "1", "0", "of", "x86/one"],
        ["x86/two", "pc", "1", "1", "of", "x86/two"],
    ]


def test_a_file_in_a_folder_called_like_the_casebook_is_a_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "cases").mkdir()
    (tmp_path / "cases" / "mine").write_bytes(b"")
    assert catalog.case_named("cases/mine") is None
    assert catalog.find("cases/mine") == Path("cases/mine")
    assert catalog.case_named("cases/not_yet.S") is None
    named = catalog.case_named("cases/missing_eoi", "fixed")
    assert named and named.name == "cases/missing_eoi/x86-fixed"
