"""The table of attacks."""

from selectax.attacks.attack import Attack
from selectax.attacks.auto_pgd import APGD
from selectax.attacks.gradient_sign import FGSM
from selectax.attacks.momentum import MI_FGSM
from selectax.attacks.projected_gradient import PGD

_ENTRIES = (
    FGSM,
    PGD,
    MI_FGSM,
    APGD,
)
ATTACKS = {attack.name: attack for attack in _ENTRIES}


def named_attack(attack: str | Attack, *, iterated: bool = False) -> Attack:
    """The attack with this name, or the attack itself.

    Args:
      attack: a name in `ATTACKS`, or an `Attack`.
      iterated: whether only attacks of several steps are allowed.

    Raises:
      ValueError: the name is unknown, or the attack takes a single step only.
    """
    allowed = {name: one for name, one in ATTACKS.items() if not (iterated and one.single_step)}
    found = attack if isinstance(attack, Attack) else allowed.get(attack)
    if found is None or (iterated and found.single_step):
        steps = " of several steps" if iterated else ""
        given = repr(attack.name if isinstance(attack, Attack) else attack)
        raise ValueError(
            f"attack must be one of {', '.join(allowed)} or an Attack{steps}, not {given}."
        )
    return found
