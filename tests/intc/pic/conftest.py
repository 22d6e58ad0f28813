"""Rules 9 and 10, one claim a test, computed by hand from the 8259A's datasheet (Intel 231468).

Each claim is asked of the product and of the model in models/i8259.py, save what only a port can show. In the names, "a
request" is an edge on a pin that stays high. After `initialise` the vectors are 20h-27h and 28h-2Fh.
"""

from __future__ import annotations

import pytest
from models.i8259 import Habits

from .product_pic import AnyPic, ModelPic, ProductPic, initialise


@pytest.fixture(params=[ProductPic, ModelPic], ids=["product", "model"])
def pic(request: pytest.FixtureRequest) -> AnyPic:
    face: AnyPic = request.param()
    initialise(face)
    return face


@pytest.fixture(params=[ProductPic, ModelPic], ids=["product", "model"])
def emulated(request: pytest.FixtureRequest) -> AnyPic:
    """As KVM and QEMU do it."""
    face: AnyPic = request.param(Habits(admits_lower=True, withdraws_int=True, keeps_edges=True))
    initialise(face)
    return face
