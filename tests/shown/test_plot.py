"""`vmm.plot`: a picture that shows itself, and can be saved."""

import xml.etree.ElementTree as ET

import pytest

import vmm

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def run():
    m = vmm.boot("x86/priority_nesting", console=None)
    m.trace.record()
    m.run()
    return m


def test_it_is_an_svg_with_the_runs_side_by_side(run):
    picture = vmm.plot("nesting", run, run)
    root = ET.fromstring(picture._repr_svg_())
    assert root.tag.endswith("svg") and "max-width" in root.attrib["style"]
    texts = [each.text for each in root.iter("{http://www.w3.org/2000/svg}text")]
    assert texts.count("x86/priority_nesting") == 2
    assert "IRQ 5" in texts or "IRQ 3" in texts
    assert repr(picture) == "<Picture of nesting>"


def test_it_can_be_saved(run, tmp_path):
    picture = vmm.plot("latency", run)
    picture.save(tmp_path / "late.png")
    assert (tmp_path / "late.png").read_bytes().startswith(PNG)
    with pytest.raises(vmm.VmmError, match=r"a picture is \.svg or \.png"):
        picture.save(tmp_path / "late.gif")


def test_a_wrong_name_no_machine_and_no_record_are_said(run):
    with pytest.raises(vmm.VmmError, match="nesting"):
        vmm.plot("nestling", run)
    with pytest.raises(vmm.VmmError, match="of which machine"):
        vmm.plot("nesting")
    with pytest.raises(vmm.VmmError, match="nothing is recorded"):
        vmm.plot("nesting", vmm.boot("x86/hello", console=None))
