"""The plot of stages counts each customer once, in the stage of that day."""

from ebbtide.domain.customer import Stage
from ebbtide.domain.trigger import STAGE_ENTERED, Fired
from models.evaluation.stage_plot import COLOURS, counted, drawn


def moved(customer, day, stage):
    return Fired("t", customer, STAGE_ENTERED, f"2026-01-{day:02}T12:00:00Z", "", "", stage, "m")


MOVES = [moved("a", 1, "new"), moved("b", 2, "new"), moved("a", 4, "active"), moved("b", 6, "slipping")]


def test_every_customer_known_is_in_one_stage_on_each_day():
    midnights, base = counted(MOVES)
    assert len(midnights) == 6
    assert base[Stage.NEW].tolist() == [1, 2, 2, 1, 1, 0]
    assert base[Stage.ACTIVE].tolist() == [0, 0, 0, 1, 1, 1]
    assert base[Stage.SLIPPING].tolist() == [0, 0, 0, 0, 0, 1]


def test_every_stage_has_a_colour():
    assert set(COLOURS) == set(Stage)


def test_the_picture_names_the_log_and_how_many_there_are():
    [axes] = drawn(MOVES, "shop.csv").axes
    assert axes.get_title(loc="left") == "Stages over time: shop.csv, 2 customers at the end"
