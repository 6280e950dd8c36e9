"""Pictures of a churn model's quality, as Matplotlib figures without a window or global state.

Arguments as in `models.evaluation.evaluate`: labels of shape (n,) and probabilities of shape (n,).
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from models.churn.churn import TrainedModel, label
from models.churn.curve import ChurnCurve
from models.evaluation.evaluate import (
    Labels,
    Probabilities,
    evaluate,
    expected_calibration_error,
    reliability,
)

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK, TIDE, SAND, GREY = "#12344d", "#1f7a8c", "#e07a5f", "#9aa5b1"
SHOWN_SIGNALS = 15
EXPLAINED_ROWS = 300
"""Rows whose contributions are drawn: each takes a millisecond or two."""


def figures(model: TrainedModel, past: "pd.DataFrame", later: "pd.DataFrame") -> dict[str, "Figure"]:
    """Draw all pictures, by file name, from the rows that a model was trained on and later ones."""
    artefact = model.artefact
    churned, probability = later[label(artefact.main)].to_numpy() == 1.0, model.predict(later)
    caption = f"{len(later):,} customers on {later['cutoff'].max():%Y-%m-%d}, {artefact.main} days"
    signals = later[list(artefact.names)].head(EXPLAINED_ROWS).to_numpy(float)
    curve = ChurnCurve(artefact)
    told = np.array([curve.contributions(row.tolist(), artefact.main)[:-1] for row in signals])
    return {
        "roc.png": roc(churned, probability, caption),
        "precision_recall.png": precision_recall(churned, probability, caption),
        "reliability.png": reliability_diagram(churned, probability, caption),
        "gains.png": gains(churned, probability, caption),
        "scores.png": scores(churned, probability, caption),
        "importance.png": signal_importance(model.importance, caption),
        "shap_summary.png": shap_summary(artefact.names, told, caption),
        "shap_values.png": shap_values(artefact.names, signals, told, caption),
        "over_time.png": over_time(model, past, later, f"{artefact.main} days"),
    }


def roc(churned: Labels, probability: Probabilities, caption: str) -> "Figure":
    """Draw the receiver operating characteristic, against chance."""
    from sklearn import metrics

    figure, axes = _canvas("ROC curve", caption)
    false_alarms, caught, _ = metrics.roc_curve(churned, probability)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    axes.plot(false_alarms, caught, color=TIDE, label=f"model, area {metrics.auc(false_alarms, caught):.3f}")
    return _finish(
        figure, axes, "share of the stayers alarmed (false positive rate)", "share of the leavers caught"
    )


def precision_recall(churned: Labels, probability: Probabilities, caption: str) -> "Figure":
    """Draw precision over recall, against the share that churned."""
    from sklearn import metrics

    figure, axes = _canvas("Precision and recall", caption)
    precision, recall, _ = metrics.precision_recall_curve(churned, probability)
    average = metrics.average_precision_score(churned, probability)
    rate = float(np.mean(churned))
    axes.axhline(rate, color=GREY, linestyle="--", linewidth=1, label=f"chance, {rate:.3f}")
    recall, precision = recall[:-1], precision[:-1]  # the last is (0, 1) by definition, and no one's
    axes.plot(recall, precision, color=TIDE, drawstyle="steps-post", label=f"model, average {average:.3f}")
    axes.set_ylim(0, 1.02)
    return _finish(
        figure, axes, "share of the leavers caught (recall)", "share of the alarms right (precision)"
    )


def reliability_diagram(churned: Labels, probability: Probabilities, caption: str) -> "Figure":
    """Draw what was said against what was seen, per bin of equal count, with 95% intervals."""
    figure, axes = _canvas("Reliability", caption)
    said, seen, counts = (np.array(column) for column in zip(*reliability(churned, probability), strict=True))
    low, high = _wilson(seen, counts)
    error = expected_calibration_error(churned, probability)
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    spread = np.clip(np.stack([seen - low, high - seen]), 0, None)
    axes.errorbar(
        said,
        seen,
        yerr=spread,
        color=TIDE,
        fmt="o-",
        capsize=2,
        label=f"model, calibration error {error:.3f}",
    )
    note = f"{len(counts)} bins of about {round(float(counts.mean()))} customers; bars: 95% intervals"
    axes.text(0.98, 0.03, note, transform=axes.transAxes, ha="right", fontsize=8, color=INK)
    axes.set_ylim(-0.02, 1.02)
    return _finish(figure, axes, "probability said", "share that churned")


def gains(churned: Labels, probability: Probabilities, caption: str) -> "Figure":
    """Draw the share of the leavers caught by contacting the riskiest first."""
    figure, axes = _canvas("Cumulative gains", caption)
    ranked = np.asarray(churned, dtype=float)[np.argsort(-probability, kind="stable")]
    contacted = np.arange(len(ranked) + 1) / len(ranked)
    caught = np.concatenate([[0.0], np.cumsum(ranked) / ranked.sum()])
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="chance")
    axes.plot([0, ranked.mean(), 1], [0, 1, 1], color=SAND, linestyle=":", label="best possible")
    axes.plot(contacted, caught, color=TIDE, label="model")
    return _finish(
        figure, axes, "share of the customers contacted, riskiest first", "share of the leavers among them"
    )


def scores(churned: Labels, probability: Probabilities, caption: str) -> "Figure":
    """Draw how the probabilities spread for those who left and those who stayed."""
    figure, axes = _canvas("Scores", caption)
    bins = [step / 30 for step in range(31)]
    for group, name, colour in ((~churned, "stayed", TIDE), (churned, "churned", SAND)):
        axes.hist(
            probability[group], bins=bins, color=colour, alpha=0.65, label=f"{name}, {int(group.sum())}"
        )
    return _finish(figure, axes, "probability of churn", "customers")


def signal_importance(importance: Mapping[str, float], caption: str) -> "Figure":
    """Draw the signals by their share of the gain: the drop in training loss over all splits on them."""
    figure, axes = _canvas("Signals by gain", caption)
    total = sum(importance.values()) or 1.0
    top = sorted(importance.items(), key=lambda item: item[1])[-SHOWN_SIGNALS:]
    bars = axes.barh([name for name, _ in top], [gain / total for _, gain in top], color=TIDE)
    axes.bar_label(bars, fmt="{:.0%}", padding=3, fontsize=8, color=INK)
    axes.margins(x=0.12)
    return _finish(figure, axes, "share of the gain", "", legend=False)


def shap_summary(names: tuple[str, ...], told: NDArray[np.float64], caption: str) -> "Figure":
    """Draw how far each signal moves the log-odds on average; `told` of shape (n, signals)."""
    figure, axes = _canvas("Mean |SHAP value|", caption)
    sizes = np.abs(told).mean(axis=0)
    top = np.argsort(sizes)[-SHOWN_SIGNALS:]
    bars = axes.barh([names[place] for place in top], sizes[top], color=TIDE)
    axes.bar_label(bars, fmt="{:.2f}", padding=3, fontsize=8, color=INK)
    axes.margins(x=0.12)
    return _finish(figure, axes, "mean change of the log-odds, either way", "", legend=False)


def shap_values(
    names: tuple[str, ...], signals: NDArray[np.float64], told: NDArray[np.float64], caption: str
) -> "Figure":
    """Draw each customer's SHAP values, a row of dots per signal, dark where the signal is high for it."""
    figure, axes = _canvas("SHAP values", caption)
    top = np.argsort(np.abs(told).mean(axis=0))[-SHOWN_SIGNALS:]
    jitter = np.random.default_rng(0).uniform(-0.28, 0.28, len(told))
    for line, place in enumerate(top):
        axes.scatter(
            told[:, place], line + jitter, c=_ranks(signals[:, place]), cmap="viridis_r", vmin=0, vmax=1, s=5
        )
    axes.axvline(0, color=GREY, linewidth=1)
    axes.set_yticks(range(len(top)), [names[place] for place in top])
    return _finish(
        figure, axes, "change of the log-odds (yellow: the signal is low, dark: high)", "", legend=False
    )


def over_time(model: TrainedModel, past: "pd.DataFrame", later: "pd.DataFrame", caption: str) -> "Figure":
    """Draw ROC AUC, and churn said against churn seen, at each cut-off: trained on, and held out."""
    figure, axes = _canvas("Cut-off by cut-off", caption)
    target = label(model.artefact.main)
    for rows, fill, whose in ((past, "none", "trained on"), (later, None, "held out")):
        probability = model.predict(rows)
        groups = [(cutoff, places) for cutoff, places in rows.groupby("cutoff").indices.items()]
        days = [cutoff.to_pydatetime() for cutoff, _ in groups]
        churned = rows[target].to_numpy() == 1.0
        lines = {
            "ROC AUC": ([_auc(churned[places], probability[places]) for _, places in groups], INK, "o"),
            "churn said": ([probability[places].mean() for _, places in groups], TIDE, "s"),
            "churn seen": ([churned[places].mean() for _, places in groups], SAND, "^"),
        }
        for name, (values, colour, marker) in lines.items():
            shown = f"{name}, {whose}"
            axes.plot(days, values, marker, color=colour, markerfacecolor=fill or colour, label=shown)
    axes.set_ylim(0, 1.02)
    figure.autofmt_xdate()
    return _finish(figure, axes, "cut-off", "share")


def _auc(churned: Labels, probability: Probabilities) -> float:
    """Give the ROC AUC; NaN where there is one class only."""
    return evaluate(churned, probability)["roc_auc"] if 0 < churned.sum() < len(churned) else float("nan")


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Give each value's place among the others, 0 to 1; a half where it is missing."""
    known = ~np.isnan(values)
    order = np.sort(values[known])
    found = np.full(len(values), 0.5)
    found[known] = (
        np.searchsorted(order, values[known]) + np.searchsorted(order, values[known], "right")
    ) / (2 * max(1, len(order)))
    return found


def _wilson(
    share: Probabilities, count: Probabilities, z: float = 1.96
) -> tuple[Probabilities, Probabilities]:
    """Give the 95% interval of a share. Source: Wilson 1927, J. American Statistical Association 22."""
    centre = (share + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    return centre - half, centre + half


def _canvas(title: str, caption: str) -> tuple["Figure", "Axes"]:
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 4.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    axes.set_title(title, loc="left", color=INK, fontweight="bold")
    axes.set_title(caption, loc="right", color=GREY, fontsize=8)
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _finish(figure: "Figure", axes: "Axes", across: str, up: str, *, legend: bool = True) -> "Figure":
    axes.set_xlabel(across, color=INK)
    axes.set_ylabel(up, color=INK)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    if legend:
        axes.legend(frameon=False, fontsize=9)
    return figure
