"""The documentation says what the code does: names, units, stages, verbs, options, routes, settings."""

import json
import math
import re
import shlex
from collections.abc import Iterator
from itertools import dropwhile, takewhile
from pathlib import Path

import pytest
import typer.main

from ebbtide.cli import app
from ebbtide.domain import item
from ebbtide.domain.customer import Stage
from ebbtide.domain.event import (
    Campaign,
    Device,
    EventError,
    Location,
    Product,
    Properties,
    decode,
)
from ebbtide.settings import Settings
from features import lifecycle, profile
from features.catalog import DESCRIPTIONS, NAMES, SIGNALS
from models.triggers.trigger_file import load as load_triggers
from serving.metrics import Metrics

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
EVENTS, FEATURES, OPERATING = DOCS / "events.md", DOCS / "features.md", DOCS / "operating.md"
TRIGGERS, RECOMMENDATIONS = DOCS / "triggers.md", DOCS / "recommendations.md"
PAGES = [page for page in (ROOT / "README.md", *sorted(DOCS.rglob("*.md"))) if page.exists()]
OPENAPI = ROOT / "tests" / "serving" / "golden" / "openapi.json"
ROUTES = [
    (method.upper(), path)
    for path, methods in json.loads(OPENAPI.read_text())["paths"].items()
    for method in methods
]
VERBS = {
    words: command
    for verb, group in typer.main.get_command(app).commands.items()
    for words, command in (
        {f"{verb} {word}": each for word, each in group.commands.items()}
        if hasattr(group, "commands")
        else {verb: group}
    ).items()
}
"""Each command by its words: `import`, `verify parity`."""
VALUE_ROW = re.compile(
    r"^\| `(?P<name>\w+)` \| (?P<unit>[^|]+) \| (?P<meaning>[^|]+) \| (?P<missing>[^|]+) \|$", re.MULTILINE
)
TITLES = re.compile(r"^#+ (.+)$", re.MULTILINE)
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")


def name_of(page):
    return str(page.relative_to(ROOT))


def values():
    return {row["name"]: row for row in VALUE_ROW.finditer(FEATURES.read_text())}


def table(page, heading):
    """The cells of each row of the first table after a heading, its head left out."""
    lines = iter(page.read_text().split(f"\n{heading}\n", 1)[1].splitlines())
    rows = takewhile(
        lambda line: line.startswith("|"), dropwhile(lambda line: not line.startswith("|"), lines)
    )
    return [[cell.strip() for cell in row.strip("|").split(" | ")] for row in list(rows)[2:]]


def test_the_values_of_the_catalog_stand_in_the_docs_in_their_order():
    assert list(values()) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_value_stands_in_the_docs_with_its_unit(name):
    assert values()[name]["unit"] == DESCRIPTIONS[name].partition(":")[0]


@pytest.mark.parametrize("name", NAMES)
def test_what_the_docs_call_never_missing_is_known_of_a_customer_not_seen(name):
    seen_nothing = profile.named(profile.vector(profile.new_state(), 0.0))[name]
    assert (values()[name]["missing"] == "never") == (not math.isnan(seen_nothing))


@pytest.mark.parametrize("signal", SIGNALS)
def test_a_signal_has_a_chapter_of_its_own(signal):
    assert signal in TITLES.findall(FEATURES.read_text())


def test_the_rules_of_the_stages_name_every_stage_and_the_limits_in_force():
    rules = [(row[1].strip("`"), row[2]) for row in table(FEATURES, "## The stages of a customer's life")]
    assert {stage for stage, _ in rules} == set(Stage)
    told = dict(rules)
    assert told["lost"].endswith(f"over {lifecycle.LOST:g}")
    assert told["dormant"].endswith(f"over {lifecycle.DORMANT:g}")
    early = f"lag over {lifecycle.OVERDUE:g} and a risk of {lifecycle.AT_RISK:g} or more"
    assert told["slipping"] == f"lag over {lifecycle.SLIPPING:g}; or {early}"
    assert f"the risk falls under {lifecycle.RELIEVED:g}" in FEATURES.read_text()
    assert f"over {lifecycle.DORMANT:g} of the paces" in told["won_back"]
    assert f"fewer than {lifecycle.NEW_DAYS} days" in told["new"]
    assert told["loyal"].startswith(f"{lifecycle.LOYAL_DAYS} or more days")
    assert f"{lifecycle.LOYAL_TENURE:g} days or more" in told["loyal"]


def test_the_example_of_a_profile_runs():
    [code] = [code for kind, code in FENCE.findall(FEATURES.read_text()) if "new_state" in code]
    found = {}
    exec(code, found)
    assert found["values"]["orders_total"] == 1.0


def test_the_events_that_signals_listen_to_stand_in_the_docs():
    told = {
        name for row in table(EVENTS, "## What is read") for name in re.findall(r"`([A-Z][^`]+)`", row[0])
    }
    assert told == {name for signal in SIGNALS.values() for name in signal.EVENTS or ()}


def test_the_properties_and_the_fields_of_products_stand_in_the_docs_in_their_order():
    for heading, kind in (("### Properties", Properties), ("### Products", Product)):
        assert [row[0].strip("`") for row in table(EVENTS, heading)] == list(kind.__struct_fields__)


@pytest.mark.parametrize("row", table(EVENTS, "### Properties"), ids=lambda row: row[0])
def test_a_property_is_as_strict_as_the_docs_say(row):
    call = {"type": "track", "event": "x", "userId": "c", "messageId": "m", "timestamp": 0}
    call["properties"] = {row[0].strip("`"): {"neither": "text nor number"}}
    try:
        decode(json.dumps(call).encode())
    except EventError:
        assert row[2] == "strict"
    else:
        assert row[2] == "lenient"


def test_the_context_that_is_read_stands_in_the_docs():
    told = {row[0].strip("`") for row in table(EVENTS, "### Context and traits")}
    context = {
        f"context.{part}.{name}"
        for part, kind in (("device", Device), ("campaign", Campaign), ("location", Location))
        for name in kind.__struct_fields__
    }
    assert {name for name in told if name.startswith("context.")} == context


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_stands_in_the_docs(verb):
    assert f"`ebbtide {verb}`" in {row[0] for row in table(OPERATING, "## The verbs")}


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_a_route_stands_in_the_docs_with_a_call(method, path):
    calls = [
        line
        for kind, block in FENCE.findall(OPERATING.read_text())
        if kind == "bash"
        for line in block.splitlines()
    ]
    place = f"$A{path}".replace("{decision_id}", "$ID").replace("{item_id}", "tea-100")
    found = [line for line in calls if line.startswith("curl") and place in line.split()]
    assert list(map(_method, found)).count(method) == 1


def _method(call):
    """The method of a call with curl."""
    named = re.search(r" -X ([A-Z]+) ", call)
    return named[1] if named else "POST" if " -d " in call else "GET"


def test_the_fields_of_an_item_stand_in_the_docs_in_their_order():
    assert [row[0].strip("`") for row in table(RECOMMENDATIONS, "## Items")] == list(item.FIELDS)


@pytest.mark.parametrize("name", Settings.model_fields)
def test_a_setting_stands_in_the_docs_with_its_default(name):
    rows = {row[0].strip("`"): row[1] for row in table(OPERATING, "## Settings")}
    default = Settings.model_fields[name].default
    expected = "unset" if default is None else f"`{default}`"
    assert rows[f"EBBTIDE_{name.upper()}"].startswith(expected)


def test_every_metric_stands_in_the_docs():
    rows = {row[0].strip("`") for row in table(OPERATING, "## Health checks and metrics")}
    kinds = {metric.name: metric.type for metric in Metrics().registry.collect()}
    assert rows == {f"{name}_total" if kind == "counter" else name for name, kind in kinds.items()}


def test_the_triggers_in_force_stand_in_the_docs_in_their_order():
    told = [row[0].strip("`") for row in table(TRIGGERS, "## The eleven that ship")]
    assert told == list(load_triggers().by_id)


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_link_leads_to_a_page_and_a_chapter_that_exist(page):
    for link in LINK.findall(page.read_text()):
        if "://" in link:
            continue
        path, _, chapter = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), link
        if chapter:
            assert chapter in {_anchor(title) for title in TITLES.findall(target.read_text())}, link


def test_every_page_can_be_found_from_the_index():
    linked = {(DOCS / link).resolve() for link in LINK.findall((DOCS / "README.md").read_text())}
    assert {page for page in DOCS.rglob("*.md") if page.name != "README.md"} <= linked


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_command_uses_a_verb_and_options_that_exist(page):
    for words in _commands(page.read_text()):
        options = [word.partition("=")[0] for word in words if word.startswith("-")]
        verb = next((" ".join(words[:count]) for count in (2, 1) if " ".join(words[:count]) in VERBS), None)
        assert verb or words[0].startswith("-"), words
        known = {"--version", "--help", "-h"} if verb is None else _options(verb)
        assert set(options) <= known, words


def test_commands_are_found_behind_prompts_settings_and_other_commands():
    line = "$ A=b .venv/bin/ebbtide import a.csv \\\n    --map a=b | cat && ebbtide train --json"
    text = f"```console\n{line}  # it's a comment\n```"
    assert list(_commands(text)) == [["import", "a.csv", "--map", "a=b"], ["train", "--json"]]


def _anchor(title):
    """The name that GitHub gives to a heading."""
    return re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")


def _options(verb):
    params = VERBS[verb].params
    return {"--help", "-h"} | {opt for param in params for opt in (*param.opts, *param.secondary_opts)}


def _commands(text) -> Iterator[list[str]]:
    """The words behind `ebbtide` of each command in the shell blocks of a page, and in its code words."""
    blocks = [body.replace("\\\n", " ") for kind, body in FENCE.findall(text) if kind in ("bash", "console")]
    inline = [code for code in re.findall(r"`(ebbtide [^`]+)`", FENCE.sub("", text)) if "VERB" not in code]
    for line in [line for block in (*blocks, *inline) for line in block.splitlines() if "ebbtide" in line]:
        words: list[str] | None = None
        for word in [*_words(line), ";"]:
            if word in ("&&", "||", "|", ";", "&", ">", "2>"):
                if words is not None:
                    yield words
                words = None
            elif words is not None:
                words.append(word)
            elif Path(word).name == "ebbtide":
                words = []


def _words(line):
    lexer = shlex.shlex(line.removeprefix("$ "), posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    return list(lexer)
