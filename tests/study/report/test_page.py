"""The report's page: what it says, and how it behaves in a real browser."""

import re
import shutil

import numpy as np
import pytest

from selectax.study import reports
from selectax.study.report import bootstrap
from selectax.study.report.figures.registry import FIGURES
from selectax.study.reports import write_report
from tests.study.planted import planted_table, planted_training, write_run

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = write_run(tmp_path_factory.mktemp("runs") / "whole", planted_table())
    return write_report(folder)


@pytest.mark.slow
def test_it_says_what_was_found(page):
    text = page.read_text()
    assert len(re.findall(r"✓ holds</span>", text)) == 7
    assert "not complete" not in text
    assert "<dt>training images</dt><dd>13,500</dd>" in text
    assert f"percentiles of {bootstrap.RESAMPLES:,} resamples" in text
    assert "28 networks: 7 strengths" in " ".join(text.split())
    assert re.search(r"<td data-value=\"10[.0]*\">10</td>", text)  # steps of PGD, whole
    assert "Not tested in this study: 2, 3, 10, 11." in text
    assert "The claim is about resnet20 on cifar10 only." in text
    assert "edition, fixed on 2026-11-28" in " ".join(text.split())
    assert text.count("<figure") == text.count("<img ") > 4
    assert text.count('<figure class="first">') == 1
    assert all(len(words) > 40 for words in re.findall(r'alt="([^"]*)"', text))


@pytest.mark.slow
def test_methods_of_training_stand_beside_their_verdicts(tmp_path):
    page = write_report(write_run(tmp_path / "run", planted_training("adversarial")))
    (caption,) = re.findall(
        r'<figure class="first">\s*<img [^>]*>\s*<figcaption>(.*)</figcaption>', page.read_text()
    )
    assert caption == FIGURES["robustness_by_selectivity_of_methods"].title


def test_it_says_what_holds_in_part_and_what_changes_without_dead_units(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "RESAMPLES", 1000)
    monkeypatch.setattr(reports, "_pictures", lambda *_: [])
    table = planted_table(dead={(2.0, seed): 0.2 for seed in range(4)})
    rows = table["metric"].eq("relative_accuracy") & table["alpha"].isin((0.4, 1.0))
    table.loc[rows, "value"] = 0.9
    folder = write_run(tmp_path / "run", table, evaluation_images=500)
    text = " ".join(write_report(folder).read_text().split())
    assert len(re.findall(r"✓ holds</span>", text)) == 6
    assert "◐ holds in part<br>(1 of 2)</span>" in text
    assert re.search(r"about \d+ seeds would decide the rest", text)
    change = 'Without the 4 networks with dead units: <span class="verdict'
    assert text.count(change) == 1
    before, after = text.split(change)
    assert "✗" not in before
    assert "◐ holds in part (1 of 2)</span>" in after
    assert 'title="Its conditions: holds, does not hold">✓ ✗ </span>' in after
    assert "In 4 networks more than a tenth of the units of a layer are dead" in text
    assert "here on 500 test images instead of the whole test set" in text


@pytest.mark.slow
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


@pytest.mark.slow
def test_a_name_is_escaped(tmp_path):
    table = planted_table(alphas=(0.0,), seeds=1)
    folder = write_run(tmp_path / "run", table, dataset="<script>alert(1)</script>")
    assert "<script>alert" not in write_report(folder).read_text()


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


def test_a_finding_may_be_untested_without_dead_units(tmp_path, monkeypatch):
    monkeypatch.setattr(reports, "_pictures", lambda *_: [])
    dead = {(alpha, seed): 0.5 for alpha in (-1.0, 0.0, 1.0) for seed in range(3)}
    table = planted_table(alphas=(-1.0, 0.0, 1.0), seeds=3, dead=dead)
    text = write_report(write_run(tmp_path / "run", table)).read_text()
    assert "? not tested" in text
