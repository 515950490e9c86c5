"""The report's page: what it says, and how it behaves in a real browser."""

import json
import re
import shlex
import shutil

import numpy as np
import pytest
import tyro
from PIL import Image

from selectax.commands import sweep
from selectax.study.configuration.config import SweepConfig, defaults_of, to_json
from selectax.study.configuration.errors import ConfigurationError
from selectax.study.report import bootstrap, figures
from selectax.study.report.page import command_of, write_report
from selectax.study.run import results
from tests.study.planted import CONFIG, UNITS, planted_table

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


def write_run(folder, table, **config):
    folder.mkdir(exist_ok=True)
    (folder / "config.json").write_text(json.dumps(to_json(SweepConfig()) | CONFIG | config))
    (folder / "layers.json").write_text(json.dumps(UNITS))
    (folder / "images.json").write_text(json.dumps({"training": 13_500}))
    results.save(folder / "results.csv", table)
    return folder


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("runs") / "whole", planted_table())
    return write_report(folder)


def test_it_says_what_was_found(page):
    text = page.read_text()
    assert len(re.findall(r"✓ holds</span>", text)) == 7
    assert "not complete" not in text
    assert "<dt>training images</dt><dd>13,500</dd>" in text
    assert f"percentiles of {bootstrap.RESAMPLES:,} resamples" in text
    assert "28 networks: 7 strengths" in " ".join(text.split())
    assert re.search(r"<td data-value=\"10[.0]*\">10</td>", text)  # steps of PGD, whole
    assert "5.95" in text  # of the largest fall of selectivity, tests/study/report/test_findings.py
    assert text.count("<figure") == text.count("<img ") > 4
    assert text.count('<figure class="first">') == 1
    assert all(len(words) > 40 for words in re.findall(r'alt="([^"]*)"', text))


def test_it_loads_nothing(page):
    text = re.sub(r"data:[^\"]*", "data:", page.read_text())
    assert re.findall(r"(?:src|href)=\"(?!data:|#)[^\"]*\"", text) == []
    assert "http" not in text
    assert "@import" not in text
    assert "url(" not in text


@pytest.mark.slow
def test_it_is_the_same_again(page):
    before = page.read_bytes()
    assert write_report(page.parent).read_bytes() == before


def test_a_table_that_is_kept_as_parquet_alone_is_taken(tmp_path):
    folder = write_run(tmp_path / "kept", planted_table(seeds=1))
    (folder / "results.csv").rename(tmp_path / "results.csv")
    results.save(folder / "results.parquet", results.load(tmp_path / "results.csv"))
    assert "fewer than 3 seeds" in write_report(folder).read_text()


@pytest.mark.slow
def test_half_a_study_says_so(tmp_path):
    table = planted_table()
    done = table[(table["alpha"] < 0) | (table["seed"] == 0) & (table["alpha"] == 0)]
    text = " ".join(write_report(write_run(tmp_path / "half", done)).read_text().split())
    assert "The study is not complete.</strong> 13 of 28 networks are measured, 0 more" in text
    assert "? cannot say" in text


@pytest.mark.parametrize("with_list", [True, False])
def test_seeds_added_to_one_alpha_are_no_gaps_in_the_others(tmp_path, monkeypatch, with_list):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(0.0, 1.0), seeds=3)
    done = table[(table["alpha"] == 0) | (table["seed"] == 0)]
    folder = write_run(tmp_path / "run", done, alpha=[0.0, 1.0], seeds=3)
    groups = [[(0.0, 0), (1.0, 0)], [(0.0, 1), (0.0, 2)]]
    networks = [[{"alpha": alpha, "seed": seed} for alpha, seed in group] for group in groups]
    if with_list:
        (folder / "networks.json").write_text(json.dumps({"groups": networks}))
    text = " ".join(write_report(folder).read_text().split())
    if with_list:
        assert "4 networks: 2 strengths" in text
        assert "× 1 to 3 seeds" in text
        assert "not complete" not in text
    else:  # of an earlier version, which has every seed of every alpha
        assert "4 of 6 networks are measured" in text


def test_images_drawn_by_the_sweep_are_kept(tmp_path):
    folder = write_run(tmp_path / "run", results.table([]))
    assert "clean, corrupted and attacked" not in write_report(folder).read_text()
    (folder / "figures").mkdir()
    Image.new("RGB", (400, 200)).save(folder / "figures" / "images.png", dpi=(100, 100))
    text = write_report(folder).read_text()
    assert "Test images, clean, corrupted and attacked" in text
    assert 'style="width: 4' in text


def test_a_study_just_begun_has_a_report(tmp_path):
    folder = write_run(tmp_path / "begun", results.table([]))
    (folder / "results.csv").unlink()
    text = write_report(folder).read_text()
    assert text.count("Not measured.") == 7
    assert "<figure" not in text


@pytest.mark.slow
def test_a_name_is_escaped(tmp_path):
    table = planted_table(alphas=(0.0,), seeds=1)
    folder = write_run(tmp_path / "run", table, dataset="<script>alert(1)</script>")
    assert "<script>alert" not in write_report(folder).read_text()


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda folder: (folder / "config.json").unlink(), "config.json is missing"),
        (lambda folder: (folder / "config.json").write_text("{"), "config.json cannot be read"),
        (lambda folder: (folder / "networks.json").write_text("{"), "networks.json cannot be read"),
        (lambda folder: (folder / "layers.json").unlink(), "layers.json cannot be read"),
        (lambda folder: (folder / "results.csv").write_text("a,b\n"), "is not a results table"),
    ],
)
def test_a_folder_without_a_run_is_refused(tmp_path, damage, words):
    folder = write_run(tmp_path / "run", planted_table(seeds=1))
    damage(folder)
    with pytest.raises(ConfigurationError, match=words) as refused:
        write_report(folder)
    assert str(folder) in str(refused.value)
    assert str(refused.value).endswith(".")


@pytest.mark.parametrize(
    "flags",
    [
        [],
        ["--alpha", "-2.0", "0.0", "--seeds", "5", "--pgd-steps", "1", "10"],
        ["--alpha-epochs", "1", "2", "--norm", "l2", "--train-limit", "100"],
        ["--measures", "--attack-images", "None"],
    ],
)
@pytest.mark.parametrize("dataset", ["digits", "cifar10"])
def test_its_command_gives_the_same_configuration(flags, dataset):
    options = (tyro.conf.OmitArgPrefixes, tyro.conf.FlagCreatePairsOff)
    given = to_json(tyro.cli(SweepConfig, args=flags, default=defaults_of(dataset), config=options))
    program, script, *again = shlex.split(command_of(json.loads(json.dumps(given))))
    assert (program, script) == ("python", "experiments/sweep.py")
    if dataset != "digits":
        assert again[-2:] == ["--archives", "ARCHIVES"]
        again = again[:-2]
    assert (
        to_json(tyro.cli(SweepConfig, args=again, default=sweep.default_of(again), config=options))
        == given
    )


@pytest.fixture(scope="module")
def browser():
    if CHROMIUM is None:
        pytest.skip("needs Chromium (Debian's package chromium)")
    playwright = pytest.importorskip("playwright.sync_api")
    with playwright.sync_playwright() as running:
        offline = ("background-networking", "component-update", "sync", "gpu")
        arguments = ["--no-sandbox", *(f"--disable-{what}" for what in offline)]
        browser = running.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        browser.close()


@pytest.fixture
def tab(browser, page):
    """The page opened, with what it asked for and complained of."""
    context = browser.new_context(viewport={"width": 1200, "height": 900})
    tab = context.new_page()
    tab.complaints, tab.requests = [], []
    tab.on("console", lambda message: tab.complaints.append(message.text))
    tab.on("pageerror", lambda error: tab.complaints.append(str(error)))
    tab.on("request", lambda request: tab.requests.append(request.url))
    tab.goto(page.as_uri())
    yield tab
    context.close()


def column(tab, number):
    cells = f"table.sortable >> nth=0 >> tbody tr td:nth-child({number})"
    return [float(cell.get_attribute("data-value")) for cell in tab.query_selector_all(cells)]


@pytest.mark.slow
def test_in_a_browser_nothing_is_asked_for_and_nothing_complains(tab, page):
    tab.wait_for_load_state("networkidle")
    assert [url for url in tab.requests if not url.startswith("data:")] == [page.as_uri()]
    assert tab.complaints == []
    widths = "[...document.images].map(image => image.naturalWidth)"
    assert min(tab.evaluate(widths)) > 0


@pytest.mark.slow
def test_in_a_browser_tables_sort_by_mouse_and_by_keyboard(tab):
    before = column(tab, 4)
    heading = tab.locator("table.sortable >> nth=0 >> th >> nth=3")
    heading.get_by_role("button").click()
    assert column(tab, 4) == sorted(before) != before
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.get_by_role("button").press("Enter")
    assert column(tab, 4) == sorted(before, reverse=True)
    assert heading.get_attribute("aria-sort") == "descending"
    names = tab.locator("table.sortable >> nth=1")
    names.get_by_role("button", name="perturbation").click()
    names.get_by_role("button", name="perturbation").click()
    assert names.locator("tbody td >> nth=0").inner_text() == "snow"


@pytest.mark.slow
def test_in_a_browser_the_seven_verdicts_are_on_the_first_screen(tab):
    last = tab.locator(".findings > li >> nth=6").bounding_box()
    assert last["y"] + last["height"] <= 900
    claim, first = (tab.locator(where).bounding_box() for where in (".claim >> nth=0", ".first"))
    assert first["x"] > claim["x"] + claim["width"]
    assert first["y"] + first["height"] <= 900


@pytest.mark.slow
def test_in_a_browser_it_fits_a_phone_and_is_dark_where_asked(browser, page):
    context = browser.new_context(viewport={"width": 360, "height": 700}, color_scheme="dark")
    tab = context.new_page()
    tab.goto(page.as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 360
    ground = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    assert np.mean([int(part) for part in re.findall(r"\d+", ground)]) < 60
    context.close()


@pytest.mark.slow
def test_in_a_browser_the_details_open_by_keyboard(tab):
    summary = tab.locator("summary >> nth=0")
    table = tab.locator("details table >> nth=0")
    assert not table.is_visible()
    summary.focus()
    summary.press("Enter")
    assert table.is_visible()
