"""Class selectivity in other orthogonal bases than that of the units.

A layer whose units are not selective can still have selective directions: a rotation of its
responses moves selectivity out of the units' basis without removing it. `rotated_selectivity`
measures selectivity in random bases, and `best_basis` searches for the basis with the largest mean.

Rotated responses can be negative, and the class selectivity index is not defined for those. The
positive and the negative part of a rotated unit are therefore treated as separate units.
`signed_selectivity_index` gives the mean index of the two parts, weighted by their mean responses,
so that a unit without negative responses keeps its index. This is our choice, as are both measures;
we could not read the papers' methods sections.

References:
  Leavitt & Morcos, 2020, arXiv 2003.01262 (which asks whether the regularizer only rotates
  selectivity out of the units' basis).
  Bau et al., 2017, "Network dissection: quantifying interpretability of deep visual
  representations" (random rotations).
"""

from selectax.bases.ascent import BestBasis, best_basis
from selectax.bases.rotations import random_rotation, rotated_selectivity, selectivity_in_basis
from selectax.bases.signed_index import signed_selectivity_index

__all__ = [
    "BestBasis",
    "best_basis",
    "random_rotation",
    "rotated_selectivity",
    "selectivity_in_basis",
    "signed_selectivity_index",
]
