"""The lift over time, as a Matplotlib figure without a window or global state."""

from datetime import UTC, datetime
from typing import TYPE_CHECKING

import numpy as np

from models.actions.cohort import Cohort
from models.actions.lift import FEWEST, Array, sequence
from models.evaluation.plots import GREY, INK, TIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_POINTS = 500


def drawn(found: Cohort, share: float) -> "Figure":
    """Draw the lift in retained customers and in money with its confidence sequence."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6.4, 6.4), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subplots(2, 1, sharex=True)
    _draw(upper, found, found.retained, share, "share of customers with an order")
    _draw(lower, found, found.money, share, "money per customer")
    upper.set_title("Lift over the hold-out", loc="left", color=INK, fontweight="bold")
    lower.set_xlabel("customers whose horizon has passed", color=INK)
    if len(found.due):
        last = datetime.fromtimestamp(float(found.due[-1]), UTC)
        upper.set_title(
            f"{len(found.due):,} customers until {last:%Y-%m-%d}", loc="right", color=GREY, fontsize=8
        )
    return figure


def _draw(axes: "Axes", found: Cohort, outcome: Array, share: float, what: str) -> None:
    followed = sequence(outcome, found.held_out, share)
    shown = np.unique(np.linspace(0, max(len(outcome) - 1, 0), _POINTS).astype(int))[: len(outcome)]
    shown = shown[np.isfinite(followed.low[shown])]
    if not len(shown):
        axes.set(xticks=(), yticks=(), ylabel=what)
        early = f"too early: expected {FEWEST} customers of each kind, whose horizon has passed"
        axes.text(0.5, 0.5, early, color=GREY, ha="center", transform=axes.transAxes)
        return
    axes.axhline(0.0, color=GREY, linewidth=1)
    axes.fill_between(
        shown + 1, followed.low[shown], followed.high[shown], color=TIDE, alpha=0.2, linewidth=0
    )
    axes.plot(shown + 1, followed.lift[shown], color=TIDE)
    axes.set_ylabel(what, color=INK)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
