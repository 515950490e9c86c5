"""The notebooks: what is committed was executed and tells nothing of a machine, and they run."""

import contextlib
import importlib.util
import json
import re
import shutil
import time
import tomllib
from importlib.machinery import ModuleSpec

import nbformat
import pandas as pd
import pytest
from IPython.core.inputtransformer2 import TransformerManager
from jupyter_client.manager import start_new_kernel

from colab.execute import HERE, executed, kernel_environment, tidied
from experiments.study import STUDIES, words_of
from selectax.commands.command_line.parsing import parse
from selectax.study.configuration.config import SweepConfig
from tests import xla

PATHS = sorted(HERE.glob("*.ipynb"))
each_notebook = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)


def read(path):
    return nbformat.read(path, as_version=4)


def code(notebook):
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def outputs(notebook):
    return [output for cell in code(notebook) for output in cell.outputs]


def pictures(notebook):
    return [output for output in outputs(notebook) if "image/png" in getattr(output, "data", ())]


def texts(notebook):
    """All that outputs say, but for pictures."""
    for output in outputs(notebook):
        yield from (
            text
            for kind, text in getattr(output, "data", {"text": output.get("text")}).items()
            if not kind.startswith("image/")
        )


def test_there_are_three():
    assert [path.stem for path in PATHS] == ["own_network", "paper_sweep", "quickstart"]


@each_notebook
def test_what_is_committed_was_executed_once_from_top_to_bottom(path):
    notebook = read(path)
    nbformat.validate(notebook)
    assert [cell.execution_count for cell in code(notebook)] == list(
        range(1, len(code(notebook)) + 1)
    )
    assert len(pictures(notebook)) >= 4


@each_notebook
def test_outputs_hold_no_errors_and_nothing_of_a_machine(path):
    notebook = read(path)
    assert all(output.output_type != "error" for output in outputs(notebook))
    assert all(output.get("name") != "stderr" for output in outputs(notebook))
    for text in texts(notebook):
        assert not re.search(r"(?<![\w.<])/(tmp|home|root|work|usr|opt|var|Users|content)\b", text)
        assert "Warning" not in text
    assert tidied(notebook) == notebook
    assert path.stat().st_size < 400e3


@each_notebook
def test_it_installs_itself_as_the_others_do(path):
    assert code(read(path))[0].source == code(read(PATHS[0]))[0].source


@each_notebook
def test_links_between_notebooks_lead_somewhere(path):
    for cell in read(path).cells:
        for link in re.findall(r"\]\(([\w/]+\.ipynb)\)", cell.source):
            assert (HERE / link).exists()


def installed(monkeypatch, there, source=""):
    """What the first cell gives to pip where these packages are, as (magic, line)."""
    cell = code(read(PATHS[0]))[0].source
    assert cell.count('source = ""') == 1
    program = TransformerManager().transform_cell(
        cell.replace('source = ""', f"source = {source!r}")
    )
    monkeypatch.setattr(importlib.util, "find_spec", there.get)
    lines = []

    class Shell:
        def run_line_magic(self, magic, line):
            lines.append((magic, line.format(**names)))

    names = {"get_ipython": Shell}
    exec(program, names)
    return lines


def test_the_full_study_of_the_notebook_is_that_of_the_command():
    """Its two cells of configurations, with the small job's values, beside the study's flags."""
    cells = [cell.source for cell in code(read(HERE / "paper_sweep.ipynb"))]
    chosen = [source for source in cells if "_job = SweepConfig(" in source]
    names = {"run_folder": None, "epochs": 1, "alphas": (0.0,), "seeds": 1, "attack_images": 1}
    names["paper"] = True
    exec("\n".join(chosen), names)
    flags = tomllib.loads((STUDIES / "resnet20_cifar10" / "flags.toml").read_text())
    expected = parse(SweepConfig, words_of(flags), "sweep.py")
    for part in ("data", "training", "method", "regularizer", "evaluation"):
        assert getattr(names["papers_job"], part) == getattr(expected, part), part


def package(name, origin="/there/__init__.py"):
    return {name: ModuleSpec(name, None, origin=origin)}


@pytest.mark.parametrize(
    ("there", "jax"),
    [
        (package("libtpu"), "jax[tpu]"),
        (package("jax_cuda13_plugin"), "jax[cuda13]"),
        (package("jax_cuda12_plugin"), "jax[cuda12]"),
        ({}, "jax"),
        (package("selectax", None), "jax"),
    ],
    ids=["tpu", "cuda13", "cuda12", "cpu", "mere folder"],
)
def test_jax_is_installed_for_the_runtimes_own_accelerator(monkeypatch, tmp_path, there, jax):
    monkeypatch.chdir(tmp_path)
    lines = installed(monkeypatch, there, "git+https://there.example/selectax")
    selectax = "selectax[study] @ git+https://there.example/selectax"
    assert lines == [("pip", f'install --quiet "{jax}" "{selectax}"')]


def test_nothing_is_installed_where_selectax_is(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    assert installed(monkeypatch, package("selectax") | package("libtpu")) == []


@pytest.mark.parametrize(
    ("file", "taken"),
    [
        ("colab/selectax-0.1.0-py3-none-any.whl", "colab/selectax-0.1.0-py3-none-any.whl"),
        ("selectax-0.1.0-py3-none-any.whl", "selectax-0.1.0-py3-none-any.whl"),
        ("selectax/__init__.py", "."),
        ("colab/selectax/__init__.py", "colab"),
        ("colab/selectax/selectax/__init__.py", "colab/selectax"),
        ("selectax/selectax/__init__.py", "selectax"),
    ],
)
def test_it_installs_what_is_beside_it_before_it_asks_the_net(monkeypatch, tmp_path, file, taken):
    path = tmp_path / "of mine" / file
    path.parent.mkdir(parents=True)
    path.touch()
    (tmp_path / "of mine" / "colab").mkdir(exist_ok=True)
    monkeypatch.chdir(tmp_path / "of mine" / "colab")
    ((_, line),) = installed(monkeypatch, {}, "git+https://there.example/selectax")
    address = (tmp_path / "of mine" / taken).as_uri()
    assert line == f'install --quiet "jax" "selectax[study] @ {address}"'


def test_it_says_what_to_set_where_there_is_nothing_to_install(monkeypatch, tmp_path):
    (tmp_path / "colab").mkdir()
    monkeypatch.chdir(tmp_path / "colab")
    with pytest.raises(SystemExit, match=r"^selectax is not published yet: [^.]*\.$"):
        installed(monkeypatch, {})


def with_parameters(notebook, parameters):
    """A copy that sets other values after its cell with the tag "parameters"."""
    copy = nbformat.from_dict(notebook)
    tagged = [
        at for at, cell in enumerate(copy.cells) if "parameters" in cell.metadata.get("tags", ())
    ]
    if len(tagged) != 1:
        raise ValueError(f"{len(tagged)} cells have the tag parameters; give it to one.")
    named = {line.split(" = ")[0] for line in copy.cells[tagged[0]].source.splitlines()}
    if unknown := set(parameters) - named:
        raise ValueError(f"the cell of parameters does not set {', '.join(sorted(unknown))}.")
    source = "\n".join(f"{name} = {value!r}" for name, value in parameters.items())
    copy.cells.insert(tagged[0] + 1, nbformat.v4.new_code_cell(source))
    return copy


def small(name, **parameters):
    return with_parameters(read(HERE / f"{name}.ipynb"), parameters)


def test_parameters_are_those_of_the_notebook():
    with pytest.raises(ValueError, match="does not set epoch"):
        small("quickstart", epoch=1)
    notebook = read(PATHS[0])
    for cell in notebook.cells:
        cell.metadata.pop("tags", None)
    with pytest.raises(ValueError, match="0 cells have the tag"):
        with_parameters(notebook, {})


@pytest.fixture
def as_of_a_user(monkeypatch):
    """Kernels with one device and optimized programs, which make up for their compiling."""
    monkeypatch.setenv("XLA_FLAGS", xla.flags())
    monkeypatch.delenv("JAX_DISABLE_MOST_OPTIMIZATIONS", raising=False)


def values(name, folder, expression, **parameters):
    """Executes a notebook, and evaluates an expression in its kernel at the end."""
    notebook = small(name, **parameters)
    notebook.cells.append(
        nbformat.v4.new_code_cell(f"import json\nprint(json.dumps({expression}))")
    )
    done = executed(notebook, folder)
    assert len(pictures(done)) == len(pictures(read(HERE / f"{name}.ipynb")))
    assert not [output.text for output in outputs(done) if output.get("name") == "stderr"]
    return done, json.loads(done.cells[-1].outputs[-1].text)


def check_summary(summary, selectivity="class selectivity"):
    """The regularizer has its way, and all else is a share."""
    lower, higher = (summary[selectivity][alpha] for alpha in ("-1.0", "1.0"))
    assert 0 < lower < 0.8 * higher < 0.8
    for column in set(summary) - {"networks", "diverged"}:
        assert all(0 <= value <= 1 for value in summary[column].values()), column


SUMMARY = "summary.to_dict()"


@pytest.mark.slow
def test_quickstart(tmp_path, as_of_a_user):
    _, summary = values(
        "quickstart", tmp_path, SUMMARY, alphas=(-1.0, 1.0), epochs=2, attacked_images=16
    )
    check_summary(summary, "mean class selectivity")
    assert min(summary["clean accuracy"].values()) > 0.5
    assert all(value > 0 for value in summary["dimensionality of the difference"].values())


@pytest.mark.slow
def test_own_network(tmp_path, as_of_a_user):
    _, (summary, difference) = values(
        "own_network",
        tmp_path,
        f"[{SUMMARY}, float(np.abs(ours - theirs).max()) if 'theirs' in globals() else 0]",
        alphas=(-1.0, 1.0),
        steps=120,
        train_images=640,
        test_images=64,
        attack_images=8,
    )
    check_summary(summary)
    assert min(summary["clean accuracy"].values()) > 0.5
    assert difference < 1e-5


SWEEP = {"alphas": (-1.0, 1.0), "seeds": 1, "epochs": 3, "attack_images": 8}


@pytest.mark.slow
def test_paper_sweep_goes_on_after_the_machine_is_gone(tmp_path, as_of_a_user):
    """That a run which goes on gives the undisturbed run's table is tested of sweeps."""
    gone = tmp_path / "gone"
    gone.mkdir()
    kept = {"keep_in": str(tmp_path / "drive"), "copy_minutes": 0.01}
    lose_the_machine(small("paper_sweep", **SWEEP, **kept), gone, tmp_path / "drive" / "digits")
    shutil.rmtree(gone / "runs")
    done, summary = values("paper_sweep", gone, SUMMARY, **SWEEP, **kept)
    check_summary(summary)
    said = "".join(texts(done))
    assert "Goes on with the run" in said
    assert "epoch 1/3" not in said
    assert "epoch 3/3" in said

    table, of_copy = (
        pd.read_csv(folder / "digits" / "results.csv")
        for folder in (gone / "runs", tmp_path / "drive")
    )
    pd.testing.assert_frame_equal(of_copy, table)
    steps = {
        folder: {path.name for path in (folder / "digits" / "checkpoints").iterdir()}
        for folder in (gone / "runs", tmp_path / "drive")
    }
    assert steps[gone / "runs"] == steps[tmp_path / "drive"]


def lose_the_machine(notebook, folder, kept):
    """Runs a notebook's cells, and kills its kernel while a second checkpoint is copied."""
    manager, client = start_new_kernel(cwd=str(folder), env=kernel_environment())
    with contextlib.ExitStack() as stack:
        stack.callback(client.stop_channels)
        stack.callback(manager.shutdown_kernel, now=True)
        for cell in code(notebook):
            client.execute(cell.source)
        until = time.monotonic() + 300
        # A first checkpoint is whole there; of the next a part.
        while len(list(kept.glob("checkpoints/*"))) < 2:
            assert time.monotonic() < until
            assert manager.is_alive()
            time.sleep(0.05)
