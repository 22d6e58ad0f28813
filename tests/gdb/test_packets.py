"""Packets as bytes (gdb manual, E.1): whatever comes in whichever pieces, and nothing of what is too much."""

import pytest

from vmm.gdb.packets import MOST, BreakIn, Packet, Reader, framed, unescaped


def parts(data, size):
    return [data[at : at + size] for at in range(0, len(data), size)]


def cut(data, size=1 << 20):
    reader = Reader()
    return [each for part in parts(data, size) for each in reader.feed(part)]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1 << 20])
def test_packets_come_whole_whatever_pieces_they_come_in(size):
    came = cut(b"+$g#67+$m10,4#2e\x03$OK#9a", size)
    assert [each.data for each in came if isinstance(each, Packet)] == [b"g", b"m10,4", b"OK"]
    assert [each.problem for each in came if isinstance(each, Packet)] == ["", "", ""]
    assert isinstance(came[2], BreakIn)


def test_noise_between_packets_is_passed_over():
    assert [each.data for each in cut(b"hello\r\n+++--$g#67##$?#3f")] == [b"g", b"?"]


def test_a_packet_that_was_broken_off_is_passed_over_for_the_one_that_follows():
    assert cut(b"$m1000,$g#67") == [Packet(b"g")]


@pytest.mark.parametrize("told", [b"00", b"zz", b"6"])
def test_a_wrong_checksum_is_told(told):
    (packet, *_) = cut(b"$g#" + told + b"$")
    assert packet.problem == "a packet whose checksum is wrong"


@pytest.mark.parametrize("size", [1000, 1 << 20])
def test_what_is_too_long_is_told_and_forgotten_and_the_next_one_comes(size):
    came = cut(b"$" + b"a" * (3 * MOST) + b"#00$g#67", size)
    assert [(each.data, bool(each.problem)) for each in came] == [(b"", True), (b"g", False)]


def test_nothing_is_kept_of_a_packet_that_never_ends():
    reader = Reader()
    for _ in range(64):
        assert list(reader.feed(b"$" + b"a" * MOST)) == []
    assert len(reader._buffer) <= MOST + 8


def test_what_is_reserved_is_escaped_and_comes_back():
    """E.1: 7Dh, and the byte XOR 20h."""
    assert framed(b"a#b") == b"$a}\x03b#%02x" % ((97 + 125 + 3 + 98) & 0xFF)
    every = bytes(range(256))
    assert unescaped(framed(every)[1:-3]) == every
