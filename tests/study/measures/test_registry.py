"""The table of measures."""

import inspect

import pytest

from selectax.models.network import Network
from selectax.study.configuration.options import EvaluationOptions
from selectax.study.measures.registry import CLEAN_ACCURACY, MEASURES, METRICS


def test_metrics_are_those_of_the_design():
    assert set(METRICS) == {
        *("class_selectivity", "accuracy", "relative_accuracy", "dimensionality_90"),
        *("dimensionality_95", "dimensionality_99", "participation_ratio"),
        *("input_gradient_cv", "train_loss", "train_accuracy", "diverged"),
        *("input_gradient_cv_over_units", "masked_gradients"),
        *("class_conditional_mean_activity_selectivity", "d_prime", "precision_at_60"),
        *("treves_rolls_sparseness", "vinje_gallant_sparseness", "share_selective", "dead_units"),
        *("effective_rank", "intrinsic_dimension"),
        *(f"class_selectivity_decile_{decile}" for decile in range(11)),
        *("class_selectivity_rotated", "class_selectivity_best_basis"),
    }


@pytest.mark.parametrize("measure", [CLEAN_ACCURACY, *MEASURES.values()], ids=lambda one: one.name)
def test_entries_name_what_there_is(measure):
    assert MEASURES.get(measure.name, CLEAN_ACCURACY) is measure
    assert measure.help
    assert all(measure.metrics.values())
    assert {*measure.options} <= {*EvaluationOptions.__dataclass_fields__}
    assert {*measure.requires} <= {*inspect.signature(Network).parameters}


def test_a_metric_that_the_entry_does_not_name_is_refused():
    with pytest.raises(ValueError, match="measure 'attacks' returned a row of metric 'acuracy'"):
        MEASURES["attacks"].check_rows([{"metric": "acuracy", "value": 1.0}])
