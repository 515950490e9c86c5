import dataclasses

import pytest

from selectax import attacks
from selectax.attacks import ATTACKS
from selectax.attacks.registry import named_attack


def test_an_attack_is_found_by_its_name():
    assert all(named_attack(name) is attack for name, attack in ATTACKS.items())
    own = dataclasses.replace(ATTACKS["pgd"], name="own")
    assert named_attack(own, iterated=True) is own


@pytest.mark.parametrize("attack", ["cw", "fgsm", ATTACKS["fgsm"]])
def test_others_are_refused(attack):
    with pytest.raises(ValueError, match=r"attack must be one of pgd, .*of several steps, not"):
        named_attack(attack, iterated=True)


@pytest.mark.parametrize("attack", ATTACKS.values(), ids=lambda attack: attack.name)
def test_an_entry_says_what_the_attack_is(attack):
    assert ATTACKS[attack.name] is attack
    assert attack.help
    assert attack.source
    assert hash(attack) == hash(dataclasses.replace(attack))


@pytest.mark.parametrize("name", ["believability", "strongest"])
def test_old_names_warn(name):
    with pytest.warns(DeprecationWarning, match=f"attacks.{name} is now named"):
        assert callable(getattr(attacks, name))
