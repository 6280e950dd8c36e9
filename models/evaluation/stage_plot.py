"""A picture of how a base moves between the stages over time."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from ebbtide.domain.customer import Stage
from ebbtide.domain.trigger import DAY, Fired
from models.evaluation.plots import GREY, INK, SAND, TIDE
from models.triggers.trigger_figures import at

if TYPE_CHECKING:
    from matplotlib.figure import Figure

COLOURS = {
    Stage.LOYAL: INK,
    Stage.ACTIVE: TIDE,
    Stage.WON_BACK: "#81b29a",
    Stage.NEW: "#c9b79c",
    Stage.SLIPPING: SAND,
    Stage.DORMANT: "#b56576",
    Stage.LOST: GREY,
}
"""From the bottom to the top of the picture."""


def counted(entered: Sequence[Fired]) -> tuple[NDArray[np.float64], dict[Stage, NDArray[np.int64]]]:
    """How many customers are in each stage at each midnight (Unix seconds), from their moves in time order.

    >>> moves = [Fired("1", "c", "Stage Entered", "1970-01-01T00:00:01Z", "", "", "new", "m")]
    >>> midnights, base = counted(moves)
    >>> midnights.tolist(), base[Stage.NEW].tolist()
    ([86400.0], [1])
    """
    present: dict[str, str] = {}
    counts: Counter[str] = Counter()
    midnights: list[float] = []
    base: dict[Stage, list[int]] = {stage: [] for stage in COLOURS}
    days = [int(at(one) // DAY) for one in entered]
    for place, one in enumerate(entered):
        counts[present.get(one.customer_id, "")] -= 1
        present[one.customer_id] = one.stage
        counts[one.stage] += 1
        following = days[place + 1] if place + 1 < len(days) else days[place] + 1
        for day in range(days[place] + 1, following + 1):
            midnights.append(day * DAY)
            for stage, line in base.items():
                line.append(counts[stage])
    return np.array(midnights), {stage: np.array(line) for stage, line in base.items()}


def drawn(entered: Sequence[Fired], caption: str) -> "Figure":
    """Draw the share of all customers known in each stage, day by day."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    midnights, base = counted(entered)
    days = midnights.astype("datetime64[s]")
    known = np.sum(list(base.values()), axis=0)
    figure = Figure(figsize=(9.0, 4.4), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    names = [stage.value.replace("_", " ") for stage in base]
    axes.stackplot(
        days, [line / known for line in base.values()], labels=names, colors=list(COLOURS.values())
    )
    last = known[-1] if len(known) else 0
    axes.set_title(
        f"Stages over time: {caption}, {last:,} customers at the end", loc="left", color=INK, fontsize=10
    )
    axes.set_ylabel("share of the customers known", color=INK)
    axes.set_ylim(0, 1)
    axes.margins(x=0)
    axes.spines[["top", "right"]].set_visible(False)
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], frameon=False, fontsize=8, loc=(1.01, 0.35))
    return figure
