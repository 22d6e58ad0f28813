"""`vmm list`: filters, and names that stay whole however narrow the text is."""

import json

import pytest

from vmm.catalog import guests

NAMES = {guest.name for guest in guests()}


def listed(done):
    assert (done.status, done.err) == (0, "")
    return {word for word in done.out.split() if word in NAMES}


@pytest.mark.parametrize("arch", ["x86", "arm", "arm64"])
def test_an_architectures_guests_alone(vmm, arch):
    assert listed(vmm("list", arch)) == {name for name in NAMES if name.startswith(f"{arch}/")}


def test_a_word_of_a_line_with_capitals_or_without(vmm):
    assert listed(vmm("list", "NMI")) >= {"x86/nmi_blocking"}
    assert listed(vmm("list", "nmi")) == listed(vmm("list", "NMI"))
    assert all(name.startswith("arm") for name in listed(vmm("list", "gic=3")))


def test_several_words_are_all_there(vmm):
    both = listed(vmm("list", "arm64", "wfi"))
    assert both == listed(vmm("list", "arm64")) & listed(vmm("list", "wfi"))


def test_json_is_filtered_alike(vmm):
    found = json.loads(vmm("list", "arm", "--json").out)
    assert {guest["arch"] for guest in found} == {"arm"}
    assert {"arm/hello", "cases/lost_update/arm"} <= {guest["name"] for guest in found}


def test_what_no_line_has_is_one_line(vmm):
    assert vmm("list", "x86", "xyzzy") == (
        2, "", "vmm: no bundled guest has 'x86' and 'xyzzy' in its line; vmm list shows all\n"
    )  # fmt: skip


@pytest.mark.parametrize("columns", [30, 60, 72, 80, 100, 160])
def test_names_are_whole_and_lines_no_longer_than_columns(vmm, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    done = vmm("list")
    assert listed(done) == NAMES
    lines = done.out.encode("latin-1").decode().splitlines()
    assert max(len(line.rstrip()) for line in lines) <= columns


def test_a_run_tells_in_the_columns_that_are_asked_for_too(vmm, monkeypatch):
    monkeypatch.setenv("COLUMNS", "60")
    err = vmm("run", "arm/sgi_ping_pong").err
    table = err.splitlines()[1:-1]
    assert max(len(line.rstrip()) for line in table) <= 60
    assert "delivered" in err
