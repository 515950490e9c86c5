"""Every benchmark beside its peer in one go, and the table of them in the documentation.

Keeps what it measures in results/cpu.json or, where JAX finds a GPU, in results/gpu.json; the table
has a column for each. Run on a quiet machine: `python experiments/benchmarks/all.py`, with
SELECTAX_REAL_DATA naming the folder of the pretrained network and CIFAR-10.
"""

import concurrent.futures
import dataclasses
import functools
import json
import multiprocessing
import os
import statistics
from collections.abc import Callable
from pathlib import Path

# PyTorch needs some of the memory, too; before jax is imported.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

import jax
import tyro

from experiments.benchmarks.measures import (
    attacks,
    augmix,
    bases,
    corruptions,
    dimensionality,
    import_time,
    initialization,
    intrinsic_dimension,
    regularizer,
    robust_accuracy_curve,
    sensitivity,
)
from experiments.benchmarks.shared.contest import Contest, machine_and_load
from experiments.benchmarks.study import (
    adversarial_training,
    default_job,
    first_command,
    many_networks,
    one_network,
    population,
    training,
)
from experiments.marked import with_marked
from selectax.study.run.folder import write_json, write_text

HERE = Path(__file__).parent


@dataclasses.dataclass(frozen=True)
class Options:
    """What is run."""

    only: tuple[str, ...] = ()
    """Names of benchmarks; by default all."""
    measure: bool = True
    """Measure; else renew the table alone."""
    results: Path = HERE / "results"
    """Folder of what is kept."""
    page: Path = HERE.parents[1] / "docs" / "benchmarks.md"
    """The page with the table."""


def benchmarks() -> dict[str, Callable[[], Contest]]:
    """By name; each is what the script of that name measures."""
    found = {
        "training": training.contest,
        "adversarial_training": adversarial_training.contest,
        "regularizer": regularizer.contest,
        "attacks": attacks.contest,
        "corruptions": corruptions.contest,
        "augmix": augmix.contest,
        "dimensionality": dimensionality.contest,
        "intrinsic_dimension": intrinsic_dimension.contest,
        "bases": bases.contest,
        "initialization": initialization.contest,
        "first_command": first_command.contest,
        "default_job": default_job.contest,
        "import_time": import_time.contest,
    }
    if jax.default_backend() == "gpu":
        found["many_networks"] = many_networks.contest
    else:
        found["population"] = population.contest
    real_data = os.environ.get("SELECTAX_REAL_DATA")
    if real_data:
        for script in (robust_accuracy_curve, sensitivity):
            options = script.Options(Path(real_data))
            found[script.__name__.rpartition(".")[2]] = functools.partial(script.contest, options)
        found["one_network"] = one_network.contest
    else:
        print("SELECTAX_REAL_DATA is not set: benchmarks with real data are left out.")
    return found


def measured(run: Callable[[], Contest]) -> dict:
    """What the table says of a contest."""
    contest = run()
    contest.show()
    ratios = contest.ratios(contest.ours)
    return {
        "title": contest.title,
        "peer": contest.peer,
        "unit": contest.unit,
        "ours": contest.speed(contest.ours),
        "theirs": contest.speed(contest.peer),
        "ratio": statistics.median(ratios),
        "low": min(ratios),
        "high": max(ratios),
        "aim": contest.aims.here(),
        "machine": machine_and_load(),
    }


def in_its_own_process(run: Callable[[], Contest]) -> dict:
    """So that no benchmark finds threads and memory of another."""
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=context) as processes:
        return processes.submit(measured, run).result()


def table(results: Path) -> str:
    """Markdown, of what is kept in the results' folder."""
    kept = {kind: _kept(results, kind) for kind in ("cpu", "gpu")}
    lines = [
        "| benchmark, script | peer | ours, peer | ratio (of the rounds) | aim | GPU | GPU's aim |",
        "|---|---|---|---|---|---|---|",
    ]
    for name in dict.fromkeys([*kept["cpu"], *kept["gpu"]]):
        either = kept["cpu"].get(name) or kept["gpu"][name]
        (script,) = HERE.glob(f"*/{name}.py")
        what = f"{either['title']}, `{script.relative_to(HERE)}`"
        cells = [what, either["peer"], *_of_kind(kept["cpu"].get(name), speeds=True)]
        cells += _of_kind(kept["gpu"].get(name), speeds=False)
        lines.append(f"| {' | '.join(cells)} |")
    machines = [one["machine"].rpartition(", load ") for of in kept.values() for one in of.values()]
    loads = [float(load) for _, _, load in machines]
    lines += ["", *sorted({f"Measured on {machine}." for machine, _, _ in machines})]
    lines.append(f"Load at the end of each: {min(loads):.1f} to {max(loads):.1f}.")
    return "\n".join(lines)


def _of_kind(one: dict | None, *, speeds: bool) -> list[str]:
    if one is None:
        return ["not measured"] * (2 if speeds else 1) + ["–"]
    both = f"{one['ours']:.4g}, {one['theirs']:.4g} {one['unit']}/s"
    aim = one["aim"]
    missed = aim is not None and one["ratio"] < aim
    ratio = f"{one['ratio']:.2f} ({one['low']:.2f}–{one['high']:.2f})"
    ratio = f"**{ratio}**" if missed else ratio
    cells = [both, ratio] if speeds else [f"{ratio}; {both}"]
    return [*cells, "–" if aim is None else f"≥ {aim:.3g}"]


def _kept(results: Path, kind: str) -> dict:
    path = results / f"{kind}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def main(options: Options) -> None:
    """Measures, keeps, and renews the table."""
    kind = "gpu" if jax.default_backend() == "gpu" else "cpu"
    options.results.mkdir(exist_ok=True)
    if options.measure:
        for name, run in benchmarks().items():
            if not options.only or name in options.only:
                kept = _kept(options.results, kind) | {name: in_its_own_process(run)}
                write_json(options.results / f"{kind}.json", kept)
    found = table(options.results)
    write_text(options.page, with_marked(options.page.read_text(), "benchmarks", found))
    print(found)


if __name__ == "__main__":
    main(tyro.cli(Options, description=__doc__))
