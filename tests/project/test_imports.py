"""Who imports whom, as the design's arrows say, and what is not loaded by whom."""

import ast
import graphlib
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[2]
MEASURES = (
    *("selectivity", "regularization", "tuning", "strongest", "dimensionality", "sensitivity"),
    *(
        "ablation",
        "attacks",
        "augmix",
        "intermediates",
        "intrinsic_dimension",
        "bases",
        "similarity",
    ),
)
HELPERS = ("installing", "numerics", "renamed")
OF_MEASURES = {"jax", "numpy", "jaxtyping"}
OF_MODELS = OF_MEASURES | {"flax", "safetensors", "ml_dtypes"}
OF_DATASETS = OF_MEASURES | {
    *("tensorflow_datasets", "requests", "grain", "array_record", "PIL"),
}
# Of our own, a name below selectax may import these names below it, and itself.
ALLOWED = {
    "arguments": set(),
    **{helper: set() for helper in HELPERS},
    "numerics": {"arguments"},
    **{measure: {"arguments", "numerics", "renamed"} for measure in (*MEASURES, "corruptions")},
    **{part: {"arguments", "installing"} for part in ("models", "datasets")},
    "regularization": {"selectivity", "arguments"},
    "bases": {"selectivity", "arguments", "numerics"},
    "similarity": {"dimensionality", "arguments", "numerics"},
    "study": {*MEASURES, "arguments", "installing", "corruptions", "models", "datasets"},
    "commands": {
        "arguments",
        "attacks",
        "study",
        "installing",
        "corruptions",
        "models",
        "datasets",
    },
}
THIRD_PARTIES = {
    **{name: OF_MEASURES for name in (*MEASURES, "corruptions", "arguments", *HELPERS)},
    "models": OF_MODELS,
    "datasets": OF_DATASETS,
}
# The study's wings, and which other wings each may import; what lies above them imports all.
WINGS = {
    "runtime": {"configuration"},
    "configuration": {
        *("measures.registry", "measures.measure"),
        *("training.methods.registry", "training.methods.method"),
    },
    "training": {"runtime"},
    "measures": {"configuration", "runtime", "run.results"},
    "run": {"configuration", "runtime"},
    "report": {"configuration", "runtime", "run.results", "run.strongest_pgd"},
}


def modules():
    """Every module of the library, by its dotted name, and its syntax tree."""
    for path in sorted((ROOT / "selectax").rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
        yield name, ast.parse(path.read_text())


MODULES = dict(modules())


def imports(name):
    """Dotted names of the modules that a module imports anywhere, late imports too."""
    found = set()
    for node in ast.walk(MODULES[name]):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{name} has a relative import"
            for alias in node.names:
                below = f"{node.module}.{alias.name}"
                found.add(below if below in MODULES else node.module)
    return found


def ours(name):
    return {imported for imported in imports(name) if imported.split(".")[0] == "selectax"}


def third_parties(name):
    top = {imported.split(".")[0] for imported in imports(name)}
    return top - set(sys.stdlib_module_names) - {"selectax"}


def part(name):
    """What lies directly below selectax; empty for selectax itself."""
    return name.removeprefix("selectax").lstrip(".").split(".")[0]


@pytest.mark.parametrize("name", MODULES)
def test_own_imports_follow_the_arrows(name):
    if name == "selectax":
        return  # names what others may ask it for
    assert part(name) in ALLOWED, "say in ALLOWED whom this part may know"
    others = {part(imported) for imported in ours(name)} - {part(name), ""}
    assert others <= ALLOWED[part(name)]


@pytest.mark.parametrize("name", [name for name in MODULES if part(name) in THIRD_PARTIES])
def test_measures_models_and_data_sets_need_few_libraries(name):
    assert third_parties(name) <= THIRD_PARTIES[part(name)]


def test_no_arrow_runs_back():
    graph = {name: ours(name) - {name} for name in MODULES}
    tuple(graphlib.TopologicalSorter(graph).static_order())


def in_study(name):
    """The dotted name below selectax.study, and its wing; the wing is empty for what lies above."""
    below = name.removeprefix("selectax.study").lstrip(".")
    return below, below.partition(".")[0] if below.partition(".")[0] in WINGS else ""


@pytest.mark.parametrize("name", [name for name in MODULES if in_study(name)[1]])
def test_wings_of_the_study_do_not_import_one_anothers_insides(name):
    _, wing = in_study(name)
    for imported in ours(name):
        if imported.startswith("selectax.study"):
            below, other = in_study(imported)
            allowed = other in WINGS[wing] or below in WINGS[wing] or other == wing
            assert allowed, f"{name} imports {imported}"


def test_nothing_in_the_library_knows_commands_or_tests():
    for name in MODULES:
        tops = {imported.split(".")[0] for imported in imports(name)}
        assert not tops & {"experiments", "tests", "colab", "tensorflow", "torch"}


def test_imports_are_found_where_they_are():
    """What the tests above would be worth nothing without."""
    assert "selectax.selectivity" in imports("selectax.regularization")
    assert "selectax.study.report.figures" in imports("selectax.study.presentation")
    assert "flax.linen" in imports("selectax.models.resnet")
    of_builders = third_parties("selectax.datasets.builders.archive_builder")
    assert of_builders >= {"tensorflow_datasets", "requests"}


def test_measures_work_where_nothing_else_is_installed():
    """With every library of the extras made impossible to import."""
    program = """
import sys
for absent in ("flax", "optax", "orbax", "tensorflow_datasets", "tensorflow", "torch", "sklearn",
               "scipy.stats", "pandas", "matplotlib", "rich", "tyro", "requests", "PIL"):
    sys.modules[absent] = None

import selectax
assert not {"jax", "numpy"} & set(sys.modules)
from selectax import *

import jax, jax.numpy as jnp
import selectax.attacks, selectax.corruptions, selectax.dimensionality
import selectax.regularization, selectax.selectivity

images, labels = jnp.full((4, 8, 8, 3), 0.5), jnp.array([0, 1, 0, 1])
print(selectax.selectivity.mean_selectivity(images, labels, 2))
print(selectax.regularization.selectivity_penalty(images, labels, 2, alpha=1.0))
print(selectax.dimensionality.principal_variances(images[:, 0, 0]))
print(selectax.attacks.fgsm(lambda pixels: pixels[:, 0, 0], images, labels, epsilon=0.1).shape)
print(selectax.corruptions.corrupt(jax.random.key(0), images, "contrast", 3).shape)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 5


def test_importing_loads_no_library_of_others():
    """One part after the other; models, which may load flax, is the last."""
    names = ["selectax", *(name for name in MODULES if part(name) in MEASURES)]
    names += ["selectax.corruptions", "selectax.datasets", "selectax.models"]
    program = f"""
import importlib, sys
heavy = "flax", "optax", "tensorflow_datasets", "tensorflow", "torch", "pandas", "matplotlib"
for name in {names}:
    importlib.import_module(name)
    print(name, *(library for library in heavy if library in sys.modules))
"""
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    *others, models = done.stdout.splitlines()
    assert others == names[:-1]
    assert models in ("selectax.models", "selectax.models flax", "selectax.models flax optax")
