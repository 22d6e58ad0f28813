"""Sizes, counts and durations, as people write them."""

from argparse import ArgumentTypeError

import pytest

from vmm.quantities import address, count, duration, positive, size, unsigned64


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (size, "4096", 4096),
        (size, "16M", 16 << 20),
        (size, "1g", 1 << 30),
        (size, "1.5K", 1536),
        (count, "1000", 1000),
        (count, "1e6", 1_000_000),
        (count, "2.5M", 2_500_000),
        (count, "1.5e1", 15),
        (count, "18446744073709551615", 2**64 - 1),
        (duration, "5s", 5_000_000_000),
        (duration, "200ms", 200_000_000),
        (duration, "10us", 10_000),
        (duration, "7ns", 7),
        (unsigned64, "0", 0),
        (unsigned64, "0xffffffffffffffff", 2**64 - 1),
        (address, "0x7c00", 0x7C00),
        (positive, "1", 1),
    ],
)
def test_a_quantity_is_exact(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (size, ""), (size, "M"), (size, "16Q"), (size, "-1"), (size, "0"), (size, "1.0001"), (size, "1 M"),
        (count, "18446744073709551616"), (count, "1e99"), (count, "1e-3"), (count, "0x10"),
        (duration, "5"), (duration, "5m"), (duration, "0.5ns"), (duration, "0s"), (duration, "nan"),
        (unsigned64, "-1"), (unsigned64, "18446744073709551616"), (unsigned64, "x"),
        (address, "0x100000000"), (positive, "0"),
    ],
)  # fmt: skip
def test_what_is_no_quantity_is_refused_by_its_text(kind, text):
    with pytest.raises(ArgumentTypeError) as refused:
        kind(text)
    assert repr(text) in str(refused.value)
