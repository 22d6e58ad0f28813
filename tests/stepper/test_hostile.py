"""What a guest, its image and its sources say acts on no terminal."""

from vmm.sources import SourceTexts


def test_a_line_of_a_source_is_printable(tmp_path):
    (tmp_path / "a.c").write_bytes(b"\tx = '\x1b[2J';\t// \x07 \xc3\xa4 \xff\n")
    assert SourceTexts(tmp_path).line("a.c", 1) == "x = '\\x1b[2J';" + " " * 5 + "// \\x07 \xe4 \ufffd"
