"""The page that `ebbtide monitor` writes: one HTML file, pictures inside, nothing from elsewhere."""

import io
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from string import Template
from typing import TYPE_CHECKING

from ebbtide.domain.ingest import iso
from models.drift.drift import MOVED, SHIFTED, Calibration, level
from models.evaluation.plots import GREY, INK, SAND, TIDE

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SHOWN = 20
"""Signals in the picture; the table has them all."""
_COLOURS = {"stable": TIDE, "moved": "#e9b44c", "shifted": SAND}

_PAGE = Template("""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Ebbtide: $title</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: $ink; max-width: 60rem; margin: 2rem auto }
h1, h2 { line-height: 1.2 } .grey { color: #5b6b7a }
body { padding: 0 1rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
th, td { text-align: left; padding: .2rem 1.2rem .2rem 0; border-bottom: 1px solid #e3e8ee }
td.n, th.n { text-align: right } svg { max-width: 100%; height: auto }
.stable { color: $stable } .moved { color: #9a6b00 } .shifted { color: #b3401f; font-weight: 600 }
</style></head><body>
<h1>$title</h1>
<p class="grey">$caption</p>
$summary
<h2>Do customers look like those trained on?</h2>
<p>The population stability index of each signal: below $moved nothing is seen in it, from $shifted on the
signal has shifted. Totals since the beginning grow with the age of the log, and so shift by themselves.</p>
$stability_plot
<h2>Does it still say what comes?</h2>
<p>Each cut-off's customers, scored by this model with what was known then; what came is known by now. The
first cut-off is the one that the model was tested on, all are later than its training.</p>
$calibration_plot
$calibration_table
<h2>The correction online</h2>
$online_table
<h2>All signals</h2>
$stability_table
</body></html>
""")


def page(
    title: str,
    caption: str,
    sentences: Sequence[str],
    stability: Mapping[str, float],
    calibration: Sequence[Calibration],
    online: Mapping[str, float],
) -> str:
    """Give the page. `sentences` sum it up; `online` holds the online model's measures, if it has any."""
    return _PAGE.substitute(
        title=escape(title),
        caption=escape(caption),
        summary="<ul>" + "".join(f"<li>{escape(each)}</li>" for each in sentences) + "</ul>",
        ink=INK,
        stable=TIDE,
        moved=MOVED,
        shifted=SHIFTED,
        stability_plot=_svg(stability_plot(stability)),
        calibration_plot=_svg(calibration_plot(calibration)) if calibration else "",
        calibration_table=_calibration_table(calibration),
        online_table=_online_table(online),
        stability_table=_table(
            ("signal", "index", ""),
            ((name, f"{index:.3f}", level(index)) for name, index in stability.items()),
        ),
    )


def stability_plot(stability: Mapping[str, float]) -> "Figure":
    """Draw the least stable signals' indices as bars, with the two borders."""
    shown = list(stability.items())[:SHOWN][::-1]
    figure, axes = _canvas(0.9 + 0.24 * len(shown))
    colours = [_COLOURS[level(index)] for _, index in shown]
    bars = axes.barh([name for name, _ in shown], [index for _, index in shown], color=colours)
    axes.bar_label(bars, fmt="{:.2f}", padding=3, fontsize=8, color=INK)
    for border, word, side in ((MOVED, "moved ", "right"), (SHIFTED, " shifted", "left")):
        axes.axvline(border, color=GREY, linestyle="--", linewidth=1)
        place = axes.get_xaxis_transform()
        axes.text(border, 1.0, word, color=GREY, fontsize=8, transform=place, ha=side, va="bottom")
    axes.set_xlabel("population stability index", color=INK)
    return figure


def calibration_plot(calibration: Sequence[Calibration]) -> "Figure":
    """Draw mean probability said and share that churned, cut-off by cut-off; at least one."""
    figure, axes = _canvas(3.6)
    places = range(len(calibration))
    wide = [(each.high - each.low) / 2.0 for each in calibration]
    said = [each.said for each in calibration]
    axes.errorbar(places, said, wide, fmt="o", color=TIDE, capsize=4, label="said, and 95% of chance")
    axes.plot(places, [each.seen for each in calibration], "D", color=SAND, label="came")
    axes.set_xticks(places, [each.cutoff for each in calibration], rotation=30, ha="right")
    axes.margins(x=0.5 / len(calibration), y=0.15)
    axes.set_ylabel("share that churned", color=INK)
    axes.legend(frameon=False, fontsize=9)
    return figure


def _canvas(height: float) -> tuple["Figure", "Axes"]:
    from matplotlib.backends.backend_svg import FigureCanvasSVG
    from matplotlib.figure import Figure

    figure = Figure(figsize=(8.0, height), layout="constrained")
    FigureCanvasSVG(figure)
    axes = figure.add_subplot()
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color=GREY, alpha=0.25, linewidth=0.6)
    axes.set_axisbelow(True)
    return figure, axes


def _svg(figure: "Figure") -> str:
    """The picture without the XML header, which has no place inside a page."""
    drawn = io.StringIO()
    figure.savefig(drawn, format="svg", metadata={"Date": None})
    text = drawn.getvalue()
    return text[text.index("<svg") :]


def _calibration_table(calibration: Sequence[Calibration]) -> str:
    if not calibration:
        return "<p>No label has come due since the training.</p>"
    return _table(
        ("cut-off", "customers", "said", "came", "came - said, 95%", "log loss", ""),
        (
            (
                *(each.cutoff, f"{each.rows:,}", f"{each.said:.3f}", f"{each.seen:.3f}"),
                *(f"{each.low:+.3f} to {each.high:+.3f}", f"{each.log_loss:.4f}"),
                "shifted" if each.off else "stable",
            )
            for each in calibration
        ),
    )


def _online_table(online: Mapping[str, float]) -> str:
    if not online.get("labels"):
        return "<p>It has not learned yet: no label has come due in the stream.</p>"
    shown = dict(online)
    drift_at = shown.pop("drift_at", 0.0)
    rows = [
        (name, f"{value:,.0f}" if value == int(value) else f"{value:.4f}") for name, value in shown.items()
    ]
    if drift_at:
        rows.append(("drift last told", iso(drift_at)[:10]))
    return _table(("measure", "value"), rows)


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; words from the second column on are numbers, but for a level, which has its colour."""
    head = "".join(
        f'<th class="{"n" if place else ""}">{escape(each)}</th>' for place, each in enumerate(headings)
    )
    body = "".join(
        "<tr>"
        + "".join(
            f'<td class="{each if each in _COLOURS else "n" if place else ""}">{escape(each)}</td>'
            for place, each in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
