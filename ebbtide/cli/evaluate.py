"""`ebbtide evaluate`: how good the models are, on a log of yours, beside what the field would use."""

from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ebbtide.cli.verbs import JsonOption, MapOption

if TYPE_CHECKING:
    from rich.table import Table

    from ebbtide.jobs.evaluate_actions import ActionEvaluation
    from ebbtide.jobs.evaluate_churn import Evaluation
    from ebbtide.jobs.evaluate_recommendations import RecommendationEvaluation

app = typer.Typer(no_args_is_help=True, help="Measure the models on a log of yours, beside their peers.")
MOST_SHOWN = 20
"""Constant actions in the table; JSON holds all."""
LARGE = 100.0
"""Values per decision from which on they are shown as money is."""


@app.command(
    "churn",
    epilog="Example: ebbtide evaluate churn shop.csv --map customer=ID,time=DATE,order=NO,value=SUM "
    "--horizon 60 --active 120 --rolling --plot churn.png",
)
def churn(
    file: Annotated[Path, typer.Argument(help="A log, as `ebbtide import` takes it.")],
    mapping: MapOption = None,
    horizon: Annotated[
        int | None, typer.Option(min=1, help="Days ahead within which a silent customer has churned.")
    ] = None,
    active: Annotated[
        int | None, typer.Option(min=1, help="Days back within which a customer counts as active.")
    ] = None,
    rolling: Annotated[
        bool, typer.Option("--rolling", help="Test every two weeks over the last third of the log.")
    ] = False,
    prequential: Annotated[
        bool, typer.Option("--prequential", help="Judge the online correction over the last third, in order.")
    ] = False,
    learning_curve: Annotated[
        bool,
        typer.Option(
            "--learning-curve", help="Train on an eighth, a quarter and half of the customers as well."
        ),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option("--plot", metavar="FILE", help="Draw the result into a PNG file.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Train on earlier cut-offs of a log, test on the last possible one, and compare with five peers.

    The test cut-off is the midnight after the log's last day, less the horizon. All customers with an order
    in the days before it are tested on; those without one in the horizon after it have churned. Nothing is
    kept: neither features nor the model.
    """
    from ebbtide import console
    from ebbtide.cli import churn_tables

    asked = {"rolling": rolling, "correct": prequential, "curve": learning_curve}
    found = _evaluated(file, mapping, horizon, active, asked, plot)
    if json:
        console.print_json(found.public(rolling=rolling))
        return
    for each in churn_tables.shown(found, rolling=rolling):
        console.out.print(each)
    for name, why in found.failed.items():
        console.out.print(f"{name}: no figures, {why}", markup=False)
    for note in found.notes:
        console.out.print(note, markup=False)


def _evaluated(
    file: Path,
    mapping: str | None,
    horizon: int | None,
    active: int | None,
    asked: dict[str, bool],
    plot: Path | None,
) -> "Evaluation":
    """Evaluate, and draw where asked to."""
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.errors import InputError
    from ebbtide.jobs.evaluate_churn import evaluate_churn
    from ebbtide.settings import load
    from streaming.importing.importer import open_log
    from streaming.importing.mapping import parse_mapping

    if plot is not None and not plot.parent.is_dir():
        raise InputError(f"--plot {plot}: expected a folder to write to, found none; make {plot.parent}")
    settings = load()
    found = evaluate_churn(
        open_log(file, parse_mapping(mapping) if mapping else None),
        horizon=horizon or settings.horizon,
        active=active or settings.active,
        **asked,
        clock=system_clock,
        progress=console.bar,
    )
    if plot is not None:
        from models.evaluation.backtest_plot import drawn

        figure = drawn(found.rows, found.answers, found.horizon, found.data, found.learning_curve or ())
        figure.savefig(plot, format="png")
    return found


@app.command(
    "actions",
    epilog="Example: ebbtide evaluate actions mails.csv --action mail --reward visit --propensity 0.333333 "
    '--context recency,channel --cost "Mens E-Mail=0.05"',
)
def actions(
    file: Annotated[Path, typer.Argument(help="A log as parquet, CSV or JSON lines: a row per decision.")],
    action: Annotated[str, typer.Option(metavar="COLUMN", help="What was done.")],
    reward: Annotated[str, typer.Option(metavar="COLUMN", help="What came of it, a number.")],
    propensity: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN|NUMBER|ACTION=NUMBER",
            help="The probability with which the action was chosen; where each action has its own, give all.",
        ),
    ] = None,
    context: Annotated[
        str, typer.Option(metavar="COLUMN,...", help="What was known before the choice.")
    ] = "",
    customer: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Whose rows are never parted into both halves.")
    ] = None,
    cost: Annotated[
        list[str] | None,
        typer.Option(metavar="ACTION=NUMBER", help="What an action costs, in units of the reward."),
    ] = None,
    json: JsonOption = False,
) -> None:
    """Learn which action to take from one half of a randomised log, and judge that on the other.

    Beside it stand each constant action, uniform chance, the policy that logged, and Vowpal Wabbit where
    installed. All values are per decision, costs taken off.
    """
    from ebbtide import console
    from ebbtide.errors import InputError
    from ebbtide.jobs.action_table import Columns
    from ebbtide.jobs.evaluate_actions import evaluate_actions

    if not propensity:
        raise InputError(
            "--propensity: expected a column with the probability of each choice, or a number; found none. "
            "Without it nobody can tell what another policy would have got"
        )
    by_action = len(propensity) > 1 or "=" in propensity[0]
    chance = _numbers("--propensity", propensity) if by_action else propensity[0]
    names = tuple(dict.fromkeys(filter(None, (name.strip() for name in context.split(",")))))
    columns = Columns(action, reward, chance, names, customer)
    found = evaluate_actions(file, columns, _numbers("--cost", cost or []), progress=console.bar)
    if json:
        console.print_json(found.public())
        return
    console.out.print(_policies(found))
    console.out.print(_chosen(found), markup=False)
    for note in found.notes:
        console.out.print(note, markup=False)


@app.command(
    "recommendations",
    epilog="Example: ebbtide evaluate recommendations shop.csv "
    "--map customer=ID,time=DATE,order=NO,product=SKU --days 30",
)
def recommendations(
    file: Annotated[Path, typer.Argument(help="A log, as `ebbtide import` takes it.")],
    days: Annotated[int, typer.Option(min=1, help="The last days of the log, which are the test.")],
    mapping: MapOption = None,
    json: JsonOption = False,
) -> None:
    """Learn from all but the last days of a log, recommend ten products, and compare with six peers.

    All customers are tested on who bought both before and in the test. Figures are means over them; "new"
    counts only products that the customer never had, both recommended and bought. Nothing is kept.
    """
    from ebbtide import console
    from ebbtide.clock import system_clock
    from ebbtide.jobs.evaluate_recommendations import evaluate_recommendations
    from streaming.importing.importer import open_log
    from streaming.importing.mapping import parse_mapping

    log = open_log(file, parse_mapping(mapping) if mapping else None)
    found = evaluate_recommendations(log, days=days, clock=system_clock, progress=console.bar)
    if json:
        console.print_json(found.public())
        return
    console.out.print(_lists(found))
    for note in found.notes:
        console.out.print(note, markup=False)


def _lists(found: "RecommendationEvaluation") -> "Table":
    """Each model's figures, of any product and of new ones."""
    from rich.markup import escape
    from rich.table import Table

    table = Table(
        title=f"{escape(found.data)}: ten products each for {found.customers:,} customers, "
        f"{found.days} days from {found.cut} on; {found.customers_new:,} bought something new",
        title_justify="left",
    )
    table.add_column("model", no_wrap=True)
    for heading in ("recall@10", "NDCG@10", "hit@10", "new: recall@10", "new: NDCG@10"):
        table.add_column(heading, justify="right")
    for name, *values in (model.values() for model in found.models):
        table.add_row(name, *(f"{value:.4f}" for value in values))
    return table


def _numbers(option: str, given: list[str]) -> dict[str, float]:
    from ebbtide.errors import InputError

    numbers = {}
    for text in given:
        name, _, number = text.rpartition("=")
        try:
            numbers[name] = float(number)
        except ValueError:
            numbers[name] = float("nan")
        if not name or not isfinite(numbers[name]):
            raise InputError(f"{option}: expected ACTION=NUMBER, found {text!r}")
    return numbers


def _chosen(found: "ActionEvaluation") -> str:
    """How Ebbtide chose, and why: what the best policy by customer gained where it was learned."""
    name, gain = max(found.gains.items(), key=lambda item: item[1].low)
    surest = f"In the rows learned from, the surest policy by customer ({name})"
    chose = f"ebbtide chose by: {found.chosen}. {surest}"
    if gain.gain == gain.low == 0.0:
        return f"{chose} took the best constant action for everybody"
    proven = "beyond chance" if found.chosen in found.gains else "not beyond chance"
    mean, least = _figure(gain.gain, "+"), _figure(gain.low, "+")
    return (
        f"{chose} gained {mean} over the best constant action, with 90% confidence at least {least}: {proven}"
    )


def _figure(value: float, sign: str = "") -> str:
    """Four decimals of shares and small sums; of money in hundreds, as many as money has."""
    return f"{value:{sign},.4f}" if abs(value) < LARGE else f"{value:{sign},.2f}"


def _policies(found: "ActionEvaluation") -> "Table":
    """Each policy's estimates; of many constant actions the best ones."""
    from rich.markup import escape
    from rich.table import Table

    constant = [one for one in found.policies if one.name.startswith("always:")]
    shown = sorted(constant, key=lambda one: -one.dr)[:MOST_SHOWN]
    left_out = (
        f", the best {MOST_SHOWN} of {len(constant):,} constant actions" if len(shown) < len(constant) else ""
    )
    table = Table(
        title=f"{escape(found.data)}: value per decision in {found.judged_on:,} rows, learned from "
        f"{found.trained_on:,} others{left_out}",
        title_justify="left",
    )
    table.add_column("policy")
    for heading in ("IPS", "SNIPS", "DR", "DR, 95%", "effective rows"):
        table.add_column(heading, justify="right", no_wrap=True)
    for one in [one for one in found.policies if one not in constant] + shown:
        table.add_row(
            escape(one.name),
            *(_figure(value) for value in (one.ips, one.snips, one.dr)),
            f"{_figure(one.dr_low)} to {_figure(one.dr_high)}",
            f"{one.effective_sample_size:,.0f}",
        )
    return table
