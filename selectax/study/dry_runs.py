"""Prints what a sweep would do: finished networks, devices, estimated time and memory."""

import itertools
import math
from collections.abc import Collection, Iterable, Mapping
from datetime import timedelta

from rich.console import Console
from rich.table import Table

from selectax.study.configuration.config import SweepConfig
from selectax.study.configuration.corrupted_images import fallback
from selectax.study.data import training_source
from selectax.study.measuring_loop import groups_left
from selectax.study.plan import Plan, make_plan, table_so_far
from selectax.study.run.checkpoints import open_checkpoints
from selectax.study.run.networks import NetworkId, Progress, read_measured
from selectax.study.runtime.devices import axis_size, describe_mesh
from selectax.study.side_by_side import arrange, bytes_of_one, seconds_per_step
from selectax.study.training.methods.registry import STANDARD


def dry_run(config: SweepConfig, console: Console) -> None:
    """Prints the plan of a sweep, and writes nothing to the folder of the run.

    A data set that is not prepared yet is prepared.

    Args:
      config: configuration that has passed `selectax.study.configuration.checks.check`.
      console: console on which the plan is printed.

    Raises:
      ConfigurationError: for the same reasons as `selectax.study.plan.make_plan`, or if a batch is
        larger than the training set.
      selectax.datasets.DataError: if the data set cannot be loaded.
    """
    plan = make_plan(config)
    if (sentence := fallback(config, plan.config)) is not None:
        console.print(sentence, soft_wrap=True)
    _, samples = training_source(config)
    steps = samples // plan.recipe.batch_size * plan.recipe.epochs
    record, _ = read_measured(plan.folder, table_so_far(plan.folder))
    states = _states(plan, record, steps)
    console.print(_table(plan, states))
    left = {network: steps - done for network, (_, done) in states.items()}
    open_ones = [
        network
        for _, _, asked_for in groups_left(plan, record)
        for network in asked_for
        if left[network]
    ]
    console.print(f"Devices: {describe_mesh(plan.mesh)}")
    if not open_ones:
        console.print("Training: nothing is left to be trained.")
        return
    arrangement = arrange(plan, len(open_ones))
    at_a_time, recipe = arrangement
    images = samples * math.prod(plan.data_set.image_shape)
    memory = at_a_time * bytes_of_one(plan, recipe) + images
    rounds = -(-len(open_ones) // (at_a_time * axis_size(plan.mesh, "model")))
    seconds = seconds_per_step(plan, arrangement)
    most = max(left[network] for network in open_ones)
    shared = most * rounds / axis_size(plan.mesh, "data")
    duration = timedelta(seconds=round(seconds * shared))
    console.print(
        f"Training: {len(open_ones)} networks, {at_a_time} side by side on a device, at most "
        f"{most:,} steps each at {1e3 * seconds:.0f} ms, about {duration} in all, measuring not "
        f"counted; about {memory / 2**20:,.0f} MiB on each device, images included.",
        soft_wrap=True,
    )


def _states(
    plan: Plan, measured: Mapping[NetworkId, Progress], steps: int
) -> dict[NetworkId, tuple[str, int]]:
    """Returns the state of each requested network and the number of steps it was trained for."""
    trained: dict[NetworkId, int] = {}
    for number, group in enumerate(plan.groups):
        done = 0
        if plan.folder.checkpoints(number).is_dir():
            with open_checkpoints(plan.folder.checkpoints(number)) as checkpoints:
                done = checkpoints.latest_step() or 0
        trained |= dict.fromkeys(group, done)
    return {
        network: (
            _state(plan, measured.get(network, Progress()).measures, trained[network], steps),
            trained[network],
        )
        for network in plan.wanted
    }


def _state(plan: Plan, measured: Collection[str], done: int, steps: int) -> str:
    if "diverged" in measured:
        return "failed"
    if {measure.name for measure in plan.measures} <= set(measured):
        return "done"
    if done == steps:
        return "trained"
    return f"at step {done:,} of {steps:,}" if done else "open"


def _table(plan: Plan, states: dict[NetworkId, tuple[str, int]]) -> Table:
    table = Table(title=f"{len(plan.wanted)} networks in {plan.folder.path}", title_justify="left")
    columns = list(dict.fromkeys(state for state, _ in states.values()))
    with_strength = plan.recipe.method is not STANDARD
    table.add_column("alpha", justify="right")
    if with_strength:
        table.add_column(plan.recipe.method.name, justify="right")
    for state in columns:
        table.add_column(f"seeds {state}")
    rows: dict[tuple[float, float], dict[int, str]] = {}
    for network in plan.wanted:
        of_row = rows.setdefault((network.alpha, network.training_strength), {})
        of_row[network.seed] = states[network][0]
    for (alpha, strength), of_row in rows.items():
        cells = [
            _ranges(seed for seed, state in of_row.items() if state == column) for column in columns
        ]
        table.add_row(f"{alpha:g}", *([f"{strength:g}"] if with_strength else []), *cells)
    return table


def _ranges(numbers: Iterable[int]) -> str:
    """Formats numbers as ranges, such as "0–3, 7" for 0, 1, 2, 3 and 7."""
    parts = []
    for _, run in itertools.groupby(enumerate(sorted(numbers)), lambda pair: pair[1] - pair[0]):
        first, *others = (number for _, number in run)
        parts.append(f"{first}–{others[-1]}" if others else f"{first}")
    return ", ".join(parts)
