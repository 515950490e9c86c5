"""The project's address: pyproject.toml has it, and nothing sends anyone to another one."""

import json
import pathlib
import re
import tomllib

import pytest

ROOT = pathlib.Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
REPOSITORY = PROJECT["urls"]["Repository"]
OWNER, NAME = REPOSITORY.removeprefix("https://github.com/").split("/")
# GitHub's names are of letters, digits and single hyphens.
PUBLISHED = re.fullmatch(r"[A-Za-z0-9]+(-[A-Za-z0-9]+)*", OWNER) is not None
NOTEBOOKS = sorted((ROOT / "colab").glob("*.ipynb"))
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
TEXTS = [
    *PAGES,
    *NOTEBOOKS,
    ROOT / "CITATION.cff",
    ROOT / "pyproject.toml",
    ROOT / ".ci" / "run",
    *(
        path
        for folder in ("selectax", "experiments", "colab")
        for path in ROOT.glob(f"{folder}/**/*.py")
    ),
]
# As in https://github.com/OWNER/selectax, git@github.com:OWNER/selectax and Colab's github/OWNER/….
ADDRESS = re.compile(rf"(?:github\.com[/:]|/github/)([\w.-]+)/{NAME}\b")
BADGE = "https://colab.research.google.com/assets/colab-badge.svg"


def badge(name):
    opened = f"https://colab.research.google.com/github/{OWNER}/{NAME}/blob/main/colab/{name}"
    return f"[![Open in Colab]({BADGE})]({opened})"


def test_the_address_is_whole():
    assert re.fullmatch(r"https://github\.com/[\w-]+/selectax", REPOSITORY)


@pytest.mark.parametrize("other", ["https://github.com/a/selectax", "x/github/a/selectax/blob"])
def test_another_address_would_be_seen(other):
    assert ADDRESS.findall(other) == ["a"]


def test_nothing_sends_to_another_address():
    owners = {path.name: set(ADDRESS.findall(path.read_text())) for path in TEXTS}
    assert {name: of for name, of in owners.items() if of - {OWNER}} == {}
    assert OWNER in owners["README.md"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_badges_open_this_repositorys_notebooks(path):
    first, *others = json.loads(path.read_text())["cells"]
    assert "".join(first["source"]).startswith(f"{badge(path.name)}\n\n# ")
    assert badge(path.name) in (ROOT / "README.md").read_text()
    install = next("".join(cell["source"]) for cell in others if cell["cell_type"] == "code")
    # Installed from there once it is there, and until then from nowhere unless it is said.
    source = f"git+{REPOSITORY}" if PUBLISHED else ""
    assert re.findall(r'^    source = "(.*)"$', install, re.MULTILINE) == [source]


def test_no_text_installs_a_package_of_our_name_that_someone_else_may_own():
    for page in (*PAGES, *(ROOT / "selectax").rglob("*.py")):
        asked = re.findall(r"pip3? install [^\n`]*", page.read_text())
        assert not any(("selectax" in one) > PUBLISHED for one in asked), page.name
