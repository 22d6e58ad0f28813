"""What is packed is what is needed: a source distribution has every file of the project, a wheel every file of the
package and of the guests, and neither has what was built, or is no more.
"""

from email import message_from_string

import pytest

from packing import tree
from vmm.version import STAMP

BUILT = [
    "guests/__pycache__/old.cpython-310.pyc", "guests/x86/hello/hello.o", "vmm/_native.abi3.so", "vmm/_native.c",
    "vmm/cli/starter/__pycache__/conftest.cpython-310.pyc",
]  # fmt: skip
"""What building and running leaves in the sources."""
OF_SETUPTOOLS = {"PKG-INFO", "setup.cfg"}
FOR_CHANGERS = {"vmm/README.md"}
FOR_MAN = "vmm/pages/man/"
"""These are packed to where man(1) looks for them (test_builds.py)."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    directory = tree.copy(tmp_path_factory.mktemp("project"))
    tree.committed(directory)
    for name in [*BUILT, "build/lib/vmm/gone.py", "build/lib/vmm/pages/gone.md"]:
        (directory / name).parent.mkdir(parents=True, exist_ok=True)
        (directory / name).write_text("built")
    return directory


@pytest.fixture(scope="module")
def sources(project, tmp_path_factory):
    """The source distribution, unpacked."""
    out = tmp_path_factory.mktemp("sources")
    tree.python(project, "setup.py", "-q", "sdist", "-d", str(out))
    (archive,) = out.iterdir()
    return tree.unpack(archive, out)


@pytest.fixture(scope="module")
def package(project):
    """What a wheel has, but for its extension."""
    tree.python(project, "setup.py", "-q", "build_py", "--build-lib", "build/lib")
    return project / "build" / "lib"


def files(directory):
    return {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}


def test_a_source_distribution_has_every_file_and_nothing_built(sources):
    added = {name for name in files(sources) if name in OF_SETUPTOOLS or name.startswith("vmm.egg-info/")}
    assert files(sources) - added == tree.kept()


def test_a_wheel_has_every_file_of_the_package_and_the_guests_and_nothing_built(package):
    ours = {name for name in tree.kept() if name.startswith("vmm/") and not name.startswith(FOR_MAN)} - FOR_CHANGERS
    guests = {f"vmm/{name}" for name in tree.kept() if name.startswith("guests/")}
    assert files(package) == ours | guests


def test_what_a_wheel_must_have_is_among_them(package):
    """By name, whatever the lists of files say."""
    needed = [
        "py.typed", "_native.pyi", "commit", "pages/README.md", "pages/api.md", "pytest_plugin.py",
        "guests/include/x86/guest.h", "guests/x86/pit_ticks/pit_ticks.elf", "guests/x86/pit_ticks/pit_ticks.S",
        "guests/arm64/timer_ticks/guest.toml",
    ]  # fmt: skip
    assert [name for name in needed if not (package / "vmm" / name).is_file()] == []


def test_both_say_the_commit_they_were_made_from(project, sources, package):
    head = tree.git(project, "rev-parse", "--short=12", "HEAD")
    assert [(each / "vmm" / STAMP).read_text() for each in (sources, package)] == [head, head]
    assert (project / "vmm" / STAMP).read_text() == tree.UNFILLED


def test_metadata_say_what_it_is_and_on_what_it_runs(sources):
    told = message_from_string((sources / "PKG-INFO").read_text())
    classifiers = told.get_all("Classifier")
    assert (told["Name"], told["License-Expression"], told["License-File"]) == ("vmm", "GPL-2.0-only", "LICENSE")
    assert told["Requires-Python"] == ">=3.10" and told["Summary"] and told["Keywords"]
    assert told["Description-Content-Type"] == "text/markdown"
    assert told.get_payload().strip() == (tree.ROOT / "README.md").read_text().strip()
    assert "Operating System :: POSIX :: Linux" in classifiers and "Typing :: Typed" in classifiers
    assert not [each for each in classifiers if each.startswith("License ::")]  # the expression says it, PEP 639


def test_one_build_is_for_every_python_that_is_said_to_work():
    """cibuildwheel builds with the oldest, whose wheel for the stable ABI it then tries with all of them."""
    text = (tree.ROOT / "pyproject.toml").read_text()
    (build,) = (line for line in text.splitlines() if line.startswith("build = "))
    minors = [line.rpartition(".")[2].rstrip('",') for line in text.splitlines() if "Python :: 3." in line]
    assert build == f'build = "{" ".join(f"cp3{minor}-*" for minor in minors)}"'
