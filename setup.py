"""Only what pyproject.toml cannot say: every room is a package, and cffi builds the C extension with a compiler."""

import os
import shutil

from setuptools import find_packages, setup

if not shutil.which(os.environ.get("CC", "cc").split()[0]):
    raise SystemExit("vmm: no C compiler; install one (Debian, Ubuntu: apt-get install gcc python3-dev) or set CC")

setup(
    packages=[*find_packages(include=["vmm", "vmm.*"]), "vmm.guests"],
    cffi_modules=["native/build.py:builder"],
)
