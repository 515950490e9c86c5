"""What `import selectax` offers, to programs and to type checkers, and what it costs."""

import ast
import importlib
import pathlib
import subprocess
import sys

import pytest

import selectax

ROOT = pathlib.Path(__file__).parents[2]
STUB = ast.parse((ROOT / "selectax" / "__init__.pyi").read_text())
MEASURES = (
    *("ablation", "attacks", "augmix", "bases", "corruptions", "dimensionality"),
    *("intermediates", "intrinsic_dimension", "regularization", "selectivity", "sensitivity"),
    *("similarity", "strongest", "tuning"),
)


# Too bare for the top of the package: what only the author of a new attack needs.
OF_ATTACKS = {
    *("Evaluation", "Method", "Problem", "evaluate", "inside", "iterate", "make_problem"),
}


def offered():
    """Each public name of each measure."""
    for measure in MEASURES:
        for name in importlib.import_module(f"selectax.{measure}").__all__:
            if name not in OF_ATTACKS:
                yield measure, name


def in_a_fresh_process(program):
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout


@pytest.mark.parametrize(("measure", "name"), list(offered()))
def test_measures_are_at_the_top(measure, name):
    if name in MEASURES:  # a module's name remains the module's
        assert getattr(selectax, name) is importlib.import_module(f"selectax.{name}")
    else:
        module = importlib.import_module(f"selectax.{measure}")
        assert getattr(selectax, name) is getattr(module, name)
        assert name in dir(selectax)


def test_nothing_else_is_at_the_top():
    assert set(selectax.__all__) == {*MEASURES, *(name for _, name in offered())}
    assert len(set(selectax.__all__)) == len(selectax.__all__)


def test_type_checkers_are_shown_what_programs_are_given():
    shown = [
        (node.module or "", alias)
        for node in STUB.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    modules = {("", name) for name in (*MEASURES, "datasets", "models", "study")}
    public = {pair for pair in offered() if pair[1] not in MEASURES}
    assert {(module, alias.name) for module, alias in shown} == modules | public
    # Only "import x as x" makes x a name of the package.
    assert all(alias.asname == alias.name for _, alias in shown)


def bound_in(path):
    """Names of the objects, not modules, that a package's `__init__.py` or its stub binds."""
    folder = path.parent
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.ImportFrom):
            home = folder if node.level else ROOT
            home = home.joinpath(*(node.module or "").split("."))
            yield from (
                alias.asname or alias.name
                for alias in node.names
                if not is_module(home / alias.name)
            )
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.Assign):
            yield from (target.id for target in node.targets if isinstance(target, ast.Name))


def is_module(path):
    return path.with_suffix(".py").exists() or (path / "__init__.py").exists()


@pytest.mark.parametrize(
    "path", sorted((ROOT / "selectax").rglob("__init__.py*")), ids=lambda path: path.parent.name
)
def test_no_object_has_the_name_of_a_module(path):
    """Neither of a module beside it, which an import would put in its place, nor of a measure's."""
    names = set(bound_in(path))
    shared = {
        name
        for name in names
        if is_module(path.parent / name) or is_module(ROOT / "selectax" / name)
    }
    assert not shared


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'selectax' has no attribute 'selectivity_penalties'"):
        _ = selectax.selectivity_penalties


@pytest.mark.slow
def test_models_data_sets_and_study_are_loaded_when_asked_for():
    out = in_a_fresh_process("""
import sys
import selectax
print("jax" in sys.modules, "flax" in sys.modules)
selectax.selectivity_penalty, selectax.attacks.pgd
print("jax" in sys.modules, "flax" in sys.modules)
print(selectax.models.create("resnet8", 10).__class__.__name__, "flax" in sys.modules)
print("tensorflow_datasets" in sys.modules, selectax.datasets.describe("digits").num_classes)
print(selectax.study.__name__)
""")
    assert out.split() == (
        ["False", "False", "True", "False", "CifarResNet", "True", "False", "10", "selectax.study"]
    )


@pytest.mark.slow
def test_a_sweep_begins_without_what_only_its_end_or_other_data_need():
    out = in_a_fresh_process("""
import sys
from selectax.study import sweeps
print(*sys.modules)
""")
    later = {"matplotlib", "tensorflow_datasets", "grain", "sklearn", "scipy.stats"}
    assert "pandas" in out.split()
    assert not later & set(out.split())


@pytest.mark.slow
def test_measures_load_nothing_that_jax_does_not():
    """Counted, for times are not the same twice; see measures/import_time.py of the benchmarks."""
    out = in_a_fresh_process("""
import sys
import jax
before = set(sys.modules)
from selectax import *
print(*{name.split(".")[0] for name in set(sys.modules) - before})
""")
    others = set(out.split()) - set(sys.stdlib_module_names) - {"jax", "jaxlib", "numpy"}
    assert others <= {"selectax", "jaxtyping", "lazy_loader"}
