"""`selectax report`: a page, or a sentence on why there is none."""

import pytest

from selectax.commands.report import main
from tests.study.planted import planted_table
from tests.study.test_report import write_run


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
        (lambda folder: folder.mkdir(), "holds no config.json of a run; give a folder"),
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
