"""`selectax report`: a page, or a sentence on why there is none."""

import pytest

from selectax.commands.report import main
from selectax.study.report import figures
from tests.study.planted import planted_table, write_run, write_runs_of_seeds


@pytest.mark.slow
def test_it_writes_the_page_and_says_where(tmp_path, capsys):
    folder = write_run(tmp_path / "run", planted_table(alphas=(0.0,), seeds=1))
    assert main([str(folder)], "selectax report") == 0
    assert capsys.readouterr().out == f"Report: {folder / 'report.html'}\n"
    assert "</html>" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda folder: None, "no such folder"),
        (lambda folder: folder.mkdir(), "holds no run (config.json is missing); give the"),
    ],
    ids=["no folder", "empty folder"],
)
def test_without_a_run_there_is_one_sentence(tmp_path, capsys, make, words):
    make(tmp_path / "run")
    assert main([str(tmp_path / "run")], "selectax report") == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.startswith(f"RUN {tmp_path / 'run'}: ")
    assert words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ([], "RUN: missing; "),
        (["one", "two"], "--output: missing with several runs; "),
        (["one", "one"], "RUN one: given 2 times; "),
        (["one", "--output", "two"], "--output two: is no file in a folder; "),
        (["one", "--output", "no/page.html"], "--output no/page.html: is no file in a folder; "),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(tmp_path, monkeypatch, capsys, words, says):
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(words, "selectax report") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert err.count("\n") == 1


def test_several_runs_have_one_page(tmp_path, capsys, monkeypatch):
    """As those of an array job, each with a seed of its own."""
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(-1.0, 0.0, 1.0), seeds=3)
    alphas = [-1.0, 0.0, 1.0]
    runs = write_runs_of_seeds(tmp_path, table, alpha=alphas)
    page = tmp_path / "joined.html"
    words = [*map(str, runs), "--output", str(page)]
    assert main(words, "selectax report") == 0
    assert capsys.readouterr().out == f"Report: {page}\n"
    text = " ".join(page.read_text().split())
    assert "9 networks: 3 strengths" in text
    assert "× 3 seeds, 5 epochs" in text
    assert "not complete" not in text
    assert "results.csv</code> of each run" in text
    given = {"alpha": alphas, "seeds": 1, "first_seed": 2, "model": "resnet20"}
    write_run(runs[1], table[table["seed"] == 1], **given)
    assert main(words, "selectax report") == 2
    err = capsys.readouterr().err
    assert err.startswith(f"RUN {runs[0]} {runs[1]}: differ in model (resnet8 and resnet20), ")
    assert err.count("\n") == 1


def test_runs_of_several_training_methods_have_one_page(tmp_path, capsys, monkeypatch):
    """With the command of each."""
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(0.0,), seeds=2)
    runs = []
    for method, strength in (("standard", 0.0), ("adversarial", 4.0)):
        rows = table.assign(training=method, training_strength=strength)
        given = {"alpha": [0.0], "seeds": 2, "training_strength": [strength]}
        runs.append(write_run(tmp_path / method, rows, training_method=method, **given))
    page = tmp_path / "joined.html"
    assert main([*map(str, runs), "--output", str(page)], "selectax report") == 0
    text = " ".join(page.read_text().split())
    assert "4 networks: 1 strength of" in text
    assert "trained by the methods standard, adversarial at strengths 0, 4" in text
    assert text.count("python experiments/sweep.py") == 2
    assert text.count("--training-method adversarial --training-strength 4.0") == 1
