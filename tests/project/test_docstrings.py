"""Public functions say what they take, give and raise, and their examples do what they show."""

import importlib
import inspect
import pathlib
import re
import subprocess
import sys

import pytest

import selectax

ROOT = pathlib.Path(__file__).parents[2]
OF_ONE_FILE = (
    *(
        "__init__",
        "ablation",
        "dimensionality",
        "intermediates",
        "intrinsic_dimension",
        "regularization",
    ),
    *("selectivity", "sensitivity", "strongest", "tuning"),
)
PACKAGES = ("attacks", "augmix", "bases", "corruptions", "datasets", "models", "similarity")


def public():
    """Functions and classes, by their full names."""
    for module in (*OF_ONE_FILE[1:], *PACKAGES):
        home = importlib.import_module(f"selectax.{module}")
        for name in home.__all__:
            value = getattr(home, name)
            if callable(value) and value.__module__.startswith("selectax."):
                yield f"{module}.{name}", value


PUBLIC = dict(public())
FUNCTIONS = [name for name, value in PUBLIC.items() if not inspect.isclass(value)]


def sections(name):
    """A docstring's sections, and what comes before the first."""
    first, *others = re.split(r"^(\w+):\n", inspect.getdoc(PUBLIC[name]), flags=re.MULTILINE)
    return {"": first, **dict(zip(others[::2], others[1::2], strict=True))}


def test_all_public_functions_are_looked_at():
    named = {name.split(".")[1] for name in PUBLIC}
    functions = {name for name in selectax.__all__ if inspect.isfunction(getattr(selectax, name))}
    assert functions <= named
    assert {"principal_variances", "create", "load", "ClassMoments"} <= named


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_takes_and_gives(name):
    said, signature = sections(name), inspect.signature(inspect.unwrap(PUBLIC[name]))
    assert signature.return_annotation is not inspect.Signature.empty
    assert said["Returns"].strip()
    taken = re.findall(r"^  (\w+): \S", said["Args"], flags=re.MULTILINE)
    assert taken == list(signature.parameters)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_function_says_what_it_raises(name):
    """Those that raise themselves; what helpers raise is for the author to know."""
    source = inspect.getsource(inspect.unwrap(PUBLIC[name]))
    said = re.findall(r"^  (\w+): \S", sections(name).get("Raises", ""), flags=re.MULTILINE)
    assert set(re.findall(r"raise (\w+Error)\(", source)) <= set(said)


@pytest.mark.parametrize("name", [name for name in PUBLIC if not name.endswith("Error")])
def test_an_example_is_given(name):
    example = sections(name)["Example"]
    assert example.lstrip().startswith(">>>")
    assert name.split(".")[1] in example or inspect.isclass(PUBLIC[name])


def run_examples(*modules):
    """Number of docstrings whose examples pytest has run and found right."""
    paths = [ROOT / "selectax" / module for module in modules]
    command = [sys.executable, "-m", "pytest", "--doctest-modules", "-q", "-o", "addopts=", *paths]
    done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stdout
    return int(re.search(r"(\d+) passed", done.stdout)[1])


@pytest.mark.slow
def test_examples_in_modules_hold():
    examples = [name for name in PUBLIC if name.split(".")[0] in OF_ONE_FILE]
    assert run_examples(*(f"{module}.py" for module in OF_ONE_FILE)) == len(examples) + 1


@pytest.mark.slow
def test_examples_in_packages_hold():
    examples = [name for name in PUBLIC if name.split(".")[0] in PACKAGES]
    errors = [name for name in examples if name.endswith("Error")]
    assert run_examples(*PACKAGES) == len(examples) - len(errors)
