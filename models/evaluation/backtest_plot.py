"""A picture of a back-test: what was said against what was seen, at each cut-off, and the learning curve."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from models.evaluation.backtest import OURS, Answers, Rows
from models.evaluation.evaluate import evaluate, expected_calibration_error, reliability
from models.evaluation.learning_curve import Point
from models.evaluation.plots import GREY, INK, SAND, TIDE
from models.evaluation.timeline import date

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PEER_COLOURS = (GREY, "#c9b79c", SAND, "#81b29a", "#b56576")


def drawn(
    rows: Rows, answers: Sequence[Answers], horizon: int, caption: str, curve: Sequence[Point] = ()
) -> "Figure":
    """Draw reliability over all rows, level and AUC of each cut-off if there are several, and the curve."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    panels = (3 if len(answers) > 1 else 1) + bool(curve)
    figure = Figure(figsize=(5.2 * panels, 4.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = [figure.add_subplot(1, panels, place + 1) for place in range(panels)]
    _reliability(axes[0], rows, caption)
    if len(answers) > 1:
        _level(axes[1], answers, horizon)
        _auc(axes[2], rows, answers, horizon)
    if curve:
        _curve(axes[-1], curve, date(answers[-1].look.cut))
    for each in axes:
        each.spines[["top", "right"]].set_visible(False)
        each.grid(color=GREY, alpha=0.25, linewidth=0.6)
        each.legend(frameon=False, fontsize=8)
    return figure


def _reliability(axes: "Axes", rows: Rows, caption: str) -> None:
    said, seen, _ = (
        np.array(column) for column in zip(*reliability(rows.churned, rows.said[OURS]), strict=True)
    )
    error = expected_calibration_error(rows.churned, rows.said[OURS])
    axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=1, label="perfect")
    axes.plot(said, seen, "o-", color=TIDE, label=f"Ebbtide, calibration error {error:.3f}")
    axes.set_title(f"Reliability: {caption}", loc="left", color=INK, fontsize=10)
    axes.set_xlabel(f"probability said (15 groups of {len(rows.churned) // len(said):,} rows)", color=INK)
    axes.set_ylabel("share that churned", color=INK)


def _level(axes: "Axes", answers: Sequence[Answers], horizon: int) -> None:
    days = [date(each.look.cut) for each in answers]
    axes.plot(days, [each.look.churned(horizon).mean() for each in answers], "o-", color=INK, label="churned")
    axes.plot(days, [each.said[OURS].mean() for each in answers], "o--", color=TIDE, label="said by Ebbtide")
    _by_day(axes, "Share that churned, by cut-off")


def _auc(axes: "Axes", rows: Rows, answers: Sequence[Answers], horizon: int) -> None:
    both = [each for each in answers if len(set(each.look.churned(horizon).tolist())) == 2]
    days = [date(each.look.cut) for each in both]
    for name, colour in zip(rows.said, (TIDE, *PEER_COLOURS), strict=False):
        found = [evaluate(each.look.churned(horizon), each.said[name])["roc_auc"] for each in both]
        axes.plot(days, found, "o-", color=colour, label=name, linewidth=2.5 if name == OURS else 1)
    _by_day(axes, "AUC, by cut-off")


def _curve(axes: "Axes", curve: Sequence[Point], day: str) -> None:
    """AUC over the customers to learn from, in front of what chance alone does to that of all of them."""
    customers, auc = [point.customers for point in curve], np.array([point.auc for point in curve])
    spread = np.array([(point.auc - point.auc_lowest, point.auc_highest - point.auc) for point in curve])
    whole = curve[-1]
    axes.axhspan(
        whole.auc_low, whole.auc_high, color=TIDE, alpha=0.12, linewidth=0, label="95% interval, all"
    )
    axes.errorbar(
        customers,
        auc,
        yerr=np.clip(spread.T, 0, None),  # a mean of equals may be rounded
        color=TIDE,
        fmt="o-",
        capsize=3,
        label="Ebbtide; bars: lowest to highest draw",
    )
    axes.set_xscale("log", base=2)
    axes.set_xticks(customers, [f"{count:,}" for count in customers])
    axes.minorticks_off()
    axes.margins(x=0.08, y=0.2)  # room for the legend above the interval
    axes.set_title(f"Learning curve: AUC on {day}", loc="left", color=INK, fontsize=10)
    axes.set_xlabel("customers to learn from", color=INK)


def _by_day(axes: "Axes", title: str) -> None:
    axes.set_title(title, loc="left", color=INK, fontsize=10)
    axes.tick_params(axis="x", rotation=60, labelsize=8)
