"""What devices exchange is counted from a compiled program, against a count by hand."""

import jax
import numpy as np

from experiments.benchmarks.shared.collectives import count_exchanges


def test_exchanges_are_counted_from_the_program(four_devices):
    mesh = jax.sharding.Mesh(np.array(four_devices), "devices")

    def sums(one, two):
        return jax.lax.psum(one, "devices"), jax.lax.all_gather(two, "devices")

    spec = jax.sharding.PartitionSpec("devices")
    mapped = jax.jit(jax.shard_map(sums, mesh=mesh, in_specs=spec, out_specs=spec, check_vma=False))
    arrays = np.ones((4, 30), np.float32), np.ones((8, 5), np.int32)
    program = mapped.lower(*arrays).compile().as_text()
    # The sum of 30 floats, and 2 rows of 5 integers of each of the four.
    assert count_exchanges(program) == (2, 4 * 30 + 4 * 4 * 2 * 5)
