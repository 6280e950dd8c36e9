"""The command line as a user meets it: processes, exit codes, one line per error."""

import json
import os
import subprocess
import sys

import pytest

from ebbtide.jobs.models import Promoted

CSV = "id,when,no,sum\n" + "".join(
    f"c{n % 40},2026-0{1 + n % 6}-{1 + n % 28:02},{n},{n % 50}\n" for n in range(400)
)


@pytest.fixture
def ebbtide(tmp_path):
    """Runs `ebbtide ARGUMENTS` in a fresh working folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("EBBTIDE_")}

    def run(*arguments, **changes):
        return subprocess.run(
            [sys.executable, "-m", "ebbtide", *arguments],
            cwd=tmp_path,
            env={**environment, **changes},
            capture_output=True,
            text=True,
            check=False,
        )

    (tmp_path / "shop.csv").write_text(CSV)
    return run


def one_line(result):
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    lines = [line for line in result.stderr.splitlines() if line.startswith("ebbtide: ")]
    assert len(lines) == 1
    return lines[0]


def test_help_imports_nothing_heavy():
    code = "import sys; sys.argv = ['ebbtide', '--help']\nfrom ebbtide.cli import main\n"
    code += "try: main()\nexcept SystemExit: pass\n"
    code += "print([name for name in ('numpy', 'redis', 'feast', 'pydantic') if name in sys.modules])"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.splitlines()[-1] == "[]"
    assert "import" in said


def test_an_import_then_a_check_says_what_is_there_and_what_is_not(ebbtide):
    imported = ebbtide("import", "shop.csv", "--map", "customer=id,time=when,order=no,value=sum", "--json")
    assert imported.returncode == 0, imported.stderr
    assert json.loads(imported.stdout)["report"]["events"] == {"Order Completed": 400}
    checked = ebbtide("check", "--json")
    findings = {finding["part"]: finding for finding in json.loads(checked.stdout)}
    assert checked.returncode == 1
    assert findings["features"]["text"].startswith("40 customers")
    assert not findings["model"]["ok"]
    assert "ebbtide train" in findings["model"]["text"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("import", "absent.csv", "--map", "customer=id,time=when"), "absent.csv: no such file"),
        (
            ("import", "shop.csv", "--map", "customer=id,time=date"),
            "no column date; the columns are: id, when, no, sum",
        ),
        (("import", "shop.csv"), "say which column is what"),
        (("import", "shop.csv", "--map", "customer=id,time=when,colour=no"), "colour"),
        (("train",), "no history to train on"),
    ],
)
def test_wrong_input_is_one_clear_line(ebbtide, arguments, expected):
    assert expected in one_line(ebbtide(*arguments))


def test_a_file_that_cannot_be_written_is_one_clear_line():
    code = "from pathlib import Path; from ebbtide import cli\n"
    code += "cli.app = lambda: Path('/no/where.html').write_text('x')\ncli.main()\n"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert one_line(said).startswith(
        "ebbtide: /no/where.html: expected a file or folder that can be used, found"
    )


def test_no_redis_where_one_is_set_is_one_clear_line(ebbtide):
    line = one_line(ebbtide("check", EBBTIDE_REDIS_URL="redis://127.0.0.1:1"))
    assert "none answers at redis://127.0.0.1:1" in line


def test_a_wrong_setting_is_one_clear_line(ebbtide):
    assert "EBBTIDE_PORT" in one_line(ebbtide("check", EBBTIDE_PORT="x"))


def test_too_little_history_to_train_on_is_said_with_what_there_is(ebbtide):
    ebbtide("import", "shop.csv", "--map", "customer=id,time=when,order=no,value=sum")
    assert "expected a log of at least 181 days" in one_line(ebbtide("train", "--horizon", "60"))


def test_a_champion_of_another_horizon_is_told_of():
    assert "risk" not in Promoted("2", "2-ab", 60, 60).told
    assert "risk" not in Promoted("1", "1-ab", 60, None).told
    other = Promoted("2", "2-ab", 30, 60).told
    assert "its risk is of 30 days, that of the champion before was of 60" in other
