"""How similar two layers are, of the same network or of two: linear CKA and PWCCA.

Both compare the responses of two layers to the same samples and do not change if either layer's
responses are rotated or scaled. They need only means and covariances, which `JointCovariance`
accumulates over batches and devices, so no samples × samples matrix is formed.

References:
  Kornblith et al., 2019, "Similarity of neural network representations revisited" (linear CKA).
  Morcos, Raghu & Bengio, 2018, "Insights on representational similarity in neural networks with
  canonical correlation" (PWCCA).
"""

from selectax.similarity.canonical_correlation import canonical_correlations, pwcca
from selectax.similarity.joint_covariance import (
    JointCovariance,
    init_joint_covariance,
    merge_joint_covariance,
    merge_joint_covariance_over_devices,
    update_joint_covariance,
)
from selectax.similarity.kernel_alignment import linear_cka

__all__ = [
    "JointCovariance",
    "canonical_correlations",
    "init_joint_covariance",
    "linear_cka",
    "merge_joint_covariance",
    "merge_joint_covariance_over_devices",
    "pwcca",
    "update_joint_covariance",
]
