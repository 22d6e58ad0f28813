"""What the pytest plugin gives to tests: the types of its fixtures `machine` and `boundary`."""

from vmm.testing.boundaries import Boundary
from vmm.testing.machines import Machines

__all__ = ["Boundary", "Machines"]
