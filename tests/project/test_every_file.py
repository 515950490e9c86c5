"""Every Python file of the repository imports, and what it imports is there and declared."""

import ast
import functools
import importlib
import importlib.metadata
import json
import pathlib
import re
import subprocess
import sys
import tomllib

import pytest
from IPython.core.inputtransformer2 import TransformerManager

from tests.project.markdown import blocks

ROOT = pathlib.Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
FOLDERS = ("selectax", "tests", "experiments", "colab", "docs")
FILES = [path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))]
# Programs of the extra bench, which only tests marked `peer` may need.
OF_PEERS = {"imagecorruptions", "torch", "torchattacks", "torchvision"}
# Distributions of the extras whose packages are not named after them.
PACKAGES = {
    "absl-py": "absl",
    "dm-haiku": "haiku",
    "importlib-resources": "importlib_resources",
    "opencv-python-headless": "cv2",
    "orbax-checkpoint": "orbax",
    "pillow": "PIL",
    "pytest-xdist": "xdist",
    "pyyaml": "yaml",
    "scikit-image": "skimage",
    "ipython": "IPython",
    "scikit-learn": "sklearn",
    "tensorboardx": "tensorboardX",
    "tensorflow-datasets": "tensorflow_datasets",
}


def of_notebook(path):
    cells = json.loads(path.read_text())["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return TransformerManager().transform_cell("\n\n".join(code))


def sources():
    """The code of each file, notebook and page by its path."""
    yield from ((path, path.read_text()) for path in FILES)
    yield from ((path, of_notebook(path)) for path in sorted((ROOT / "colab").glob("*.ipynb")))
    for path in [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]:
        yield from ((path, block) for block in blocks(path, "python"))


def imported(source):
    """Pairs of a module and a name from it, or None for the module itself; late imports, too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def is_there(module, name):
    try:
        found = importlib.import_module(module)
        if name and name != "*" and not hasattr(found, name):
            importlib.import_module(f"{module}.{name}")
    except ImportError:
        return False
    return True


def test_what_is_imported_from_selectax_is_there():
    """Without running a line of it, so that what needs PyTorch or real data is looked at, too."""
    asked = {
        (module, name, path.relative_to(ROOT).as_posix())
        for path, source in sources()
        for module, name in imported(source)
        if module.split(".")[0] == "selectax"
    }
    assert len({path for *_, path in asked}) > 100
    assert [one for one in sorted(asked, key=str) if not is_there(*one[:2])] == []


def own_modules():
    """Names by which files of the repository import one another."""
    return {path.stem for path in (ROOT / "docs").glob("*.py")} | set(FOLDERS)


def third_parties(source):
    tops = {module.split(".")[0] for module, _ in imported(source)}
    return tops - set(sys.stdlib_module_names) - own_modules()


def declared(*extras):
    """Packages of the distributions that pyproject.toml names itself."""
    named = PROJECT["dependencies"] + [
        one for extra in extras for one in PROJECT["optional-dependencies"][extra]
    ]
    names = {re.match(r"[\w.-]+", one).group().lower() for one in named} - {"selectax"}
    return {PACKAGES.get(name, name.replace("-", "_")) for name in names}


@pytest.mark.parametrize(
    ("folder", "extras"),
    [
        ("selectax", ["study", "tensorboard"]),
        ("tests", ["study", "tensorboard", "test", "bench"]),
        ("experiments", ["study", "test", "bench"]),
        ("colab", ["study", "test"]),
        ("docs", ["study", "docs"]),
    ],
)
def test_what_is_imported_is_declared(folder, extras):
    there = [path for path in FILES if path.is_relative_to(ROOT / folder)]
    needed = set().union(*(third_parties(path.read_text()) for path in there))
    assert needed - declared(*extras) == set()


@functools.cache
def needs_peers(path):
    """Whether a file imports PyTorch or the like, or a script that does."""
    names = set(imported(path.read_text()))
    dotted = {module for module, _ in names} | {f"{module}.{name}" for module, name in names}
    scripts = [ROOT / f"{name.replace('.', '/')}.py" for name in dotted if "experiments." in name]
    return bool({name.split(".")[0] for name in dotted} & OF_PEERS) or any(
        needs_peers(script) for script in scripts if script.exists()
    )


def import_all(paths):
    """In a process of their own, for each may set what it likes; scripts by their paths."""
    names = [
        ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
        if path.is_relative_to(ROOT / "selectax")
        else str(path)
        for path in paths
    ]
    program = f"""
import importlib, importlib.util, sys
sys.path[:0] = [{str(ROOT)!r}, {str(ROOT / "docs")!r}]
for number, name in enumerate(sys.argv[1:]):
    if not name.endswith(".py"):
        importlib.import_module(name)
        continue
    spec = importlib.util.spec_from_file_location(f"file_{{number}}", name)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
"""
    done = subprocess.run([sys.executable, "-c", program, *names], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def not_of_peers(peers):
    """Tests' files that pytest itself imports are left out."""
    others = [path for path in FILES if not path.name.startswith("test_")]
    return [path for path in others if needs_peers(path) == peers]


@pytest.mark.slow
def test_every_file_imports():
    import_all(not_of_peers(peers=False))


@pytest.mark.peer
def test_every_file_beside_pytorch_imports():
    pytest.importorskip("torchattacks", reason="needs the extra bench")
    import_all(not_of_peers(peers=True))
