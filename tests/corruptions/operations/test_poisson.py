import numpy as np
import pytest
from scipy import stats

from selectax.corruptions.operations.poisson import poisson_quantile


@pytest.mark.parametrize("mean", [0, 0.01, 1, 5.9, 6.1, 10, 40, 500])
def test_poisson_quantiles_are_scipys(mean):
    probability = ((np.arange(20000) + 0.5) / 20000).astype(np.float32)
    count = np.asarray(poisson_quantile(probability, np.full_like(probability, mean)))
    difference = np.abs(count - stats.poisson.ppf(probability.astype(np.float64), mean))
    assert difference.max() <= 1
    assert difference.mean() < 1e-3
