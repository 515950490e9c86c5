import importlib
import warnings

import pytest

import selectax
from selectax import renamed

OLD_NAMES = {
    "selectax.ablation": {"accuracy"},
    "selectax.attacks": {"believability", "strongest"},
    "selectax.dimensionality": {"covariance"},
    "selectax.selectivity": {"init_moments", "update_moments"},
    "selectax.strongest": {"init_strongest", "merge_strongest", "update_strongest"},
    "selectax.tuning": {"sum_class_statistics"},
}
PAIRS = [(module, old) for module, names in OLD_NAMES.items() for old in sorted(names)]


@pytest.mark.parametrize(("module", "old"), PAIRS)
def test_an_old_name_works_and_warns_where_it_is_used(module, old):
    homes = [importlib.import_module(module), selectax]
    if old == "strongest":  # at the top, this has always been the module
        homes.pop()
    for home in homes:
        message = rf"{home.__name__}\.{old} is now named (\w+); the old name goes in version 0.2"
        with pytest.warns(DeprecationWarning, match=message) as caught:
            value = getattr(home, old)
        assert caught[0].filename == __file__
        assert value is getattr(home, value.__name__)
        assert value.__name__ in home.__all__
        assert old not in home.__all__


def test_every_old_name_is_tested():
    known = {name: set(names) for name, names in renamed._RENAMED.items() if name != "selectax"}
    assert known == OLD_NAMES


def test_new_names_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name in selectax.__all__:
            getattr(selectax, name)
