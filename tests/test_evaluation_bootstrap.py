"""Intervals: they hold the truth as often as they say, whatever the clusters."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from morphsep.evaluation.bootstrap import bootstrap


def test_alike_with_scipys_percentiles_where_clusters_are_many() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found = bootstrap(values, draws=3000)
    other = scipy.stats.bootstrap(
        (values,), np.mean, method="percentile", n_resamples=4000, rng=np.random.default_rng(1)
    ).confidence_interval
    assert found.value == pytest.approx(values.mean())
    assert (found.low, found.high) == pytest.approx((other.low, other.high), abs=0.01)


@pytest.mark.parametrize("size", [7, 8])
def test_the_median_is_numpys(size: int) -> None:
    values = np.random.default_rng(size).permutation(size).astype(float)
    assert bootstrap(values, statistic="median").value == np.median(values)


def test_a_median_counts_what_was_drawn_twice_twice() -> None:
    """Against numpy's median of the values written out, draw by draw."""
    values = np.array([1.0, 2.0, 4.0, 8.0, 16.0])
    rng = np.random.default_rng(3)
    counts = rng.multinomial(5, np.full(5, 0.2), size=2000)
    low, high = np.quantile([np.median(np.repeat(values, row)) for row in counts], [0.25, 0.75])
    found = bootstrap(values, statistic="median", seed=3, confidence=0.5)
    assert found.low is not None
    assert found.high is not None
    assert found.low <= low  # few clusters: wider than plain percentiles
    assert found.high >= high
    assert found.low in {(a + b) / 2 for a in values for b in values}


def test_copies_of_a_cluster_are_no_evidence() -> None:
    rng = np.random.default_rng(0)
    values, clusters = rng.normal(size=12), np.arange(12)
    once = bootstrap(values, list(clusters), seed=5)
    often = bootstrap(np.repeat(values, 50), list(np.repeat(clusters, 50)), seed=5)
    assert (often.low, often.high) == pytest.approx((once.low, once.high))


def test_the_order_of_rows_does_not_matter_to_the_average() -> None:
    values = np.random.default_rng(0).normal(size=30)
    assert bootstrap(values).value == pytest.approx(bootstrap(values[::-1]).value)


def test_the_same_arguments_give_the_same_interval() -> None:
    values = np.random.default_rng(0).normal(size=30)
    labels = [index % 5 for index in range(30)]
    assert bootstrap(values, labels, seed=1) == bootstrap(values, labels, seed=1)
    assert bootstrap(values, labels, seed=1) != bootstrap(values, labels, seed=2)


@pytest.mark.parametrize(("listeners", "items"), [(20, 8), (6, 5)])
def test_intervals_hold_the_truth_where_listeners_and_items_differ(
    listeners: int, items: int
) -> None:
    """150 experiments; an interval of 95 % should hold 0 in about 142. What treats all answers as
    independent holds it far less often."""
    rng = np.random.default_rng(listeners)
    who = [row for row in range(listeners) for _ in range(items)]
    what = list(range(items)) * listeners
    clustered = plain = 0
    for _ in range(150):
        answers = (rng.normal(size=(listeners, 1)) + rng.normal(size=items)) + 0.5 * rng.normal(
            size=(listeners, items)
        )
        values = answers.ravel()
        both = bootstrap(values, who, what, draws=300)
        neither = bootstrap(values, draws=300)
        assert both.low is not None
        assert both.high is not None
        assert neither.low is not None
        assert neither.high is not None
        clustered += both.low <= 0 <= both.high
        plain += neither.low <= 0 <= neither.high
    assert clustered >= 0.92 * 150
    assert plain <= 0.75 * 150


@pytest.mark.parametrize("clusters", [1, 2, 3, 4, 5])
def test_fewer_than_five_clusters_have_no_interval(clusters: int) -> None:
    """However many values there are in each."""
    values = np.random.default_rng(0).normal(size=40)
    found = bootstrap(values, [row % clusters for row in range(40)])
    assert found.value == pytest.approx(values.mean())
    assert (found.low is None) == (found.high is None) == (clusters < 5)


def test_a_kind_of_too_few_clusters_is_not_drawn() -> None:
    values = np.random.default_rng(0).normal(size=40)
    many, few = [row // 4 for row in range(40)], [row % 4 for row in range(40)]
    assert bootstrap(values, many, few, seed=1) == bootstrap(values, many, seed=1)
    assert bootstrap(values, few, many, seed=1) == bootstrap(values, many, seed=1)


@pytest.mark.parametrize("values", [[], [1.0, float("nan")], [[1.0], [2.0]]])
def test_what_is_no_list_of_numbers_is_refused(values: list[float]) -> None:
    with pytest.raises(ValueError, match="finite"):
        bootstrap(values)


def test_labels_of_another_number_are_refused() -> None:
    with pytest.raises(ValueError, match="one label a value"):
        bootstrap([1.0, 2.0], ["a"])
