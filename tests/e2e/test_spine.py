"""From somebody's purchase log to decisions over HTTP, as a new user would do it."""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx2 as httpx
import pytest

LOG = Path(__file__).parents[3] / "shared" / "data" / "online_retail.parquet"
MAPPING = (
    "customer=CustomerID,time=InvoiceDate,order=InvoiceNo,product=StockCode,name=Description,"
    "quantity=Quantity,price=UnitPrice"
)
CHROMIUM = shutil.which("chromium")

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(600),
    pytest.mark.skipif(
        not LOG.exists(), reason="needs ../shared/data/online_retail.parquet beside the checkout"
    ),
]


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A working folder with the log imported and a model trained."""
    folder = tmp_path_factory.mktemp("work")
    run(folder, "import", str(LOG), "--map", MAPPING, "--shift-to-now")
    run(folder, "train", "--horizon", "60", "--active", "120")
    return folder


def environment(folder):
    kept = {key: value for key, value in os.environ.items() if not key.startswith("EBBTIDE_")}
    return {**kept, "EBBTIDE_HOME": str(folder)}


def run(folder, *arguments):
    command = [sys.executable, "-m", "ebbtide", *arguments]
    done = subprocess.run(command, env=environment(folder), capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def api(home):
    """The API over that folder, as its own process; its client."""
    command = [sys.executable, "-m", "ebbtide", "serve", "--port", "0"]
    with subprocess.Popen(command, env=environment(home), stdout=subprocess.PIPE, text=True) as process:
        address = process.stdout.readline().split(": ", 1)[1].split()[0]
        try:
            with httpx.Client(base_url=address) as client:
                yield client
        finally:
            process.terminate()


def decide(api, customer, **more):
    answer = api.post("/v1/decisions", json={"customerId": customer, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_loyal_customer_and_one_long_gone_get_decisions_that_differ_as_they_should(api):
    loyal, gone = (decide(api, customer, explain=True) for customer in ("14911", "12346"))
    assert (loyal["stage"], gone["stage"]) == ("loyal", "lost")
    assert loyal["churn"]["probability"]["60"] < 0.2 < gone["churn"]["probability"]["60"]
    assert loyal["actions"][0]["id"] != gone["actions"][0]["id"]
    for decision in (loyal, gone):
        assert decision["known"]
        assert decision["churn"]["reasons"]
        assert decision["recommendations"]
        assert decision["versions"]["model"]


def test_a_stranger_gets_a_newcomers_decision(api):
    stranger = decide(api, "nobody-yet")
    assert (stranger["known"], stranger["stage"], stranger["churn"]) == (False, "new", None)
    assert stranger["recommendations"]


def test_an_order_sent_live_changes_the_next_decision(api, home):
    before = decide(api, "12346")
    key = (home / "write_key").read_text()
    order = {"userId": "12346", "event": "Order Completed", "properties": {"revenue": 20}}
    assert api.post("/v1/track", json=order, auth=(key, "")).status_code == 200
    run(home, "stream", "--once")
    after = decide(api, "12346")
    assert (before["stage"], after["stage"]) == ("lost", "won_back")
    assert after["churn"]["probability"] != before["churn"]["probability"]


def test_every_part_is_well(home, api):
    findings = json.loads(run(home, "check", "--json"))
    assert all(finding["ok"] for finding in findings), findings
    assert api.get("/readyz").status_code == 200


@pytest.mark.skipif(CHROMIUM is None, reason="needs chromium")
def test_the_docs_page_shows_the_routes_in_a_browser(api):
    with tempfile.TemporaryDirectory() as profile:
        shown = subprocess.run(
            [
                *(CHROMIUM, "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                *(f"--user-data-dir={profile}", "--virtual-time-budget=15000", "--dump-dom"),
                f"{api.base_url}/docs",
            ],
            capture_output=True,
            text=True,
            check=True,
            timeout=90,
        ).stdout
    for route in ("/v1/decisions", "/v1/batch", "/readyz"):
        assert f'data-path="{route}"' in shown
