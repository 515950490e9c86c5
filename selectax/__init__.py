"""Class selectivity, dimensionality and robustness of neural networks, in JAX.

The measures are pure functions of arrays and need only jax and numpy. Each module has its own and
all are here too: `selectax.selectivity_penalty` is that of `selectax.regularization`. (Only the
function `selectax.attacks.strongest` is not, whose name is that of the module
`selectax.strongest`.) They are loaded when the first of them is asked for, and so are
`selectax.models`, which adds flax, `selectax.datasets`, which adds tensorflow-datasets, and
`selectax.study`, which runs the experiment of Leavitt & Morcos 2020 (arXiv 2007.04440) with them
(`pip install ".[study]"` in a clone of the repository).

Example:
  >>> import jax.numpy as jnp
  >>> import selectax
  >>> means = jnp.array([[1.0, 1.0], [0.0, 1.0]])  # of two classes, for two units
  >>> selectax.class_selectivity_index(means).round(2).tolist()
  [1.0, 0.0]
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from selectax import (
        ablation,
        attacks,
        corruptions,
        dimensionality,
        intermediates,
        regularization,
        selectivity,
        sensitivity,
        strongest,
        tuning,
    )
    from selectax import datasets as datasets
    from selectax import models as models
    from selectax import study as study
    from selectax.ablation import (
        CorrectCounts,
        ablated_accuracy,
        accuracy,
        cumulative_masks,
        init_correct_counts,
        least_selective_first,
        most_selective_first,
        random_ranks,
        single_unit_masks,
        update_correct_counts,
    )
    from selectax.attacks import (
        NORMS,
        Believability,
        Norm,
        apgd,
        believability,
        breaking_epsilons,
        fgsm,
        masking_warnings,
        mi_fgsm,
        pgd,
        robust_accuracy_curve,
        robust_accuracy_over_steps,
        robust_within,
    )
    from selectax.corruptions import (
        BENCHMARK_CORRUPTIONS,
        BENCHMARKS,
        CORRUPTIONS,
        Corruption,
        corrupt,
        to_published_bytes,
    )
    from selectax.dimensionality import (
        Covariance,
        components_for_variance,
        covariance,
        init_covariance,
        leading_variances,
        merge_covariance,
        participation_ratio,
        principal_variances,
        response_matrix,
        update_covariance,
    )
    from selectax.intermediates import (
        activations_from_intermediates,
    )
    from selectax.regularization import (
        selectivity_penalty,
    )
    from selectax.selectivity import (
        Activations,
        ClassMoments,
        class_means,
        class_selectivity_index,
        init_moments,
        layer_selectivity,
        mean_selectivity,
        mean_selectivity_and_grad,
        unit_responses,
        update_moments,
    )
    from selectax.sensitivity import (
        InputGradientNorms,
        NormMoments,
        exact_input_gradient_norms,
        init_norm_moments,
        input_gradient_norms,
        merge_norm_moments,
        update_norm_moments,
        variation_over_samples,
        variation_over_units,
    )
    from selectax.strongest import (
        StrongestResponses,
        init_strongest,
        merge_strongest,
        precision_at_k,
        update_strongest,
    )
    from selectax.tuning import (
        ClassStatistics,
        class_conditional_mean_activity_selectivity,
        d_prime,
        init_class_statistics,
        merge_class_statistics,
        preferred_class,
        sum_class_statistics,
        treves_rolls_sparseness,
        update_class_statistics,
        vinje_gallant_sparseness,
    )

_MEASURES = (
    "ablation",
    "attacks",
    "corruptions",
    "dimensionality",
    "intermediates",
    "regularization",
    "selectivity",
    "sensitivity",
    "strongest",
    "tuning",
)
_ADDED_BY_EXTRAS = ("datasets", "models", "study")

__all__ = [
    "BENCHMARKS",
    "BENCHMARK_CORRUPTIONS",
    "CORRUPTIONS",
    "NORMS",
    "Activations",
    "Believability",
    "ClassMoments",
    "ClassStatistics",
    "CorrectCounts",
    "Corruption",
    "Covariance",
    "InputGradientNorms",
    "Norm",
    "NormMoments",
    "StrongestResponses",
    "ablated_accuracy",
    "ablation",
    "accuracy",
    "activations_from_intermediates",
    "apgd",
    "attacks",
    "believability",
    "breaking_epsilons",
    "class_conditional_mean_activity_selectivity",
    "class_means",
    "class_selectivity_index",
    "components_for_variance",
    "corrupt",
    "corruptions",
    "covariance",
    "cumulative_masks",
    "d_prime",
    "dimensionality",
    "exact_input_gradient_norms",
    "fgsm",
    "init_class_statistics",
    "init_correct_counts",
    "init_covariance",
    "init_moments",
    "init_norm_moments",
    "init_strongest",
    "input_gradient_norms",
    "intermediates",
    "layer_selectivity",
    "leading_variances",
    "least_selective_first",
    "masking_warnings",
    "mean_selectivity",
    "mean_selectivity_and_grad",
    "merge_class_statistics",
    "merge_covariance",
    "merge_norm_moments",
    "merge_strongest",
    "mi_fgsm",
    "most_selective_first",
    "participation_ratio",
    "pgd",
    "precision_at_k",
    "preferred_class",
    "principal_variances",
    "random_ranks",
    "regularization",
    "response_matrix",
    "robust_accuracy_curve",
    "robust_accuracy_over_steps",
    "robust_within",
    "selectivity",
    "selectivity_penalty",
    "sensitivity",
    "single_unit_masks",
    "strongest",
    "sum_class_statistics",
    "to_published_bytes",
    "treves_rolls_sparseness",
    "tuning",
    "unit_responses",
    "update_class_statistics",
    "update_correct_counts",
    "update_covariance",
    "update_moments",
    "update_norm_moments",
    "update_strongest",
    "variation_over_samples",
    "variation_over_units",
    "vinje_gallant_sparseness",
]


if not TYPE_CHECKING:  # where any name would pass for an attribute

    def __getattr__(name: str) -> Any:
        """Loads a module or a measure when it is first asked for."""
        if name in _MEASURES or name in _ADDED_BY_EXTRAS:
            return importlib.import_module(f"{__name__}.{name}")
        if name in __all__:
            modules = (importlib.import_module(f"{__name__}.{measure}") for measure in _MEASURES)
            value = next(getattr(module, name) for module in modules if name in module.__all__)
            globals()[name] = value  # asked for once
            return value
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
