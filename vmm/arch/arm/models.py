"""The ARM processors there are: Unicorn's model, the architecture, and what a device tree calls them."""

from __future__ import annotations

from typing import NamedTuple

from vmm.errors import VmmError, unknown


class Model(NamedTuple):
    """`number` is Unicorn's."""

    architecture: str
    number: int
    compatible: str


MODELS = {
    "cortex-a7": Model("arm", 14, "arm,cortex-a7"),
    "cortex-a15": Model("arm", 17, "arm,cortex-a15"),
    "cortex-a53": Model("arm64", 1, "arm,cortex-a53"),
    "cortex-a57": Model("arm64", 0, "arm,cortex-a57"),
    "cortex-a72": Model("arm64", 2, "arm,cortex-a72"),
    "max": Model("arm64", 3, "arm,armv8"),
}


def parse(text: str, default: str) -> Model:
    """The model called `text`; "default" is the one called so. VmmError names what is off."""
    name, *changes = text.split(",")
    name = default if name == "default" else name
    if name not in MODELS:
        raise unknown("ARM CPU", name, ["default", *MODELS])
    if changes:
        raise VmmError(f"--cpu: {changes[0]!r}: ARM models have no features to choose")
    return MODELS[name]
