"""What the studies' pages say is what their tables hold; and what was made twice agrees."""

import json
import re

import numpy as np
import pandas as pd
import pytest

from experiments.studies.evidence import of_second_edition
from experiments.study import STUDIES, with_results
from selectax.study.configuration.regularized_layers import regularized_layers
from selectax.study.report.editions import EDITIONS
from selectax.study.report.findings import MOST_DEAD, SECOND, estimate_criterion, find, judge
from selectax.study.report.per_network import per_network
from selectax.study.report.published import PUBLISHED
from selectax.study.run import results
from selectax.study.run.recorded_runs import read_runs
from tests.project.markdown import text_of

NAMES = with_results()
COLUMNS = {
    "alpha": "alpha",
    "strength": "training_strength",
    "class selectivity": "class selectivity",
    "clean": "clean accuracy",
    "FGSM": "fgsm",
    "PGD-10": "pgd",
    "PGD-20": "pgd",
}
# Verdicts without the networks that lost more than a tenth of a layer's units.
LIVING = "without dead units"
OFFICIAL = "of those of CIFAR-10-C"
EVIDENCE = STUDIES / "resnet8_cifar10" / "evidence"
KEY = [column for column in results.COLUMNS if column != "value"]


def edition_of(name):
    """The edition of the findings under which a study was made."""
    decided = json.loads((STUDIES / "decided_by.json").read_text())
    return EDITIONS["first" if name in decided["first"]["studies"] else "second"]


def cells_of(name, first):
    """Head and rows of the one table of a study's page whose first heading is given."""
    return cells_in(STUDIES / name / "README.md", first)


def cells_in(page, first):
    """Head and rows of the one table of a page whose first heading is given."""
    (found,) = re.findall(rf"^\| {first} \|.*\n(?:\|.*\n)+", page.read_text(), flags=re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in found.splitlines()]
    return rows[0], rows[2:]


@pytest.mark.parametrize("name", NAMES)
def test_means_are_those_of_the_table(name):
    summary = results.summarize(results.load(STUDIES / name / "run" / "results.parquet"))
    heads, rows = cells_of(name, "strength" if "training_strength" in summary else "alpha")
    assert len(rows) == len(summary)
    for column, head in enumerate(heads):
        told = [float(row[column].replace("−", "-")) for row in rows]
        if head == OFFICIAL:
            official = results.load(STUDIES / name / "official_corruptions.parquet")
            measured = results.summarize(official)["corruptions"]
        else:
            measured = summary["corruptions" if "ours" in head else COLUMNS[head]]
        np.testing.assert_allclose(told, measured, atol=0.00051, err_msg=head)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
def test_verdicts_are_those_of_the_table(name):
    folder = STUDIES / name / "run"
    units = json.loads((folder / "layers.json").read_text())
    table = results.load(folder / "results.parquet")
    heads, rows = cells_of(name, "finding")
    told = [row[1].strip("*") for row in rows]
    of_living = [row[-1].strip("*") for row in rows] if heads[-1] == LIVING else None
    # By any seed of the bootstrap's, too; of the second edition test_pages compares what 0 gives.
    for seed in (1,) if name in of_second_edition() else (0, 1):
        found = find(table, units, np.random.default_rng(seed), edition_of(name))
        assert [one.grade for one in found] == told
        if of_living:
            assert [(one.without_dead or one).grade for one in found] == of_living


def test_the_page_of_all_studies_says_what_their_tables_do():
    page = text_of(STUDIES.parents[1] / "docs" / "studies.md")
    run = read_runs([STUDIES / "resnet8_cifar10_batch_256" / "run"])
    epsilons = per_network(run.table, run.units).groupby("alpha")["pgd_log2"].mean()
    gain = f"from alpha −10 to 1 by {epsilons[1] - epsilons[-10]:.2f} doublings under PGD"
    assert gain in page
    for method, strengths, words in (
        ("adversarial", (0, 8), "({} without it, {} at the highest strength)"),
        ("augmix", (0, 1, 2), "({} without it, {} at the published strength, {} at twice that)"),
    ):
        table = results.load(STUDIES / f"resnet8_cifar10_{method}" / "run" / "results.parquet")
        means = results.summarize(table).set_index("training_strength")["class selectivity"]
        assert words.format(*(f"{means[strength]:.3f}" for strength in strengths)) in page


def test_pages_say_how_little_robustness_to_corruptions_differs_and_what_alpha_1_costs():
    run = read_runs([STUDIES / "resnet8_cifar10_batch_256" / "run"])
    networks = per_network(run.table, run.units)
    relative = networks["relative"]
    told = f"differs little between our networks ({relative.min():.2f} to {relative.max():.2f})"
    assert told in text_of(STUDIES.parents[1] / "docs" / "evidence.md")
    clean = networks.groupby("alpha")["clean"].mean()
    cost = f"and {100 * (clean[0] - clean[1]):.0f} in the study's 12"
    assert cost in text_of(STUDIES.parents[1] / "docs" / "studies.md")


def test_pages_say_how_far_the_networks_on_tiny_imagenet_go():
    study = STUDIES / "resnet10_quarter_tiny_imagenet_wide"
    run = read_runs([study / "run"])
    networks = per_network(run.table, run.units)
    means = networks.groupby("alpha")[["selectivity", "clean", "pgd_log2"]].mean()
    start, end = means.loc[-2], means.loc[2]
    page, of_all = text_of(study / "README.md"), text_of(STUDIES.parents[1] / "docs" / "studies.md")
    rise = f"selectivity rises from {start['selectivity']:.3f} to {end['selectivity']:.3f}"
    loss = f"accuracy falls from {100 * start['clean']:.1f} to {100 * end['clean']:.1f} %"
    assert f"{rise} while {loss}" in of_all
    published = PUBLISHED["tiny_imagenet"].points().set_index("alpha")["accuracy"]
    shares = 100 * (1 - end["clean"] / start["clean"]), 100 * (1 - published[2] / published[-2])
    told = "lose {:.0f} % of their accuracy, the published ones {:.0f} %".format(*shares)
    assert told in page
    assert f"ours rises {end['selectivity'] / start['selectivity']:.2f}-fold only" in page
    gains = end["pgd_log2"] - start["pgd_log2"], means["pgd_log2"][0] - start["pgd_log2"]
    first, part = (f"{gain:.2f}" for gain in gains)
    assert f"grows by {first} doublings" in page
    assert f"of which {part} from −2 to 0" in page
    assert (networks["dead"] > 0).sum() == 1
    assert (networks["doubts"] == 0).all()
    relative = networks["relative"]
    evidence = text_of(STUDIES.parents[1] / "docs" / "evidence.md")
    assert f"On Tiny ImageNet ({relative.min():.2f} to {relative.max():.2f})" in evidence


def both(one, other, without=()):
    """Two tables side by side, of the rows that both have, whatever some of their columns hold."""
    key = [column for column in KEY if column not in without]
    return results.load(one).merge(results.load(other), on=key, suffixes=("", "_again"))


@pytest.mark.parametrize(
    ("name", "there", "count"),
    [
        ("resnet8_cifar10", "evidence/trained_on_cpu.parquet", 7091),
        ("resnet8_cifar10_batch_256", "run/results.parquet", 5864),
        ("resnet8_digits", "run/results.parquet", 2819),
        ("resnet8_cifar10_adversarial", "run/results.parquet", 5836),
        ("resnet8_cifar10_augmix", "run/results.parquet", 5836),
        ("resnet10_quarter_tiny_imagenet_wide", "run/results.parquet", 6272),
        # Trained anew, it was measured in part.
        ("resnet10_quarter_tiny_imagenet", "run/results.parquet", 342),
    ],
)
def test_a_network_made_again_alone_is_equal_to_the_last_bit(name, there, count):
    again = STUDIES / name / "evidence" / "made_again.parquet"
    rows = both(again, STUDIES / name / there)
    assert len(rows) == len(results.load(again)) == count
    assert (rows["value"] == rows["value_again"]).all()


@pytest.mark.parametrize(
    ("name", "count", "there", "here", "ablated", "most"),
    [
        ("resnet8_cifar10_adversarial", 5824, [0.39, 0.2382], [0.395, 0.2376], None, 0.028),
        ("resnet8_cifar10_augmix", 5824, [0.43, 0.1984], [0.447, 0.2013], None, 0.028),
        ("resnet8_cifar10_batch_256", 5840, [0.551, 0.1955], [0.55, 0.1978], None, 0.040),
        ("resnet8_digits", 2779, [0.9728, 0.2006], [0.9728, 0.2043], 0.313, 0.096),
    ],
)
def test_a_network_trained_on_another_machine_is_nearly_the_same(
    name, count, there, here, ablated, most
):
    """Accuracy and selectivity on clean images are those that the study's page names."""
    study = STUDIES / name
    # The epoch of the best weights may be another one.
    rows = both(
        study / "evidence" / "on_another_machine.parquet",
        study / "run/results.parquet",
        without=("epoch",),
    )
    rows = rows[~rows["metric"].str.startswith("train_")]
    assert len(rows) == count
    apart = (rows["value"] - rows["value_again"]).abs()
    accuracy = rows["metric"] == "accuracy"
    of_ablation = rows["perturbation"].str.startswith("ablation")
    assert 0 < apart[accuracy & ~of_ablation].max() < most
    assert of_ablation.any() == bool(ablated)
    if ablated:
        assert apart[accuracy & of_ablation].max() < ablated
    whole = (rows["layer"] == "") & (rows["perturbation"] == "")
    clean = rows[whole & rows["metric"].isin(["accuracy", "class_selectivity"])]
    np.testing.assert_allclose(clean["value"], there, atol=5e-5)
    np.testing.assert_allclose(clean["value_again"], here, atol=5e-5)
    # As the page of all studies says.
    assert (np.abs(np.subtract(there, here)) <= [0.0171, 0.0041]).all()


def test_a_network_trained_with_other_rounding_differs_as_its_page_says():
    study = STUDIES / "resnet10_quarter_tiny_imagenet_wide"
    rows = both(
        study / "evidence" / "with_avx2.parquet", study / "run/results.parquet", without=("epoch",)
    )
    rows = rows[~rows["metric"].str.startswith("train_")]
    assert len(rows) == 6224
    assert (set(rows["epoch"]), set(rows["epoch_again"])) == ({18}, {23})
    apart = (rows["value"] - rows["value_again"]).abs()
    assert 0 < apart[rows["metric"] == "accuracy"].max() < 0.022
    whole = (rows["layer"] == "") & (rows["perturbation"] == "")
    clean = rows[whole & rows["metric"].isin(["accuracy", "class_selectivity"])]
    np.testing.assert_allclose(clean["value"], [0.120, 0.4645], atol=5e-5)
    np.testing.assert_allclose(clean["value_again"], [0.103, 0.4827], atol=5e-5)


@pytest.mark.slow
def test_all_networks_of_digits_made_again_give_the_same_verdicts():
    study = STUDIES / "resnet8_digits"
    run = read_runs([study / "run"])
    both_runs = [
        per_network(run.table, run.units),
        pd.read_parquet(study / "evidence" / "in_one_command.parquet"),
    ]
    one = results.load(study / "evidence" / "on_another_machine.parquet")
    (one,) = per_network(one, run.units).to_dict("records")
    again = both_runs[1].query("alpha == 0 and seed == 0").to_dict("records")[0]
    assert all(one[name] == again[name] for name in again)
    whose = [set(zip(networks["alpha"], networks["seed"], strict=True)) for networks in both_runs]
    assert whose[0] == whose[1]
    assert not set(both_runs[0]["selectivity"]) & set(both_runs[1]["selectivity"])
    assert [(networks["dead"] > MOST_DEAD).sum() for networks in both_runs] == [53, 51]
    for most in (1.0, MOST_DEAD):
        found = [
            [
                judge(estimate_criterion(one, claim.along, rows, np.random.default_rng(0)), one)
                for claim in SECOND.claims
                for rows in [networks[networks["dead"] <= most]]
                for one in claim.criteria
                if claim.method is None and claim.only is None
            ]
            for networks in both_runs
        ]
        assert found[0] == found[1]
        assert {"holds", "does not hold", "cannot say"} <= set(found[0])
    means = [networks.groupby("alpha").mean(numeric_only=True) for networks in both_runs]
    apart = (means[0] - means[1])[["clean", "selectivity", "pgd", "corruptions"]].abs()
    extreme = apart.index.isin([-100, 10, 30, 100])
    told = [[0.004, 0.007, 0.007, 0.016], [0.024, 0.040, 0.023, 0.013]]
    for which, values in zip((~extreme, extreme), told, strict=True):
        np.testing.assert_allclose(apart[which].max(), values, atol=0.00051)


def test_gpu_and_cpu_measure_a_network_alike():
    rows = both(
        EVIDENCE / "measured_on_cpu.parquet", STUDIES / "resnet8_cifar10/run/results.parquet"
    )
    assert len(rows) == 7091
    apart = (rows["value"] - rows["value_again"]).abs().groupby(rows["metric"])
    count, most = apart.count(), apart.max()
    components = [f"dimensionality_{percent}" for percent in (90, 95, 99)]
    assert count[components].sum() == 4851
    assert most[components].max() == 0
    assert most["class_selectivity"] < 2e-7
    assert 0 < most["accuracy"] < 0.0031


NETWORKS = {
    "`resnet8` on CIFAR-10": "resnet8_cifar10",
    "`resnet10_quarter` on Tiny ImageNet": "resnet10_quarter_tiny_imagenet",
}


def number(cell):
    """The first number of a cell, such as "−0.5 points"."""
    return float(cell.replace("−", "-").split()[0])


def test_both_choices_of_layers_give_the_index_that_the_method_tells():
    """From the mean index of each layer, with all units of a stage's block outputs pooled."""
    _, told = cells_in(STUDIES.parents[1] / "docs" / "method.md", "network")
    seen, alphas = [], []
    for name, *cells in told:
        if name:
            folder = STUDIES / NETWORKS[name] / "run"
            units = json.loads((folder / "layers.json").read_text())
            table = results.load(folder / "results.parquet")
            alphas += sorted(set(table["alpha"]))
            table = table[table["metric"] == "class_selectivity"]
            table = table[table["perturbation"] == ""].groupby(["alpha", "layer"])["value"].mean()
        alpha, *indices = map(number, cells)
        means = table[alpha]
        stages = regularized_layers(("block-outputs-by-stage",), list(units))
        pooled = [
            np.average(means[list(stage)], weights=[units[layer] for layer in stage])
            for stage in stages
        ]
        expected = [means[list(units)].mean(), np.mean(pooled)]
        assert expected[0] == pytest.approx(means[""], abs=1e-6)
        np.testing.assert_allclose(indices[:2], expected, atol=0.00051)
        assert indices[2] == pytest.approx(expected[1] / expected[0], abs=0.0051)
        seen.append(alpha)
    assert seen == alphas


@pytest.mark.parametrize(
    ("study", "pairs"),
    [
        ("resnet10_quarter_tiny_imagenet", ["−1, 0", "0, 0.4", "−1, 0.4", "−2, 2"]),
        (
            "resnet10_quarter_tiny_imagenet_wide",
            ["−2, −1", "−1, 0", "0, 0.4", "0.4, 1", "1, 2", "−2, 2"],
        ),
    ],
)
def test_changes_beside_the_published_figure_are_those_of_the_tables(study, pairs):
    ours = results.summarize(results.load(STUDIES / study / "run" / "results.parquet"))
    ours = ours.set_index("alpha")[["class selectivity", "clean accuracy"]]
    published = PUBLISHED["tiny_imagenet"].points().set_index("alpha")[["selectivity", "accuracy"]]
    heads, rows = cells_of(study, "alpha from, to")
    assert [head.split(", ")[1] for head in heads[1:]] == 2 * ["this study", "published"]
    assert [row[0] for row in rows] == pairs
    for alphas, *cells in rows:
        start, end = (number(alpha) for alpha in alphas.split(","))
        for told, table in ((cells[::2], ours), (cells[1::2], published)):
            if end not in table.index:
                assert told == ["not run", "not run"]
                continue
            selectivity, accuracy = table.loc[end] - table.loc[start]
            ratio = table.iloc[:, 0][end] / table.iloc[:, 0][start]
            change, times = map(float, re.fullmatch(r"\+(\d\.\d+) \((.+)-fold\)", told[0]).groups())
            assert change == pytest.approx(selectivity, abs=0.00051)
            assert times == pytest.approx(ratio, abs=0.0051)
            assert number(told[1].removesuffix(" points")) == pytest.approx(
                100 * accuracy, abs=0.051
            )
