import numpy as np
import pytest
import sklearn.datasets

from selectax import datasets


@pytest.fixture(scope="module")
def splits():
    return {split: datasets.load("digits", split) for split in datasets.SPLITS}


def independent_split():
    """Indices into scikit-learn's digits, by counting through them one by one."""
    indices = {split: [] for split in datasets.SPLITS}
    seen = [0] * 10
    for index, label in enumerate(sklearn.datasets.load_digits().target):
        of_ten = seen[label] % 10
        seen[label] += 1
        split = "test" if of_ten < 2 else "validation" if of_ten == 2 else "train"
        indices[split].append(index)
    return indices


def test_types_and_shapes(splits):
    for images, labels in splits.values():
        assert images.dtype == np.uint8
        assert labels.dtype == np.int32
        assert images.shape == (len(labels), 16, 16, 3)


@pytest.mark.parametrize("split", datasets.SPLITS)
def test_pixels_and_labels_are_those_of_scikit_learn(splits, split):
    digits = sklearn.datasets.load_digits()
    indices = independent_split()[split]
    images, labels = splits[split]
    np.testing.assert_array_equal(labels, digits.target[indices])
    for row in range(16):
        for column in range(0, 16, 5):
            grey = digits.images[indices, row // 2, column // 2] * 255 / 16
            expected = np.floor(grey + 0.5)
            for channel in range(3):
                np.testing.assert_array_equal(images[:, row, column, channel], expected)


def test_splits_are_disjoint_complete_and_balanced(splits):
    indices = independent_split()
    everything = [index for split in indices.values() for index in split]
    assert sorted(everything) == list(range(1797))
    assert sum(len(labels) for _, labels in splits.values()) == 1797
    for split, share in (("train", 0.7), ("validation", 0.1), ("test", 0.2)):
        counts = np.bincount(splits[split][1], minlength=10)
        of_all = np.bincount(sklearn.datasets.load_digits().target)
        assert np.all(np.abs(counts - share * of_all) < 2.2)


def test_full_range_is_used(splits):
    images, _ = splits["train"]
    assert (images.min(), images.max()) == (0, 255)
