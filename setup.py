"""Only what pyproject.toml cannot say: every room is a package, cffi builds the C extension with a compiler, and
what is packed says which commit it is.
"""

import os
import runpy
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

ROOT = Path(__file__).parent
if reason := runpy.run_path(str(ROOT / "vmm" / "core" / "supported.py"))["unsupported"]():
    raise SystemExit(f"vmm: {reason}")
if not os.environ.get("CC", "cc").strip():  # as it is for make: nobody has said which
    del os.environ["CC"]
if not shutil.which(os.environ.get("CC", "cc").split()[0]):
    raise SystemExit("vmm: no C compiler; install one (Debian, Ubuntu: apt-get install gcc python3-dev) or set CC")


def stamp(package: Path) -> None:
    """Write which commit this is into a copy of the package, where it is known."""
    version = runpy.run_path(str(ROOT / "vmm" / "version.py"))
    if commit := version["commit"]():
        file = package / version["STAMP"]
        file.unlink(missing_ok=True)  # it may be a hard link to the source's
        file.write_text(f"{commit}\n", encoding="ascii")


class Package(build_py):
    """What an earlier build left in build/ and is no more would be packed, too."""

    def run(self):
        if not self.editable_mode:
            shutil.rmtree(Path(self.build_lib, "vmm"), ignore_errors=True)
        super().run()
        if not self.editable_mode:
            stamp(Path(self.build_lib, "vmm"))


class Sources(sdist):
    def make_release_tree(self, base_dir, files):
        super().make_release_tree(base_dir, files)
        stamp(Path(base_dir, "vmm"))


class Wheel(bdist_wheel):
    """One for every Python from 3.10 on, where cffi builds for the stable ABI: not for debugging or free threading."""

    def finalize_options(self):
        if all(extension.py_limited_api for extension in self.distribution.ext_modules):
            self.py_limited_api = "cp310"
        super().finalize_options()


setup(
    packages=[*find_packages(include=["vmm", "vmm.*"]), "vmm.guests"],
    data_files=[
        ("share/man/man1", [str(page.relative_to(ROOT)) for page in sorted(ROOT.glob("vmm/pages/man/man1/*.1"))])
    ],
    cffi_modules=["native/build.py:builder"],
    cmdclass={"bdist_wheel": Wheel, "build_py": Package, "sdist": Sources},
)
