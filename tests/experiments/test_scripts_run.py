"""Every script of experiments/ runs from beginning to end, in the smallest size it has."""

import os
import pathlib
import shutil
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from selectax.datasets import load
from tests import xla

FOLDER = pathlib.Path(__file__).parents[2] / "experiments"
SCRIPTS = sorted(path.relative_to(FOLDER).as_posix() for path in FOLDER.glob("**/*.py"))
ONE_NETWORK = "--alpha 0 --seeds 1 --epochs 1"
SMALL_SWEEP = f"{ONE_NETWORK} --train-limit 64 --no-report"
SMALL_STEPS = "--batch-size 4 --steps 1 --rounds 1"
SMALL_NETWORK = f"--depth 8 {SMALL_STEPS}"
# By name what follows it; OUT is an empty folder, IN one of what `given` makes, RUN a sweep's, and
# COPY a copy of that.
WORDS = {
    "corrupt.py": "--input IN/images.npy --output OUT/out --corruptions fog --severities 1",
    "data.py": "list",
    "evaluate.py": "--weights RUN --output OUT/table.csv --measures selectivity",
    "join.py": "RUN COPY --output OUT/run",
    "marked.py": "",
    "regime.py": f"digits_regime_search --only batch_32 {SMALL_SWEEP}",
    "report.py": "RUN",
    "simulate_scale.py": "--devices 1 --models resnet20 --output OUT/figure.png",
    "study.py": f"resnet8_cifar10 --dataset digits {ONE_NETWORK} --dry-run --output OUT/run",
    "studies/evidence.py": "--page IN/evidence.md --figure OUT/figure.png",
    "studies/pages.py": "--only resnet8_cifar10_augmix --pages IN",
    "studies/power.py": "resnet8_cifar10_augmix --draws 2 --output OUT/power.csv",
    "sweep.py": f"{ONE_NETWORK} --measures selectivity --train-limit 64 --output OUT/run",
    "benchmarks/shared/contest.py": "",
    "benchmarks/measures/bases.py": "--images 100 --rounds 1 --steps 2",
    "benchmarks/measures/augmix.py": "--batch-size 4 --batches 1 --rounds 1",
    "benchmarks/measures/corruptions.py": "--corruptions brightness --repeats 1 --no-accuracy",
    "benchmarks/shared/collectives.py": "",
    "benchmarks/shared/digits.py": "",
    "benchmarks/measures/dimensionality.py": "--samples 1000 --rounds 1",
    "benchmarks/study/idle.py": "--copies 1 --images 96 --output OUT/figure.png",
    "benchmarks/measures/import_time.py": "--rounds 1",
    "benchmarks/measures/initialization.py": "--rounds 1",
    "benchmarks/measures/intrinsic_dimension.py": "--samples 300 --rounds 1",
    "benchmarks/shared/machine.py": "",
    "benchmarks/study/first_command.py": "--help",  # of the sweeps of both commits
    "benchmarks/study/population.py": (
        "--batch-sizes 4 --sizes 1 --steps 1 --rounds 1 --copies 1 --images 64"
    ),
    "benchmarks/study/precision.py": "--seeds 1 --epochs 1 --images 64",
    "benchmarks/study/programs.py": f"{SMALL_SWEEP} --measures selectivity",
    "benchmarks/measures/regularizer.py": SMALL_NETWORK,
    "benchmarks/study/scaling.py": "--rounds 1 --sizes 2 --only images devices --output OUT",
}
# Of these that need PyTorch and kin, or the real data.
WORDS_OF_PEERS = {
    "benchmarks/all.py": "--only initialization --results OUT/results --page IN/table.md",
    "benchmarks/study/adversarial_training.py": f"{SMALL_STEPS} --attack-steps 1",
    "benchmarks/measures/attacks.py": "--images 4 --steps 1 --rounds 1",
    "benchmarks/study/default_job.py": f"{ONE_NETWORK} --corruptions contrast --cached --no-report",
    "benchmarks/shared/original_corruptions.py": "",
    "benchmarks/study/many_networks.py": f"--networks 2 {SMALL_NETWORK}",
    "benchmarks/shared/peer.py": "",
    "benchmarks/shared/pretrained.py": "",
    "benchmarks/study/training.py": SMALL_NETWORK,
}
WORDS_OF_REAL_DATA = {
    "benchmarks/measures/robust_accuracy_curve.py": (
        "REAL --images 8 --batch-size 8 --steps 1 --fine 4 --repetitions 1"
    ),
    "benchmarks/measures/sensitivity.py": (
        "REAL --model resnet8 --images 2 --directions 2 --rounds 1"
    ),
    "benchmarks/study/one_network.py": (
        "--epochs 1 --train-limit 64 --images 8 --attack-images 4 --corruptions brightness "
        "--cached --no-report"
    ),
    "benchmarks/study/streaming.py": (
        "--model resnet8 --batch-size 4 --batches 24 --steps 1 --rounds 1"
    ),
}
# default_job.py runs it, too.
RUN_BY_ANOTHER = ("benchmarks/study/plain_study.py",)


def test_every_script_is_run():
    assert sorted([*WORDS, *WORDS_OF_PEERS, *WORDS_OF_REAL_DATA, *RUN_BY_ANOTHER]) == SCRIPTS


def run(script, words, out, **folders):
    """From a folder of its own, so that nothing is left in the repository."""
    out.mkdir()
    for name, folder in {"OUT": out, **folders}.items():
        words = words.replace(name, str(folder))
    # Benchmarks take their own number of devices.
    environment = os.environ | {"XLA_FLAGS": xla.flags(), "PYTHONPATH": str(FOLDER.parent)}
    command = [sys.executable, str(FOLDER / script), *words.split()]
    done = subprocess.run(command, cwd=out, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-4000:]
    assert "Traceback" not in done.stderr


@pytest.fixture(scope="module")
def given(tmp_path_factory):
    """A folder with images of digits in the forms that scripts take, and a page with a table."""
    folder = tmp_path_factory.mktemp("given")
    images, _ = load("digits", "test")
    np.save(folder / "images.npy", images[:64])
    for number, image in enumerate(images[:2]):
        Image.fromarray(image).save(folder / f"{number}.png")
    for file, names in (
        ("table.md", ("benchmarks",)),
        ("evidence.md", ("evidence",)),
        ("resnet8_cifar10_augmix/README.md", ("means", "verdicts")),
    ):
        (folder / file).parent.mkdir(exist_ok=True)
        marks = (f"<!-- {name}: begin --><!-- {name}: end -->" for name in names)
        (folder / file).write_text("".join(marks))
    return folder


@pytest.fixture(scope="module")
def swept(tmp_path_factory):
    folder = tmp_path_factory.mktemp("swept") / "out"
    run("sweep.py", WORDS["sweep.py"], folder)
    return folder / "run"


@pytest.mark.slow
@pytest.mark.parametrize("script", sorted(set(WORDS) - {"sweep.py"}))
def test_it_runs(script, tmp_path, given, request):
    words, folders = WORDS[script], {"IN": given}
    if "RUN" in words:
        folders["RUN"] = request.getfixturevalue("swept")
    if "COPY" in words:
        folders["COPY"] = shutil.copytree(folders["RUN"], tmp_path / "copy")
    run(script, words, tmp_path / "out", **folders)


@pytest.mark.peer
@pytest.mark.parametrize("script", sorted(WORDS_OF_PEERS))
def test_it_runs_beside_pytorch(script, tmp_path, given):
    pytest.importorskip("torchattacks", reason="needs the extra bench")
    run(script, WORDS_OF_PEERS[script], tmp_path / "out", IN=given)


@pytest.mark.peer
@pytest.mark.parametrize("script", sorted(WORDS_OF_REAL_DATA))
def test_it_runs_on_real_data(script, tmp_path, real_data):
    pytest.importorskip("torchattacks", reason="needs the extra bench")
    run(script, WORDS_OF_REAL_DATA[script], tmp_path / "out", REAL=real_data)
