"""The iterated attacks by name."""

from jaxtyping import Array, Int

from selectax.attacks.arguments import Problem
from selectax.attacks.auto_pgd import auto_projected_gradient
from selectax.attacks.iteration import Method
from selectax.attacks.momentum import momentum_iterative
from selectax.attacks.projected_gradient import projected_gradient

ITERATED = ("pgd", "mi_fgsm", "apgd")


def iterated_method(
    name: str, problem: Problem, *, steps: int | Int[Array, ""], step_size: Array | None
) -> Method:
    """One of ITERATED; APGD chooses its step size itself."""
    if name == "apgd":
        return auto_projected_gradient(problem, steps=steps)
    method = momentum_iterative if name == "mi_fgsm" else projected_gradient
    return method(problem, steps=steps, step_size=step_size)


def starts_at_random(name: str, random_start: bool) -> bool:
    """APGD always does, PGD if it is to, the others never."""
    return name == "apgd" or (name == "pgd" and random_start)
