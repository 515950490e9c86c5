"""A lazy function imports its module when it is called, and passes its arguments on."""

import sys

from selectax.study.runtime.lazy_functions import lazy_function


def test_the_module_is_imported_at_the_call(tmp_path, monkeypatch):
    (tmp_path / "a_late_module.py").write_text("def difference(a, b):\n    return a - b\n")
    monkeypatch.syspath_prepend(tmp_path)
    function = lazy_function("a_late_module", "difference")
    assert "a_late_module" not in sys.modules
    assert function(5, 3) == 2
    monkeypatch.delitem(sys.modules, "a_late_module")
