"""`vmm new`: what it writes passes as it is, finds what was planted, and would fail if the program were wrong."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from capstone import CS_ARCH_ARM, CS_ARCH_ARM64, CS_ARCH_X86, CS_MODE_32, CS_MODE_ARM, Cs

import vmm.testing.boundaries
import vmm.testing.failure
import vmm.testing.machines
import vmm.testing.markers  # noqa: F401 : what an inner pytest imports first it takes away with it
from vmm import boot
from vmm.cli import new
from vmm.cli.new import KINDS, PLACES, STARTER
from vmm.version import __version__

IN_C = [kind for kind in KINDS if kind.endswith("-c")]
PLANTED = {"asm": "planted.S", "c": "planted.c"}
SOUND = {"asm": "mine.S", "c": "critical.c"}
LOST = {
    "x86-asm": ["again+0x7", "sleep"],
    "arm64-asm": ["again+0x4", "sleep"],
    "arm-asm": ["again+0x4", "again+0x8", "sleep"],
}
"""The boundaries behind the look, CMP m32 (7 bytes), LDR, LDR, up to the sleep."""
CODE = {
    "x86-c": (CS_ARCH_X86, CS_MODE_32),
    "arm64-c": (CS_ARCH_ARM64, CS_MODE_ARM),
    "arm-c": (CS_ARCH_ARM, CS_MODE_ARM),
}


def slow_but(*quick: str) -> list:
    return [kind if kind in quick else pytest.param(kind, marks=pytest.mark.slow) for kind in KINDS]


def lost_in_c(kind: str, image: Path) -> list[str]:
    """The boundaries behind the load of the variable that the handler changes, up to the sleep or to its store."""
    m = boot(image, console=None)
    name = "wait_for_byte" if kind == "x86-c" else "take_one"
    begin = m.address(name)
    code = list(Cs(*CODE[kind]).disasm_lite(m.read(begin, 64), begin))
    names = {at: f"{name}+{at - begin:#x}" for at, *_ in code}
    if kind == "x86-c":
        received = m.address("received")
        first = next(at for at, _, _, text in code if f"[{received:#x}]" in text)
        last = m.address("sleep")
        names[last] = "sleep"
    else:
        last = next(at for at, _, mnemonic, _ in code if mnemonic == "str")
        first = max(at for at, _, mnemonic, _ in code if mnemonic == "ldr" and at < last)
    m.close()
    return [names[at] for at in names if first < at <= last]


def run(pytester: pytest.Pytester, name: str, *options: str) -> pytest.RunResult:
    again = ("-W", "ignore::pytest.PytestAssertRewriteWarning")  # our own pytest has loaded the plugin
    return pytester.runpytest_inprocess("-p", "vmm.pytest_plugin", "-p", "no:cacheprovider", *again, *options, name)


def outcome(pytester: pytest.Pytester, name: str, *options: str) -> dict[str, int]:
    return run(pytester, name, *options).parseoutcomes()


@pytest.mark.parametrize("kind", slow_but("x86-asm"))
def test_its_tests_pass_and_find_the_planted_bug_at_a_few_of_its_boundaries(vmm, pytester, kind):
    done = vmm("new", pytester.path / "mine", "--kind", kind)
    assert (done.status, done.err) == (0, "")
    done = run(pytester, "mine")
    outcomes = done.parseoutcomes()
    assert outcomes.keys() == {"passed", "xfailed"}
    assert outcomes["passed"] >= 5
    assert 2 <= outcomes["xfailed"] <= 3
    planted = PLANTED[kind.partition("-")[2]]
    places = [line for line in done.outlines if line.startswith("XFAIL")]
    names = [line[line.index("[") + 1 : line.index("]")] for line in places]
    assert names == (LOST[kind] if kind in LOST else lost_in_c(kind, pytester.path / "mine" / "planted.elf"))
    told = rf"planted: a lost (wake-up|update) at 0x\w+ .* planted\.\w:\d+; {re.escape(planted)} tells the fix"
    assert len(places) == outcomes["xfailed"]
    assert all(re.search(told, line) for line in places), places


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["arm64-asm", *IN_C])
def test_what_is_planted_fails_with_its_replay_and_mended_it_passes(vmm, pytester, kind):
    vmm("new", pytester.path / "mine", "--kind", kind)
    done = run(pytester, "mine", "--runxfail")
    assert done.parseoutcomes().keys() == {"passed", "failed"}
    replays = re.findall(r"^vmm replay (mine/failed/.+\.vmmrec)$", done.stdout.str(), re.MULTILINE)
    assert len(replays) == done.parseoutcomes()["failed"]
    assert vmm("replay", pytester.path / replays[0], "--quiet").status == 125
    language = kind.partition("-")[2]
    sound = (pytester.path / "mine" / SOUND[language]).read_text()
    (pytester.path / "mine" / PLANTED[language]).write_text(sound)
    assert outcome(pytester, "mine").keys() == {"passed"}


@pytest.mark.slow
def test_without_the_shadow_of_sti_the_guest_sleeps_for_ever_and_its_tests_all_fail(vmm, pytester):
    vmm("new", pytester.path / "mine")
    source = pytester.path / "mine/mine.S"
    source.write_text(source.read_text().replace("sleep:\n", "    nop\nsleep:\n"))
    assert outcome(pytester, "mine", "-k", "not planted") == {"failed": 7, "deselected": 3}  # NOP is a boundary more


@pytest.mark.slow
def test_two_lie_side_by_side(vmm, pytester):
    for name, kind in (("first", "x86-asm"), ("second", "x86-c")):
        vmm("new", pytester.path / name, "--kind", kind)
    assert outcome(pytester, ".").keys() == {"passed", "xfailed"}


def test_each_file_is_named_as_it_is_written_and_in_the_readme(vmm, tmp_path):
    for kind in KINDS:
        done = vmm("new", f"at/{kind[:-2].replace('-', '_')}", "--kind", kind)
        *files, following, then = done.out.splitlines()
        directory = tmp_path / "at" / kind[:-2].replace("-", "_")
        assert following == f"next: cd {directory.relative_to(tmp_path)} && pytest"
        assert then.startswith("then: pytest --runxfail, which shows the planted bug")
        written = {path.relative_to(tmp_path) for path in directory.rglob("*") if path.is_file()}
        assert {str(path) for path in written} == set(files)
        assert len(written) >= 9
        readme = (directory / "README.md").read_text()
        helpers = {"README.md", ".gitignore", "kernel.h", "firmware.h", "cpu.h"}
        names = {str(path.relative_to(directory.relative_to(tmp_path))) for path in written}
        assert [name for name in names - helpers if f"`{name}`" not in readme] == []
        assert [path for path in written if re.search(r"@[A-Z]+@|\bNAME\b", (tmp_path / path).read_text())] == []


def test_a_kind_is_one_folder_and_one_line():
    folders = {path.name for path in STARTER.iterdir() if path.is_dir()}
    used = {folder for name, kind in KINDS.items() for folder in (new.ALL, name, *kind.upon)}
    assert folders == used
    assert PLACES.keys() <= {path.name for path in (STARTER / new.ALL).iterdir()}


def test_help_lists_the_kinds_and_gives_examples(capsys):
    with pytest.raises(SystemExit):
        new.parser().parse(["--help"])
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {name} +{kind.title}$", shown, re.MULTILINE) for name, kind in KINDS.items())
    assert "vmm new my_kernel --kind x86-c && cd my_kernel && pytest" in shown


@pytest.mark.parametrize("kind", IN_C)
def test_what_is_wrong_with_a_source_ends_pytest_in_one_line(vmm, pytester, kind):
    vmm("new", pytester.path / "mine", "--kind", kind)
    source = pytester.path / "mine/main.c"
    source.write_text(source.read_text() + "int wrong = nothing;\n")
    line = len(source.read_text().splitlines())
    done = run(pytester, "mine")
    assert done.ret == pytest.ExitCode.USAGE_ERROR
    said = f"vmm: main.c:{line}:13: use of undeclared identifier 'nothing'"
    assert said in done.stdout.str() + done.stderr.str()
    alone = subprocess.run([sys.executable, "conftest.py"], cwd=source.parent, capture_output=True, text=True)
    assert (alone.returncode, alone.stderr) == (1, f"{said}\n")


def test_it_builds_without_pytest_and_only_what_is_older_than_a_source(vmm, tmp_path):
    vmm("new", "mine", "--kind", "x86-c")

    def build() -> dict[str, int]:
        subprocess.run([sys.executable, "conftest.py"], cwd=tmp_path / "mine", check=True)
        return {path.name: path.stat().st_mtime_ns for path in (tmp_path / "mine").glob("*.elf")}

    first = build()
    assert first.keys() == {"mine.elf", "planted.elf"}
    assert build() == first
    (tmp_path / "mine/kernel.h").touch()
    assert all(second > first[name] for name, second in build().items())


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_runs_with_its_scenario(vmm, tmp_path, kind):
    vmm("new", "mine", "--kind", kind)
    image = "mine/mine.S"
    if kind in IN_C:
        subprocess.run([sys.executable, "conftest.py"], cwd=tmp_path / "mine", check=True)
        image = "mine/mine.elf"
    done = vmm("run", image, "--scenario", "mine/scenario.py", "--quiet")
    assert done.status == 0
    assert re.search(r"(vector 0x2[45]|INTID 37) delivered \((IRQ [45]|SPI 5)\) at ", done.out + done.err)


def test_what_github_installs_is_this_vmm(vmm, monkeypatch, tmp_path):
    class Installed:
        def __init__(self, origin):
            self.origin = origin

        def read_text(self, name):
            assert name == "direct_url.json"
            return self.origin and json.dumps(self.origin)

    commit = "0123456789abcdef0123456789abcdef01234567"
    repository = {"url": "https://example.org/vmm.git", "vcs_info": {"vcs": "git", "commit_id": commit}}
    for name, origin, wanted in (
        ("one", repository, f"vmm @ git+https://example.org/vmm.git@{commit}"),
        ("two", {"url": "file:///somewhere", "dir_info": {}}, f"vmm=={__version__}"),
        ("three", None, f"vmm=={__version__}"),
    ):
        monkeypatch.setattr(new.metadata, "distribution", lambda _, origin=origin: Installed(origin))
        vmm("new", name)
        assert wanted in (tmp_path / name / "requirements.txt").read_text().splitlines()
    steps = (tmp_path / "one/.github/workflows/test.yml").read_text()
    assert re.findall(r"- run: (.+)", steps) == ["pip install -r requirements.txt", "pytest"]


def test_the_guest_runs_without_its_scenario_and_waits(vmm, tmp_path):
    vmm("new", tmp_path / "mine")
    assert vmm("run", tmp_path / "mine/mine.S", "--quiet", "--board", "pc,pit=off").status == 125


def test_nothing_is_written_over(vmm, tmp_path):
    vmm("new", "mine")
    (tmp_path / "mine/mine.S").write_text("precious")
    assert vmm("new", "mine") == (2, "", "vmm: mine: it is there already, and nothing is written over\n")
    assert (tmp_path / "mine/mine.S").read_text() == "precious"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["9lives"], "'9lives': a name has letters, digits and _, and begins with no digit"),
        (["my-isr"], "'my-isr': a name has letters, digits and _, and begins with no digit"),
        (["planted"], "'planted': this is what the planted bug is called"),
        ([".."], "'..': a name has letters, digits and _, and begins with no digit"),
        (["mine", "--kind", "arm46-c"], "unknown kind 'arm46-c'; did you mean 'arm64-c'?"),
        ([], "the following arguments are required: NAME; see vmm new --help"),
    ],
)
def test_wrong_arguments_are_told_in_one_line_and_nothing_is_written(vmm, tmp_path, arguments, said):
    assert vmm("new", *arguments) == (2, "", f"vmm: {said}\n")
    assert list(tmp_path.iterdir()) == []


def test_a_directory_that_cannot_be_made_is_named(vmm, tmp_path):
    (tmp_path / "file").write_text("")
    assert vmm("new", "file/mine") == (2, "", "vmm: file/mine: Not a directory\n")
