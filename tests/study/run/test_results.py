"""The results table: its columns and metrics, and that it comes back exactly from its file."""

import math
import random

import numpy as np
import pandas as pd
import polars as pl
import pytest

from selectax.study.run import results

WHOSE = {"dataset": "digits", "model": "resnet8", "alpha": -0.7, "seed": 0, "epoch": 4}
ROWS = [
    {**WHOSE, "metric": "accuracy", "value": 0.9},
    {**WHOSE, "metric": "class_selectivity", "value": 0.25},
    {**WHOSE, "metric": "class_selectivity", "layer": "stem", "value": 0.5},
    {**WHOSE, "metric": "accuracy", "perturbation": "contrast", "severity": 3, "value": 0.8},
    {
        **WHOSE,
        **{"metric": "accuracy", "perturbation": "pgd", "epsilon": 8 / 255, "steps": 10},
        "value": 0.1,
    },
    {
        **WHOSE,
        **{"metric": "dimensionality_95", "layer": "stem", "perturbation": "difference:fgsm"},
        **{"epsilon": 2 / 255, "steps": 1, "value": 3},
    },
    {**WHOSE, "epoch": 1, "metric": "train_loss", "value": 2.25},
]


def saved_and_loaded(path, frame):
    results.save(path, frame)
    return results.load(path)


def test_columns_are_those_of_the_design():
    assert list(results.table([]).columns) == [
        *("dataset", "model", "alpha", "seed", "training", "training_strength", "epoch"),
        *("metric", "layer", "perturbation", "severity", "epsilon", "steps", "value"),
    ]


def test_what_a_row_lacks_is_empty(tmp_path):
    results.save(tmp_path / "results.csv", results.table(ROWS[:1]))
    header, row = (tmp_path / "results.csv").read_bytes().decode().split("\n")[:2]
    assert header == ",".join(results.COLUMNS)
    assert row == "digits,resnet8,-0.7,0,standard,0.0,4,accuracy,,,,,,0.9"


def test_a_table_comes_back_from_its_file(tmp_path):
    frame = results.table(ROWS)
    pd.testing.assert_frame_equal(saved_and_loaded(tmp_path / "results.csv", frame), frame)
    empty = results.table([])
    pd.testing.assert_frame_equal(saved_and_loaded(tmp_path / "results.csv", empty), empty)


@pytest.mark.parametrize("name", ["results.csv", "results.parquet"])
def test_tables_of_earlier_versions_are_of_standard_training(tmp_path, name):
    now = results.table(ROWS)
    results.save(tmp_path / name, now.drop(columns=["training", "training_strength"]))
    pd.testing.assert_frame_equal(results.load(tmp_path / name), now)


def test_networks_of_other_strengths_are_kept_apart():
    strengths = (0.0, 2.0)
    rows = [
        {**ROWS[0], "training": "adversarial", "training_strength": strength, "value": strength}
        for strength in strengths
    ]
    frame = results.table(rows)
    summary = results.summarize(frame)
    assert summary["training_strength"].tolist() == [0.0, 2.0]
    assert summary["clean accuracy"].tolist() == [0.0, 2.0]
    assert "training_strength" not in results.summarize(results.table(ROWS))
    assert results.measures_in(frame, -0.7, 0, "adversarial", 2.0, together=False) == {"clean"}
    assert results.measures_in(frame, -0.7, 0, together=False) == set()


def test_text_that_pandas_takes_for_nothing_stays_text(tmp_path):
    row = {**ROWS[0], "dataset": "NA", "layer": "null", "perturbation": "nan"}
    (loaded,) = saved_and_loaded(tmp_path / "results.csv", results.table([row])).itertuples()
    assert (loaded.dataset, loaded.layer, loaded.perturbation) == ("NA", "null", "nan")


def test_floats_come_back_to_the_bit(tmp_path):
    generator = np.random.default_rng(0)
    values = [*generator.normal(size=200), *np.exp(generator.uniform(-700, 700, 200)), 1 / 3, 0.1]
    values += [5e-324, -0.0, 1.7976931348623157e308, math.inf, -math.inf, math.nan]
    values += [float(np.float32(0.1)), 1 - 2**-53]
    rows = [
        {**WHOSE, "alpha": value, "seed": seed, "metric": "accuracy", "value": value}
        for seed, value in enumerate(values)
        if not math.isnan(value)
    ]
    rows.append({**WHOSE, "metric": "relative_accuracy", "value": math.nan})
    frame = results.table(rows)
    loaded = saved_and_loaded(tmp_path / "results.csv", frame)
    for column in ("alpha", "value"):
        before, after = frame[column].to_numpy(), loaded[column].to_numpy()
        assert before.tobytes() == after.tobytes()


def test_the_order_of_rows_does_not_matter(tmp_path):
    shuffled = random.Random(0).sample(ROWS, len(ROWS))
    assert shuffled != ROWS
    pd.testing.assert_frame_equal(results.table(shuffled), results.table(ROWS))
    merged = results.merge(results.table(shuffled[:3]), results.table(shuffled[3:]))
    pd.testing.assert_frame_equal(merged, results.table(ROWS))
    results.save(tmp_path / "one", merged)
    results.save(tmp_path / "other", results.table(ROWS))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()


def test_merging_with_an_empty_table_changes_nothing():
    frame, empty = results.table(ROWS), results.table([])
    pd.testing.assert_frame_equal(results.merge(frame, empty), frame)
    pd.testing.assert_frame_equal(results.merge(empty, frame), frame)
    pd.testing.assert_frame_equal(results.merge(empty, empty), empty)


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_a_measurement_is_not_taken_twice(number):
    again = ROWS[number] | {"value": -1}
    with pytest.raises(ValueError, match=r"two rows describe the same measurement"):
        results.table([*ROWS, again])
    with pytest.raises(ValueError, match=r"two rows describe the same measurement"):
        results.merge(results.table(ROWS), results.table([again]))


@pytest.mark.parametrize(
    ("column", "value"),
    [
        *(("seed", 1), ("alpha", 0.7), ("epoch", 3), ("layer", "logits"), ("severity", 4)),
        *(("epsilon", 4 / 255), ("steps", 20), ("perturbation", "fgsm")),
        *(("training", "adversarial"), ("training_strength", 2.0)),
    ],
)
def test_measurements_that_differ_in_any_column_are_two(column, value):
    assert len(results.table([*ROWS, ROWS[4] | {column: value}])) == len(ROWS) + 1


def test_unknown_columns_are_refused():
    with pytest.raises(ValueError, match=r"unknown columns \['severty'\]"):
        results.table([ROWS[0] | {"severty": 3}])


def test_a_table_is_written_wholly_or_not_at_all(tmp_path, monkeypatch):
    path = tmp_path / "results.csv"
    results.save(path, results.table(ROWS))
    before, frame = path.read_bytes(), results.table(ROWS[:1])

    def killed(_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(results.os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            results.save(path, frame)
    assert path.read_bytes() == before
    results.save(path, frame)
    assert len(results.load(path)) == 1
    assert [file.name for file in tmp_path.iterdir()] == ["results.csv"]


HEADER = ",".join(results.COLUMNS).encode() + b"\n"
ROW = b"digits,resnet8,-0.7,0,4,accuracy,,,,,,0.9\n"


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="empty"),
        pytest.param(b"\xff\xfe\x00\x01", id="binary"),
        pytest.param(HEADER + b"\xff\xfe" + ROW, id="binary row"),
        pytest.param(b"a,b\n1,2\n", id="other columns"),
        pytest.param(HEADER.replace(b",value", b"") + b"d,m,0,0,1,accuracy,,,,,\n", id="a column"),
        pytest.param(HEADER + ROW.replace(b"0.9", b"high"), id="no number"),
        pytest.param(HEADER + ROW.replace(b",0,4,", b",,4,"), id="no seed"),
        pytest.param(HEADER + ROW.replace(b",0,4,", b",0.5,4,"), id="half a seed"),
        pytest.param(HEADER + ROW + ROW, id="a row twice"),
        pytest.param(HEADER + ROW + ROW.replace(b"\n", b",1,2,3\n"), id="long row"),
        pytest.param(HEADER + ROW + b"digits,resn", id="truncated"),
    ],
)
def test_a_damaged_file_is_refused_in_a_line_that_names_it(tmp_path, content):
    path = tmp_path / "results.csv"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"is not a results table") as raised:
        results.load(path)
    assert str(raised.value).startswith(f"{path}: is not a results table (")
    assert "\n" not in str(raised.value)


def test_summary_is_means_by_hand():
    def row(alpha, seed, metric, value, **where):
        whose = {"alpha": alpha, "seed": seed, "epoch": 4 + seed}
        return WHOSE | whose | {"metric": metric, "value": value} | where

    contrast = {"perturbation": "contrast"}
    fgsm, pgd = {"perturbation": "fgsm", "steps": 1}, {"perturbation": "pgd", "steps": 20}
    rows = [
        row(-1, 0, "class_selectivity", 0.2),
        row(-1, 1, "class_selectivity", 0.4),
        row(-1, 0, "class_selectivity", 0.9, layer="stem"),
        row(1, 0, "class_selectivity", 0.7),
        row(-1, 0, "accuracy", 0.9),
        row(-1, 1, "accuracy", 0.7),
        row(1, 0, "accuracy", 0.5),
        row(-1, 0, "train_accuracy", 0.01),
        row(-1, 0, "relative_accuracy", 0.02, **contrast, severity=1),
        row(-1, 0, "accuracy", 0.8, **contrast, severity=1),
        row(-1, 0, "accuracy", 0.4, **contrast, severity=2),
        row(-1, 0, "accuracy", 0.6, perturbation="corruptions"),
        row(-1, 1, "accuracy", 0.6, perturbation="brightness", severity=2),
        row(-1, 1, "accuracy", 0.6, perturbation="corruptions"),
        row(-1, 0, "accuracy", 0.9, **fgsm, epsilon=0.0),
        row(-1, 0, "accuracy", 0.3, **fgsm, epsilon=0.1),
        row(-1, 0, "accuracy", 0.1, **fgsm, epsilon=0.2),
        row(1, 0, "accuracy", 0.45, **(pgd | {"steps": 1}), epsilon=0.1),
        row(1, 0, "accuracy", 0.25, **pgd, epsilon=0.1),
        row(-1, 0, "dimensionality_95", 3, **fgsm, epsilon=0.1, layer="stem"),
    ]
    expected = pd.DataFrame(
        {
            "alpha": [-1.0, 1.0],
            "networks": [2, 1],
            "class selectivity": [0.3, 0.7],
            "clean accuracy": [0.8, 0.5],
            "corruptions": [0.6, math.nan],
            "fgsm": [0.2, math.nan],
            "pgd": [math.nan, 0.25],
        }
    )
    pd.testing.assert_frame_equal(results.summarize(results.table(rows)), expected)


def test_summary_counts_networks_that_diverged():
    measured = WHOSE | {"epoch": 4, "metric": "accuracy", "value": 0.5}
    diverged = WHOSE | {"epoch": 2, "metric": "diverged", "value": 1}
    rows = [
        measured | {"alpha": -1.0, "seed": 0},
        measured | {"alpha": 2.0, "seed": 0},
        *(diverged | {"alpha": 2.0, "seed": seed} for seed in (1, 2)),
    ]
    summary = results.summarize(results.table(rows))
    assert summary["networks"].tolist() == [1, 3]
    assert summary["diverged"].tolist() == [0, 2]
    assert summary["clean accuracy"].tolist() == [0.5, 0.5]


def test_summary_has_no_columns_for_what_was_not_measured():
    summary = results.summarize(results.table(ROWS[:1]))
    assert list(summary.columns) == ["alpha", "networks", "clean accuracy"]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_types_survive_either_file(tmp_path, suffix):
    frame = results.table(ROWS)
    loaded = saved_and_loaded(tmp_path / f"results{suffix}", frame)
    pd.testing.assert_frame_equal(loaded, frame)
    assert loaded["severity"].dtype == loaded["steps"].dtype == "Int64"
    assert not list(tmp_path.glob("*.partial"))


def test_parquet_keeps_floats_to_the_bit_and_nothing_at_all(tmp_path):
    values = [1 / 3, 5e-324, -0.0, math.inf, float(np.float32(0.1)), math.nan]
    rows = [
        {**WHOSE, "seed": seed, "metric": "accuracy", "value": value}
        for seed, value in enumerate(values)
    ]
    rows.append({**WHOSE, "alpha": math.nan, "metric": "accuracy", "value": 1})
    frame = results.table(rows)
    loaded = saved_and_loaded(tmp_path / "results.parquet", frame)
    for column in ("alpha", "value"):
        assert frame[column].to_numpy().tobytes() == loaded[column].to_numpy().tobytes()
    empty = results.table([])
    pd.testing.assert_frame_equal(saved_and_loaded(tmp_path / "empty.parquet", empty), empty)


POLARS = {
    **dict.fromkeys(("dataset", "model", "training", "metric", "layer"), pl.String),
    **dict.fromkeys(("seed", "epoch", "severity", "steps"), pl.Int64),
    **dict.fromkeys(("alpha", "training_strength", "epsilon", "value"), pl.Float64),
    "perturbation": pl.String,
}


def test_polars_reads_both_files_with_sensible_types(tmp_path):
    # A long history comes before the first row that has a severity.
    history = [
        {**WHOSE, "epoch": epoch, "metric": "train_loss", "value": 1 / epoch}
        for epoch in range(2, 200)
    ]
    rows = [*ROWS, *history, {**ROWS[3], "epoch": 300}]
    frame = results.table(rows[1:])
    for suffix in (".csv", ".parquet"):
        results.save(tmp_path / f"results{suffix}", frame)
    parquet = pl.read_parquet(tmp_path / "results.parquet")
    csv = pl.read_csv(tmp_path / "results.csv", infer_schema_length=None)
    for found in (parquet, csv):
        assert dict(found.schema) == {name: POLARS[name] for name in results.COLUMNS}
        assert found["value"].to_list() == frame["value"].to_list()
        assert found["severity"].to_list() == [
            None if pd.isna(severity) else severity for severity in frame["severity"]
        ]
        assert found.filter(pl.col("severity") == 3)["perturbation"].unique().to_list() == [
            "contrast"
        ]


def test_pandas_needs_no_help_with_parquet(tmp_path):
    frame = results.table(ROWS)
    results.save(tmp_path / "results.parquet", frame)
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "results.parquet"), frame)


@pytest.fixture
def runs(tmp_path):
    """Two runs' folders, one with Parquet alone beside it, which share two measurements."""
    of_one, of_other = ROWS[:4], ROWS[2:]
    for name, rows in (("one", of_one), ("other", of_other)):
        (tmp_path / name).mkdir()
        results.save(tmp_path / name / "results.csv", results.table(rows))
    results.save(tmp_path / "other.parquet", results.table(of_other))
    return tmp_path


def test_a_run_is_loaded_by_its_folder_or_file(runs):
    for path in (runs / "one", str(runs / "one"), runs / "one" / "results.csv", [runs / "one"]):
        pd.testing.assert_frame_equal(results.load(path), results.table(ROWS[:4]))
    pd.testing.assert_frame_equal(results.load(runs / "other.parquet"), results.table(ROWS[2:]))


def test_runs_are_merged_and_what_they_share_is_taken_once(runs):
    every = results.table(ROWS)
    for other in ("other", "other.parquet"):
        pd.testing.assert_frame_equal(results.load([runs / "one", runs / other]), every)
    both = [runs / "one", runs / "other", runs / "other.parquet", runs / "one"]
    pd.testing.assert_frame_equal(results.load(iter(both)), every)
    pd.testing.assert_frame_equal(results.load([]), results.table([]))


def test_values_that_are_no_numbers_are_alike(tmp_path):
    frame = results.table([{**WHOSE, "alpha": math.nan, "metric": "accuracy", "value": math.nan}])
    for name in "ab":
        results.save(tmp_path / f"{name}.csv", frame)
    pd.testing.assert_frame_equal(results.load([tmp_path / "a.csv", tmp_path / "b.csv"]), frame)


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_runs_that_contradict_each_other_are_refused(tmp_path, number):
    one, other = tmp_path / "one.csv", tmp_path / "other.parquet"
    changed = [dict(row) for row in ROWS]
    changed[number]["value"] = 0.125
    results.save(one, results.table(ROWS))
    results.save(other, results.table(changed))
    with pytest.raises(ValueError, match="values of the same measurement") as raised:
        results.load([one, other])
    sentence = str(raised.value)
    assert sentence.startswith(f"{one} and {other}: contain different values of the same ")
    assert f", {float(ROWS[number]['value'])} and 0.125 (" in sentence
    assert f"metric {ROWS[number]['metric']}" in sentence
    assert sentence.endswith("; load only one of these files.")
    assert "\n" not in sentence


def test_files_that_are_no_tables_are_named(tmp_path):
    (tmp_path / "results.csv").write_text("a,b\n1,2\n")
    (tmp_path / "results.parquet").write_bytes(b"PAR1 and no more")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "other.parquet")
    for name in ("results.csv", "results.parquet", "other.parquet"):
        with pytest.raises(ValueError, match=rf"{name}: is not a results table \(") as raised:
            results.load(tmp_path / name)
        assert "\n" not in str(raised.value)
    (tmp_path / "missing").mkdir()
    with pytest.raises(FileNotFoundError, match=r"missing.results\.csv"):
        results.load([tmp_path / "missing"])
