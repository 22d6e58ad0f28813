"""Somebody types three letters."""

from vmm import Elapsed, Machine


async def scenario(m: Machine) -> None:
    for letter in "abc":
        await Elapsed(us=333)
        m.byte(letter)
