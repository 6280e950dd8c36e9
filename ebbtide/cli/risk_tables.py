"""What `alerts` and `score` show on a terminal."""

from collections.abc import Sequence

from rich.markup import escape
from rich.table import Table

from ebbtide.domain.alert import Alert, Status
from ebbtide.jobs.score import ScoreResult


def alerts_table(alerts: Sequence[Alert], status: Status, *, more: bool) -> Table:
    """One row an alert: who, how likely, what is at stake, until when, and the strongest reason."""
    title = f"{len(alerts)} alerts, {status.value}" + ("; there are more, see --limit" if more else "")
    table = Table(title=title, title_justify="left")
    table.add_column("customer")
    for heading in ("risk", "value at risk"):
        table.add_column(heading, justify="right")
    for heading in ("stage", "raised", "closes" if status is Status.OPEN else "cleared", "because"):
        table.add_column(heading)
    for alert in alerts:
        end = alert.closes_at if alert.cleared_at is None else f"{_day(alert.cleared_at)}, {alert.cleared_by}"
        table.add_row(
            escape(alert.customer_id),
            f"{alert.probability:.0%}",
            f"{alert.value_at_risk:,.2f}",
            alert.stage.value,
            _day(alert.raised_at),
            end if alert.cleared_at else _day(end),
            escape(_because(alert)),
        )
    return table


def alert_line(alert: Alert) -> str:
    """One alert as one line."""
    what = f"cleared by {alert.cleared_by}" if alert.cleared_by else f"at risk, {alert.probability:.0%}"
    moment = alert.cleared_at or alert.raised_at
    return escape(
        f"{moment}  {alert.customer_id}: {what}; {alert.value_at_risk:,.2f} at stake; {_because(alert)}"
    )


def score_summary(result: ScoreResult) -> str:
    """A few lines on a sweep."""
    stages = ", ".join(f"{count:,} {stage}" for stage, count in result.stages.items())
    lines = [f"{result.customers:,} customers, model {result.model}: {stages or 'none'}"]
    if result.mean_probability is not None:
        lines.append(
            f"mean probability of churn within {result.horizon} days: {result.mean_probability:.1%}, "
            f"over the {result.judged:,} who can be judged; value at risk: {result.value_at_risk:,.2f}"
        )
    if result.out is not None:
        lines.append(f"written to {result.out}")
    return escape("\n".join(lines))


def at_risk_table(result: ScoreResult) -> Table:
    """Those with the most value at risk."""
    table = Table(title="most value at risk", title_justify="left")
    table.add_column("customer")
    table.add_column("stage")
    for heading in ("risk", "value at risk"):
        table.add_column(heading, justify="right")
    for each in result.top:
        risk, value = f"{each.probability:.0%}", f"{each.value_at_risk:,.2f}"
        table.add_row(escape(each.customer), each.stage, risk, value)
    return table


def _day(moment: str) -> str:
    return moment[:10]


def _because(alert: Alert) -> str:
    return alert.reasons[0].text if alert.reasons else ""
