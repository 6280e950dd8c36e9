"""When the rules are judged, and what fires then."""

from ebbtide.domain.event import Event
from ebbtide.domain.trigger import STAGE_ENTERED
from features.profile import update
from models.triggers.moments import Moments, next_moment, take_in
from models.triggers.snapshot import Foretold
from models.triggers.trigger_file import load
from tests.models.triggers.passing import DAY, HOUR, START, Customer


def test_the_third_view_in_a_week_fires_and_a_purchase_starts_the_count_anew():
    customer = Customer(Moments(load()))
    for at in (0, 1, 2):
        customer.view(at * DAY)
    assert customer.rules() == ["viewed_not_bought"]
    assert customer.fired[-1].reason == "viewed tea 3 times in 7 days and did not buy it"
    assert customer.fired[-1].products == ("tea",)
    customer.order(3 * DAY)
    for at in (10, 11):
        customer.view(at * DAY)
    assert customer.rules("first_order_follow_up") == ["viewed_not_bought"]
    customer.view(12 * DAY)
    assert customer.rules("first_order_follow_up") == ["viewed_not_bought"] * 2


def test_a_reason_names_the_product_viewed_most_and_not_bought(rules):
    when = "when: profile.unbought_views_max >= 2, events: [silence]"
    customer = Customer(rules(f'{{id: browsing, {when}, reason: "keeps viewing {{viewed}}"}}'))
    for at in (0, 1):
        customer.view(at * HOUR)
    customer.do("Product Viewed", 2 * HOUR, product_id="pot")
    customer.wait(3 * DAY)
    assert [one.reason for one in customer.fired if one.rule == "browsing"] == ["keeps viewing tea"]


def test_a_cart_left_fires_an_hour_after_the_last_addition_and_not_after_an_order():
    customer = Customer(Moments(load()))
    customer.do("Product Added", 0, product_id="tea")
    customer.do("Product Added", 0.5 * HOUR, product_id="pot")
    customer.wait(1.4 * HOUR)
    assert customer.found() == []
    customer.wait(2 * HOUR)
    assert customer.found() == [("cart_left", "01:30")]
    assert customer.fired[-1].reason == "left a cart an hour ago: 2 products (pot, tea)"
    bought = Customer(Moments(load()))
    bought.do("Product Added", 0, product_id="tea")
    bought.order(0.5 * HOUR)
    bought.wait(3 * HOUR)
    assert bought.found() == []


def test_an_event_that_comes_first_finds_the_timer_that_nobody_saw():
    customer = Customer(Moments(load()))
    customer.do("Product Added", 0, product_id="tea")
    customer.do("Page Viewed", 5 * HOUR)
    assert customer.found() == [("cart_left", "01:00")]


def test_what_is_back_in_stock_fires_for_what_was_viewed_or_carted_and_not_bought():
    customer = Customer(Moments(load()))
    customer.view(0.0)
    customer.do("Product Added", 60.0, product_id="pot")
    for at, product in ((1, "ink"), (2, "tea"), (3, "pot"), (27, "pot")):
        customer.do("Product Back In Stock", at * HOUR, product_id=product)
    assert customer.found("cart_left") == [("back_in_stock", "02:00"), ("back_in_stock", "03:00")]
    customer.order(28 * HOUR, "tea")
    customer.do("Product Back In Stock", 60 * HOUR, product_id="tea")
    customer.do("Product Back In Stock", 61 * HOUR, product_id="pot")
    assert len(customer.found("cart_left")) == 2  # one was bought, and an order empties the cart


def test_silence_alone_fires_on_the_day_on_which_the_condition_turns_true():
    customer = Customer(Moments(load()))
    for day in range(0, 100, 10):
        customer.order(day * DAY)
    customer.wait(110 * DAY)
    assert customer.found("first_order_follow_up") == []
    customer.wait(200 * DAY)
    assert customer.found("first_order_follow_up") == [("going_quiet", "00:00")]
    [quiet] = [one for one in customer.fired if one.rule == "going_quiet"]
    assert quiet.stage == "slipping"


def test_mail_to_who_is_silent_breaks_no_silence():
    mailed, left_alone = (Customer(Moments(load())) for _ in range(2))
    for customer in (mailed, left_alone):
        for day in range(0, 100, 10):
            customer.order(day * DAY)
    for day in range(91, 200):
        mailed.wait((day + 0.4) * DAY)
        mailed.do("Email Delivered", (day + 0.4) * DAY)
    left_alone.wait(199.4 * DAY)
    assert mailed.fired == left_alone.fired
    assert "going_quiet" in mailed.rules()


def test_who_was_only_ever_mailed_is_looked_at_when_they_do_something():
    customer = Customer(Moments(load()))
    customer.do("Email Delivered", 0)
    customer.wait(300 * DAY)
    customer.do("Email Delivered", 400 * DAY)
    customer.do("Decision Outcome", 401 * DAY)
    assert [one.rule for one in customer.fired] == [STAGE_ENTERED]
    customer.view(402 * DAY)
    customer.wait(402.5 * DAY)
    assert next_moment(customer.state) == START + 403 * DAY


def test_what_becomes_of_a_decision_about_nobody_is_nothing_to_judge():
    customer = Customer(Moments(load()))
    customer.do("Decision Outcome", 0)
    assert (customer.fired, customer.state.memory) == ([], None)


def test_an_event_after_a_long_silence_finds_what_the_ticks_would_have_found():
    seen, missed = (Customer(Moments(load())) for _ in range(2))
    for customer in (seen, missed):
        for day in range(0, 100, 10):
            customer.order(day * DAY)
    seen.wait(300 * DAY)
    for customer in (seen, missed):
        customer.order(300 * DAY)
    assert seen.fired == missed.fired
    assert seen.state.memory == missed.state.memory


def test_a_rule_fires_again_only_after_its_condition_was_false(rules):
    customer = Customer(
        rules('{id: carts, when: profile.cart_items >= 2, cooldown: 0s, reason: "{cart_items}"}')
    )
    for at, product in enumerate(("a", "b", "c")):
        customer.do("Product Added", at * HOUR, product_id=product)
    assert customer.rules() == ["carts"]
    customer.order(4 * HOUR)
    for at, product in enumerate(("a", "b")):
        customer.do("Product Added", (5 + at) * HOUR, product_id=product)
    assert customer.rules() == ["carts", "carts"]


def test_a_rearm_condition_keeps_a_value_near_the_limit_from_firing_again(rules):
    churn = iter((0.72, 0.68, 0.72, 0.5, 0.72))
    when = "when: churn >= 0.7, rearm: churn < 0.6, cooldown: 0s, events: [Page Viewed]"
    moments = rules(
        f'{{id: high, {when}, reason: "{{churn}}"}}', churn=lambda state, now: Foretold(next(churn))
    )
    customer = Customer(moments)
    for at in range(5):
        customer.do("Page Viewed", at * HOUR)
    assert [(one.rule, one.reason) for one in customer.fired if one.rule == "high"] == [("high", "72%")] * 2


def test_within_the_cooldown_nothing_fires(rules):
    customer = Customer(
        rules("{id: low, when: event.score <= 6, events: [NPS Submitted], cooldown: 2d, reason: x}")
    )
    for day in (0, 1, 2, 3):
        customer.do("NPS Submitted", day * DAY, score=3.0)
    assert [one.fired_at[:10] for one in customer.fired if one.rule == "low"] == ["1972-09-27", "1972-09-29"]


def test_never_re_armed_is_once_in_a_life(rules):
    customer = Customer(
        rules("{id: once, when: profile.cart_items >= 1, rearm: never, reason: x, cooldown: 0s}")
    )
    for at in range(3):
        customer.do("Product Added", at * HOUR, product_id="a")
        customer.order((at + 0.5) * HOUR)
    assert customer.rules() == ["once"]


def test_what_holds_when_rules_come_into_force_does_not_fire(rules):
    customer = Customer(rules("{id: one, when: profile.cart_items >= 1, reason: x}"))
    customer.do("Product Added", 0, product_id="a")
    changed = "\n".join(f"{{id: {id_}, when: profile.cart_items >= 1, reason: y}}" for id_ in ("one", "two"))
    customer.moments = rules(changed, since=START + HOUR)
    customer.do("Page Viewed", 2 * HOUR)
    assert customer.rules() == ["one"]


def test_what_an_import_brought_does_not_fire():
    customer = Customer(Moments(load()))
    for day in range(0, 100, 10):
        update(customer.state, Event(f"i{day}", "c", "Order Completed", START + day * DAY))
    take_in(customer.state, START + 150 * DAY)
    assert next_moment(customer.state) == START + 153 * DAY
    customer.wait(160 * DAY)
    customer.do("Page Viewed", 161 * DAY)
    assert customer.rules() == []
    customer.wait(400 * DAY)
    assert [one.stage for one in customer.fired if one.rule == STAGE_ENTERED] == ["lost"]


def test_the_model_is_asked_every_third_day_of_silence_and_then_once_a_week(rules):
    asked = []

    def churn(state, now):
        asked.append(round((now - START) / DAY))
        return Foretold(0.1)

    customer = Customer(rules("{id: high, when: churn >= 0.7, events: [silence], reason: x}", churn=churn))
    customer.do("Page Viewed", 0)
    customer.wait(50 * DAY)
    assert asked == [*range(3, 28, 3), 35, 42, 49]
