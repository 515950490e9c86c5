"""The command `selectax`: what it loads, its help and examples, completion, and refusals."""

import importlib
import importlib.metadata
import os
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from selectax.commands import main as command
from selectax.commands.command_line.parsing import parse
from selectax.commands.corruption import config as corrupt_config
from selectax.installing import STUDY
from selectax.study.configuration import checks

ROOT = Path(__file__).parents[2]
# What the tables load that a command's help is filled from.
_OF_DATA_SETS = {"numpy", "tensorflow_datasets"}
_OF_NETWORKS = {"jax", "flax", "scipy", "optax", "ml_dtypes"}
OF_TABLES = {
    "report": set(),
    "join": set(),
    **{name: {*_OF_DATA_SETS, *_OF_NETWORKS} for name in ("sweep", "evaluate")},
    "data": _OF_DATA_SETS,
    "corrupt": {*_OF_DATA_SETS, "jax", "scipy"},
}
EXTRAS = ("tyro", "rich", "flax", "pandas", "matplotlib", "tensorflow_datasets", "optax")


def words_of(monkeypatch, *words):
    monkeypatch.setattr(sys, "argv", ["selectax", *words])


def started(*words, before=""):
    """In a process of its own; at its end it lists the large libraries that it loaded."""
    program = f"""
import sys
{before}
sys.argv = ["selectax", *{list(words)!r}]
from selectax.commands.main import main
try:
    status = main()
except SystemExit as ended:
    status = ended.code
loaded = {{name for name in sys.modules if sys.modules[name]}}
print("loaded", *sorted(loaded & {set(EXTRAS) | {"jax", "numpy", "scipy"}!r}))
sys.exit(status)
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )


@pytest.mark.parametrize("words", [(), ("--help",), ("-h",)])
def test_its_help_names_every_command_and_loads_nothing(words):
    done = started(*words)
    assert (done.returncode, done.stderr) == (0, "")
    for name in command.COMMANDS:
        assert f"\n  {name} " in done.stdout
    assert done.stdout.endswith("\nloaded\n")


def test_its_version_is_that_of_the_package_and_needs_nothing():
    done = started("--version")
    assert done.stdout == f"selectax {importlib.metadata.version('selectax')}\nloaded\n"


@pytest.mark.parametrize("name", command.COMMANDS)
def test_help_of_a_command_loads_neither_pandas_nor_more_than_its_tables(name):
    done = started(name, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith(f"usage: selectax {name} ")
    loaded = set(done.stdout.splitlines()[-1].split()) - {"loaded", "rich", "tyro"}
    assert not loaded - OF_TABLES[name]


@pytest.mark.parametrize("name", command.COMMANDS)
def test_without_the_extra_a_sentence_says_how_to_install_it(name):
    before = f"for name in {EXTRAS!r}: sys.modules[name] = None"
    done = started(name, before=before)
    assert done.returncode == 2
    start, library, end = done.stderr.partition("tyro" if "tyro" in done.stderr else "rich")
    assert (start, library != "") == (f"selectax {name}: needs ", True)
    assert end == f", which is not installed; {STUDY}.\n"


def test_a_bug_in_ours_is_not_taken_for_a_missing_library(monkeypatch):
    words_of(monkeypatch, "sweep")
    monkeypatch.setitem(sys.modules, "selectax.commands.sweep", None)
    with pytest.raises(ModuleNotFoundError):
        command.main()


def test_an_unknown_command_is_refused_with_the_nearest(monkeypatch, capsys):
    words_of(monkeypatch, "swep", "--alpha", "1")
    assert command.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err == (
        "swep: unknown; did you mean sweep? "
        "Known are sweep, evaluate, report, join, data, corrupt.\n"
    )


@pytest.mark.parametrize("name", command.COMMANDS)
def test_help_ends_with_examples_that_can_be_meant(name, monkeypatch, capsys):
    words_of(monkeypatch, name, "--help")
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 0
    _, examples = capsys.readouterr().out.split("\nExamples:\n")
    given = [shlex.split(line) for line in examples.splitlines()]
    assert given
    check_of = {"sweep": checks.check, "corrupt": corrupt_config.check}
    for selectax, first, *words in given:
        assert (selectax, first) == ("selectax", name)
        module = importlib.import_module(f"selectax.commands.{name}")
        config = parse(module.CONFIG, words, "selectax")
        if name in check_of and not {"photos", "images.npy"} & set(words):
            check_of[name](config)


@pytest.mark.parametrize("name", ["data", "sweep"])
def test_help_may_be_read_in_part(name):
    """As by `--help | head`; here by a reader that leaves before it has read anything."""
    started = subprocess.Popen(
        [sys.executable, ROOT / "experiments" / f"{name}.py", "--help"],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    started.stdout.close()
    assert started.stderr.read() == b""
    assert started.wait(timeout=120) == 0


@pytest.mark.parametrize("name", command.COMMANDS)
def test_the_script_in_experiments_is_the_same_command(name, monkeypatch, capsys):
    script = str(ROOT / "experiments" / f"{name}.py")
    monkeypatch.setattr(sys, "argv", [script, "--help"])
    with pytest.raises(SystemExit):
        runpy.run_path(script, run_name="__main__")
    there = capsys.readouterr().out
    assert there.startswith(f"usage: {script} ")
    assert f"\n  python {script}" in there
    words_of(monkeypatch, name, "--help")
    with pytest.raises(SystemExit):
        command.main()
    ours = capsys.readouterr().out
    there = there.replace(f"  python {script}", f"  selectax {name}")
    assert there.replace(f"usage: {script} ", f"usage: selectax {name} ") == ours


@pytest.fixture(scope="module")
def completion(tmp_path_factory):
    """A script of completion for bash."""
    path = tmp_path_factory.mktemp("completion") / "selectax"
    done = started("--tyro-write-completion", "bash", str(path))
    assert (done.returncode, done.stderr) == (0, "")
    return path


def completed(script, *words):
    """What bash proposes for the last of the words."""
    program = f"""
source {script}
COMP_WORDS=({shlex.join(words)}); COMP_CWORD={len(words) - 1}
COMP_LINE={shlex.quote(" ".join(words))}; COMP_POINT=${{#COMP_LINE}}
name=$(complete -p selectax | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
$name selectax "${{COMP_WORDS[COMP_CWORD]}}" "${{COMP_WORDS[COMP_CWORD-1]}}"
printf '%s\\n' "${{COMPREPLY[@]}}"
"""
    done = subprocess.run(["bash", "-c", program], capture_output=True, text=True, check=True)
    return {line.strip() for line in done.stdout.splitlines()} - {""}


@pytest.mark.slow
def test_bash_completes_commands_and_flags(completion):
    assert completed(completion, "selectax", "sw") == {"sweep"}
    assert completed(completion, "selectax", "sweep", "--al") == {
        *("--alpha", "--alpha-epochs", "--alpha-warmup-epochs", "--allow-unverified-archives"),
    }
    assert "--weights" in completed(completion, "selectax", "evaluate", "--")
    assert completed(completion, "selectax", "sweep", "--norm", "") >= {"linf", "l2"}
    assert completed(completion, "selectax", "data", "pre") == {"prepare"}


@pytest.mark.parametrize("shell", command.SHELLS)
def test_completion_is_printed_for_each_shell(shell, monkeypatch, capsys):
    words_of(monkeypatch, "--tyro-print-completion", shell)
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert not ended.value.code
    assert "micro-batches" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("--tyro-print-completion",),
        ("--tyro-print-completion", "tcsh"),
        ("--tyro-write-completion", "bash"),
        ("--tyro-write-completion", "bash", "/nowhere/at/all"),
    ],
)
def test_completion_that_cannot_be_meant_is_refused_in_a_sentence(words, monkeypatch, capsys):
    words_of(monkeypatch, *words)
    assert command.main() == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert err.startswith(words[0])
