"""The built package holds what it should, and its measures run where only jax is installed."""

import os
import pathlib
import re
import subprocess
import sys
import tarfile
import venv
import zipfile

import pytest

ROOT = pathlib.Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=True, **options).stdout


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """Sdist and wheel; the wheel is built from the sdist, which so must be complete."""
    folder = tmp_path_factory.mktemp("built")
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    return sdist, wheel


@pytest.fixture(scope="module")
def thin_python(built, tmp_path_factory):
    """Python of an environment with the wheel and what it needs, and nothing else."""
    folder = tmp_path_factory.mktemp("thin")
    venv.create(folder)
    python = folder / ("Scripts" if os.name == "nt" else "bin") / "python"
    run(*pip(python), "install", "--quiet", built[1])
    return python


def pip(python):
    """Our own pip for that environment, which has none: to install it takes eight seconds."""
    return sys.executable, "-m", "pip", "--python", python


def run_thin(python, program, folder):
    """Apart from this repository, whose modules would else be imported from."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    return run(python, "-c", program, cwd=folder, env=environment)


def test_the_wheel_holds_the_package_alone(built):
    with zipfile.ZipFile(built[1]) as wheel:
        names = set(wheel.namelist())
    tops = {name.split("/")[0] for name in names}
    (metadata,) = tops - {"selectax"}
    assert metadata.endswith(".dist-info")
    assert f"{metadata}/licenses/LICENSE" in names
    assert {
        *("selectax/__init__.pyi", "selectax/py.typed"),
        *("selectax/datasets/tiny_imagenet_classes.tsv", "selectax/datasets/digits.npz"),
        "selectax/study/report/published/resnet18_tiny_imagenet.csv",
    } <= names
    sources = {path.relative_to(ROOT).as_posix() for path in (ROOT / "selectax").rglob("*.py")}
    assert {name for name in names if name.endswith(".py")} == sources


def test_the_sdist_holds_what_a_packager_needs(built):
    with tarfile.open(built[0]) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        *(
            "LICENSE",
            "README.md",
            "pyproject.toml",
            "selectax/py.typed",
            "tests/project/test_wheel.py",
        ),
        "selectax/datasets/tiny_imagenet_classes.tsv",
    } <= names
    assert not {name for name in names if name.startswith(("runs/", ".git/", "dist/"))}


def test_few_packages_are_installed(thin_python):
    installed = run(*pip(thin_python), "list", "--format=freeze", "--disable-pip-version-check")
    names = {line.split("==")[0].lower() for line in installed.splitlines()}
    of_jax = {"jax", "jaxlib", "ml_dtypes", "numpy", "opt_einsum", "scipy"}
    of_jaxtyping, of_lazy_loader = {"jaxtyping", "wadler_lindig"}, {"lazy-loader", "packaging"}
    assert names <= of_jax | of_jaxtyping | of_lazy_loader | {"selectax"}


def test_the_readmes_example_runs(thin_python, tmp_path):
    readme = (ROOT / "README.md").read_text()
    (example,) = re.findall(r"^```python\n(.*?)^```", readme, re.DOTALL | re.MULTILINE)
    assert run_thin(thin_python, example, tmp_path).startswith("(16,)")


def test_every_measure_is_there(thin_python, tmp_path):
    program = "import selectax; print(len([getattr(selectax, name) for name in selectax.__all__]))"
    assert int(run_thin(thin_python, program, tmp_path)) > 60


@pytest.mark.parametrize("extra", ["models", "datasets", "study"])
def test_what_is_missing_is_said_in_one_sentence(thin_python, tmp_path, extra):
    with pytest.raises(subprocess.CalledProcessError) as failed:
        run_thin(thin_python, f"import selectax; selectax.{extra}", tmp_path)
    *_, sentence = failed.value.stderr.splitlines()
    assert re.fullmatch(
        rf"ImportError: selectax\.{extra} needs \w+, which is not installed; "
        r'in a clone of selectax, run pip install "\.\[study\]"\.',
        sentence,
    )
