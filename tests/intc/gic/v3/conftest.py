"""Rules 20 to 24 for GICv3, one claim a test, worked out by hand from Arm IHI0069.

What GICv2 and GICv3 share is one core; the tests of GICv2 have its finer points. Claims about interrupts are asked of
the product and of the model in models/gic.py, claims about registers of the product. `start` wakes every redistributor
and leaves everything forwarded, signalled and unmasked.
"""

from __future__ import annotations

import pytest
from models.gic import GROUP0, GROUP1, SECURE_GROUP1, Gic

from intc.gic.product_gic import AnyGic, ProductGic, start


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def gic(request: pytest.FixtureRequest) -> AnyGic:
    face: AnyGic = request.param(3, 3)
    start(face, 3)
    return face


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def secure_gic(request: pytest.FixtureRequest) -> AnyGic:
    """Two Security states; every CPU is Secure, and Non-secure group 1 is signalled too."""
    face: AnyGic = request.param(3, 2, True)
    start(face, 2, {GROUP0, GROUP1, SECURE_GROUP1})
    for cpu in (0, 1):
        face.set_nonsecure(cpu, True)
        face.set_signals(cpu, GROUP1, True)
        face.set_nonsecure(cpu, False)
    return face


@pytest.fixture
def product() -> ProductGic:
    face = ProductGic(3, 3)
    start(face, 3)
    return face
