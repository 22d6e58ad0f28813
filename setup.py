"""Only what pyproject.toml cannot say: the C extension is built by cffi, and needs a compiler."""

import os
import shutil

from setuptools import setup

if not shutil.which(os.environ.get("CC", "cc").split()[0]):
    raise SystemExit("vmm: no C compiler; install one (Debian, Ubuntu: apt-get install gcc python3-dev) or set CC")

setup(cffi_modules=["native/build.py:builder"])
