"""Errors and warnings on stderr, as sentences or as JSON."""

import json
import warnings

import pytest

from selectax.commands.command_line.messages import complain, printed_warnings
from selectax.study.configuration.options import LogOptions


@pytest.mark.filterwarnings("always")
def test_warnings_are_json_within_and_as_before_afterwards(capsys):
    before = warnings.showwarning
    with printed_warnings(LogOptions(log_json=True)):
        warnings.warn("too small", UserWarning, stacklevel=1)
    assert json.loads(capsys.readouterr().err) == {
        "event": "warning",
        "message": "UserWarning: too small",
    }
    assert warnings.showwarning is before


@pytest.mark.filterwarnings("always")
@pytest.mark.parametrize(
    ("category", "line"),
    [(UserWarning, "too small\n"), (RuntimeWarning, "RuntimeWarning: too small\n")],
)
def test_warnings_are_lines_without_json(capsys, category, line):
    with printed_warnings(LogOptions()):
        warnings.warn("too\n small", category, stacklevel=1)
    assert capsys.readouterr().err == line


@pytest.mark.parametrize(("as_json", "line"), [(False, "no"), (True, '{"event": "error", "mes')])
def test_an_error_is_a_sentence_or_json(capsys, as_json, line):
    complain("no such file.", LogOptions(log_json=as_json))
    assert capsys.readouterr().err.startswith(line)


def test_warnings_for_programmers_are_left_out_as_by_default(capsys):
    with printed_warnings(LogOptions()):
        for category in (DeprecationWarning, PendingDeprecationWarning, ImportWarning):
            warnings.warn("a library's own business", category, stacklevel=1)
        warnings.warn("three units are dead", UserWarning, stacklevel=1)
    assert capsys.readouterr().err == "three units are dead\n"


@pytest.mark.filterwarnings("always")
def test_python_shows_warnings_for_programmers_if_asked_to(capsys, monkeypatch):
    monkeypatch.setattr("sys.warnoptions", ["default"])
    with printed_warnings(LogOptions()):
        warnings.warn("an old name", DeprecationWarning, stacklevel=1)
    assert capsys.readouterr().err == "DeprecationWarning: an old name\n"
