"""Rules 20 to 24 for GICv2, one claim a test, worked out by hand from Arm IHI0048B.

Claims about interrupts are asked of the product and of the model in models/gic.py, about registers of the product.
`start` leaves everything forwarded, signalled and unmasked; interrupts are in group 0 and of priority 0 until told.
"""

from __future__ import annotations

import pytest
from models.gic import Gic

from intc.gic.product_gic import AnyGic, ProductGic, start


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def gic(request: pytest.FixtureRequest) -> AnyGic:
    face: AnyGic = request.param(2, 2)
    start(face, 2)
    return face


@pytest.fixture(params=[ProductGic, Gic], ids=["product", "model"])
def secure_gic(request: pytest.FixtureRequest) -> AnyGic:
    """Two Security states; both CPUs are Secure."""
    face: AnyGic = request.param(2, 2, True)
    start(face, 2)
    return face


@pytest.fixture
def product() -> ProductGic:
    face = ProductGic(2, 2)
    start(face, 2)
    return face
