"""`selectax join`: the folder of one run, or a sentence on why there is none."""

import pytest

from selectax.commands.join import main
from selectax.study.report import figures
from tests.study.planted import planted_table, write_runs_of_seeds


def test_it_says_where_the_run_and_its_report_are(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(figures, "draw_all", lambda *_: {})
    table = planted_table(alphas=(0.0, 1.0), seeds=2)
    runs = write_runs_of_seeds(tmp_path, table)
    words = [*map(str, runs), "--output", str(tmp_path / "all" / "run")]
    assert main(words, "selectax join") == 0
    folder = tmp_path / "all" / "run"
    assert capsys.readouterr().out == f"Run: {folder}\nReport: {folder / 'report.html'}\n"
    assert "</html>" in (folder / "report.html").read_text()


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--output", "new"], "RUN: give at least two folders of runs, "),
        (["one", "--output", "new"], "RUN: give at least two folders of runs, "),
        (["one", "one", "--output", "new"], "RUN one: given 2 times; "),
        (["one", "three", "--output", "new"], "RUN three: no such folder; "),
        (["one", "two", "--output", "new"], "RUN one: holds no run "),
        (["one", "two", "--output", "full"], "--output full: is a file or holds files; "),
        (["one", "two", "--output", "file"], "--output file: is a file or holds files; "),
        (["one", "two", "--output", "file/new"], "file: File exists; "),
        (["one", "two"], "--output"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_a_sentence(tmp_path, monkeypatch, capsys, words, says):
    for name in ("one", "two", "full"):
        (tmp_path / name).mkdir()
    (tmp_path / "file").touch()
    (tmp_path / "full" / "notes").touch()
    before = sorted(tmp_path.rglob("*"))
    monkeypatch.chdir(tmp_path)
    try:
        status = main(words, "selectax join")
    except SystemExit as ended:
        status = ended.code
    assert status == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith(says)
    assert err.count("\n") == 1
    assert sorted(tmp_path.rglob("*")) == before
