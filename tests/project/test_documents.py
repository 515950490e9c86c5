"""The project's documents hold: versions agree, links and names lead somewhere, examples run."""

import ast
import pathlib
import re
import shlex
import shutil
import subprocess
import sys
import tomllib

import pytest
import yaml

from tests.project.markdown import blocks

ROOT = pathlib.Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PAGES = sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("**/*.md"))
# The README and these pages are run by tests of their own, and so are those on other libraries.
TESTED_ELSEWHERE = ("README.md", "new_attack.md", "own_sweep.md")
WITH_EXAMPLES = [
    page
    for page in PAGES
    if page.name not in TESTED_ELSEWHERE and page.parent.name != "other_libraries"
    if "```python" in page.read_text()
]
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text()
PAPERS = ("2007.04440", "2010.07693", "2003.01262")
SOURCES = {
    path: path.read_text()
    for folder in ("selectax", "tests", "experiments")
    for path in (ROOT / folder).rglob("*.py")
}


def name_of(page):
    return str(page.relative_to(ROOT))


def prose(page):
    return re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)


def anchors(page):
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading).lower().replace(" ", "-") for heading in headings}


def test_the_version_to_cite_is_that_of_the_package():
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert citation["version"] == PROJECT["version"]
    assert citation["title"] == PROJECT["name"]
    assert citation["license"] == PROJECT["license"]


def test_the_papers_to_cite_are_those_that_are_implemented():
    references = yaml.safe_load((ROOT / "CITATION.cff").read_text())["references"]
    assert [paper["url"] for paper in references] == [f"https://arxiv.org/abs/{n}" for n in PAPERS]
    for paper in references:
        assert [author["family-names"] for author in paper["authors"]] == ["Leavitt", "Morcos"]
        assert paper["identifiers"][0]["value"].removeprefix("arXiv:") in paper["url"]
    assert all(number in (ROOT / "docs" / "method.md").read_text() for number in PAPERS)


def test_the_changelog_begins_with_what_is_not_released():
    versions = re.findall(r"^## \[(.*?)\]", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert versions[0] == "Unreleased"
    assert all(re.fullmatch(r"\d+\.\d+\.\d+", version) for version in versions[1:])
    if not versions[1:]:
        assert f"will be {PROJECT['version']}" in (ROOT / "CHANGELOG.md").read_text()
    else:
        assert versions[1] == PROJECT["version"]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if target.startswith(("https://", "http://")):
            continue
        file, _, anchor = target.partition("#")
        there = page.parent / file if file else page
        assert there.exists(), f"{target}: no such file"
        assert not anchor or anchor in anchors(there), f"{target}: no such heading"


@pytest.mark.slow
@pytest.mark.parametrize("page", WITH_EXAMPLES, ids=name_of)
def test_examples_run(page):
    for block in blocks(page, "python"):
        exec(compile(block, page.name, "exec"), {})


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_are_shell(page):
    for block in blocks(page, "sh"):
        subprocess.run(["bash", "-n"], input=block, text=True, check=True)
        named = re.findall(r"\S*experiments/\w+\.py|tests/\S+\.py", block)
        assert all((ROOT / path).is_file() for path in named)


def rows():
    """The path or paths and the text of each row of the tables on what to touch."""
    for line in CONTRIBUTING.splitlines():
        if line.startswith("| `") and not line.startswith("| `pytest"):
            paths, text = line.strip("| ").split(" | ", 1)
            yield paths, text


def paths_of(cell):
    first, *others = re.findall(r"`([^`]+)`", cell)
    folder = first.rpartition("/")[0]
    return [first, *(name if "/" in name else f"{folder}/{name}" for name in others)]


def test_paths_that_contributors_are_sent_to_exist():
    sent = [path for cell, _ in rows() for path in paths_of(cell)]
    assert len(sent) > 20
    for path in sent:
        if path.isupper() or "=" in path:
            continue
        there = re.split(r"/(?:test_)?NAME", path)[0]
        assert (ROOT / there).exists(), path


def test_names_that_contributors_are_told_are_in_the_code():
    reference = [page.read_text() for page in (ROOT / "docs" / "api").glob("*.md")]
    code = "\n".join([*SOURCES.values(), *reference])
    told = {name for _, text in rows() for name in re.findall(r"`([\w.]+)(?:\(\))?`", text)}
    assert {"MEASURES", "CORRUPTIONS", "ATTACKS", "NETWORKS", "DATASETS"} <= told
    file_names = {path.name for path in SOURCES}
    for name in told:
        if name.endswith(".py"):
            assert name in file_names, name
        else:
            assert re.search(rf"\b{re.escape(name.rpartition('.')[2])}\b", code), name


@pytest.mark.parametrize("name", ["bug", "question", "wrong_number"])
def test_issue_forms_ask_what_is_needed(name):
    form = yaml.safe_load((ROOT / ".github" / "ISSUE_TEMPLATE" / f"{name}.yml").read_text())
    assert {"name", "description", "labels", "body"} == set(form)
    identities = [field["id"] for field in form["body"]]
    assert len(set(identities)) == len(identities) >= 3
    for field in form["body"]:
        assert field["type"] in ("input", "textarea")
        assert field["attributes"]["label"]
    assert any(field.get("validations", {}).get("required") for field in form["body"])


def public_functions():
    """Functions at the top of a module without an underscore, or what a package's __all__ names."""
    for path, source in SOURCES.items():
        parts = path.relative_to(ROOT).with_suffix("").parts
        if parts[0] != "selectax" or len(parts) < 2 or parts == ("selectax", "__init__"):
            continue
        is_package = parts[-1] == "__init__"
        module = ".".join(parts[:-1] if is_package else parts)
        alone = len(parts) == 2 or parts[1] == "study" or is_package
        if parts[1] in ("commands", "installing", "renamed") or not alone:  # of our own use
            continue
        tree = ast.parse(source)
        names = [
            node.name
            for node in tree.body
            if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        ]
        for node in tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
                listed = {name for name in ast.literal_eval(node.value) if not name.isupper()}
                names = listed if is_package else listed | set(names)
        yield from (f"{module}.{name}" for name in names)


@pytest.mark.slow
def test_the_documents_are_built_and_hold_everything(tmp_path):
    """One test, for workers would each build them, which takes a minute."""
    pytest.importorskip("sphinx", reason="needs the extra docs")
    pages = built(tmp_path)
    assert_every_public_function_is_described(pages)
    assert_nothing_is_loaded_from_elsewhere(pages)
    assert_formulas_became_mathml(pages)


def built(folder):
    """The text of each page, made as CONTRIBUTING says to build the documents."""
    (command,) = (
        line
        for block in blocks(ROOT / "CONTRIBUTING.md", "sh")
        for line in block.splitlines()
        if line.startswith("sphinx-build")
    )
    *words, output = shlex.split(command)[1:]
    assert output == "build/docs"
    source, pages = folder / "source", folder / "pages"
    source.mkdir()
    # In a copy, for autosummary writes beside the documents.
    for path in ROOT.iterdir():
        if path.name != "docs":
            (source / path.name).symlink_to(path)
    shutil.copytree(
        ROOT / "docs", source / "docs", ignore=shutil.ignore_patterns("generated", "_build")
    )
    done = subprocess.run(
        [sys.executable, "-m", "sphinx", *words, str(pages)],
        cwd=source,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return {path: path.read_text() for path in pages.rglob("*.html")}


def assert_every_public_function_is_described(pages):
    described = {name for page in pages.values() for name in re.findall(r'id="([\w.]+)"', page)}
    public = set(public_functions())
    assert {
        "selectax.attacks.pgd",
        "selectax.study.run.results.load",
        "selectax.models.create",
    } <= public
    assert public - described == set()


def assert_nothing_is_loaded_from_elsewhere(pages):
    for page, text in pages.items():
        loaded = re.findall(r"<(?:script|img|iframe)[^>]*\ssrc=\"([^\"]*)\"", text)
        loaded += re.findall(r"<link[^>]*\shref=\"([^\"]*)\"", text)
        assert loaded
        outside = [address for address in loaded if re.match(r"(https?:)?//", address)]
        assert not outside, (page, outside)


def assert_formulas_became_mathml(pages):
    (method,) = (text for page, text in pages.items() if page.name == "method.html")
    formulas = (ROOT / "docs" / "method.md").read_text().count("$$") // 2
    assert method.count('<div class="formula"><math') == formulas > 0
    assert "$" not in re.sub(r"<script.*?</script>", "", method, flags=re.DOTALL)
