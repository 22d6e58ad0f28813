"""What the pytest plugin gives to tests: the types of its fixtures `machine`, `boundary` and `exploration`, and what
hypothesis chooses placements by.
"""

from vmm.testing.boundaries import Boundary
from vmm.testing.exploration import Exploration
from vmm.testing.machines import Machines
from vmm.testing.placement import At, placements

__all__ = ["At", "Boundary", "Exploration", "Machines", "placements"]
