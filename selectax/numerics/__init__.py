"""Numerical helpers of the measures: sums and norms that keep their accuracy in float32."""
