"""Only what pyproject.toml cannot say: every room is a package, and cffi builds the C extension with a compiler."""

import os
import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup

SUPPORTED = Path(__file__).parent / "vmm" / "core" / "supported.py"
if reason := runpy.run_path(str(SUPPORTED))["unsupported"]():
    raise SystemExit(f"vmm: {reason}")
if not shutil.which(os.environ.get("CC", "cc").split()[0]):
    raise SystemExit("vmm: no C compiler; install one (Debian, Ubuntu: apt-get install gcc python3-dev) or set CC")

setup(
    packages=[*find_packages(include=["vmm", "vmm.*"]), "vmm.guests"],
    cffi_modules=["native/build.py:builder"],
)
