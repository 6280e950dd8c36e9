"""The decision: from what is known of a customer to what to do next. Knows nothing of HTTP; time is given."""

from collections.abc import Iterator, Sequence
from functools import partial
from struct import Struct
from typing import NamedTuple

import numpy as np

from ebbtide.domain.action import NOTHING
from ebbtide.domain.decision import Reason, Versions
from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError, StoreError
from ebbtide.lines import Steps, finished
from ebbtide.logs.contacts import Contacts, Reservation
from ebbtide.logs.ledger import Entry, Ledger
from ebbtide.logs.receipts import Written, written
from features import catalog, profile
from models.actions.actions import ActionCatalogue, DecisionPoint
from models.actions.choice import Situation, choose
from models.actions.kept import Keeper
from models.actions.response_watcher import ResponseWatcher
from models.actions.responses import Responses
from models.churn.assessment import assess_many
from models.churn.scorer import ChurnScorer, ModelWatcher
from models.explain.reasons import reasons
from models.explain.remedies import rescored
from models.expressions import close_to, share
from models.recommendations.offering import Terms
from models.recommendations.recommendations import Recommender
from models.recommendations.wanted import Wanted
from models.triggers.triggers import Rules
from serving.answer import Answerer
from serving.draft import Draft, Question
from serving.known import Knowledge, Known

NO_MODEL = "no churn model"
_PART = 8
"""Decisions entered at once: Redis works on them while the next are made."""
_packed = Struct(f"<{len(catalog.NAMES)}d").pack


class _Asked(NamedTuple):
    """A question that makes sense: of whom, as of when (Unix seconds), and how much to show."""

    question: Question
    known: Known
    state: profile.State
    at: float
    limit: int


class Decider:
    """Decides from what is known of customers, the models in force and the policy. For one thread.

    Args:
        knowledge: of customers.
        models: the churn model in force.
        responses: the response model in force.
        recommender: of products.
        contacts: of the customers.
        ledger: where the chosen action is reserved and the receipt logged.
        keeper: keeps the versions that decisions are made with.
        policy: the actions and the rules for them.
        rules: of triggers.
    """

    def __init__(
        self,
        *,
        knowledge: Knowledge,
        models: ModelWatcher,
        responses: ResponseWatcher,
        recommender: Recommender,
        contacts: Contacts,
        ledger: Ledger,
        keeper: Keeper,
        policy: ActionCatalogue,
        rules: Rules,
    ) -> None:
        self._knowledge = knowledge
        self._models = models
        self._responses = responses
        self._recommender = recommender
        self._contacts, self._ledger = contacts, ledger
        self._keeper = keeper
        self._actions = {action.id: action for action in policy.actions}
        self._rules = rules
        # Judged on one customer together, so that what they read is handed over once.
        share([*policy.conditions.values(), *(rule.when for rule in rules.rules if rule.of_a_state)])
        self.policy = policy

    def decide(self, questions: Sequence[Question], *, now: float) -> Steps[list[Written | Exception]]:
        """Answer questions, each with what the answer was made from, in two round trips for most.

        Others may be answered while Redis is waited for.

        Unless it is a test, what was chosen is reserved and the receipt logged; that of one asked `once` is
        left to be logged. What is wrong with one question stands in the place of its answer: an InputError
        for a decision point that there is not, or an `as_of` before the customer's last event; a StoreError
        for a state that is not one of this catalog.

        Raises:
            redis.RedisError: the store cannot be reached.
        """
        known = yield from self._knowledge.read([question.customer_id for question in questions], now)
        scorer, responses = self._models.refresh(now), self._responses.refresh(now)
        self._keeper.see(self.policy, scorer, responses)
        asked = [self._asked(question, found, now) for question, found in zip(questions, known, strict=True)]
        drafts = self._drafts([one for one in asked if isinstance(one, _Asked)], scorer)
        shown = self._recommender.recommend(list(map(self._wanted, drafts)), now=now)
        for draft, products in zip(drafts, shown, strict=True):
            draft.products = products
        versions = Versions(
            catalog.VERSION,
            None if scorer is None else scorer.version,
            self.policy.version,
            None if responses is None else responses.version,
        )
        answerer = Answerer(self._actions, self.policy.contact, self._rules, versions, self.model_faults(now))
        answers = iter((yield from self._entered(drafts, answerer, responses)))
        return [next(answers) if isinstance(one, _Asked) else one for one in asked]

    def _asked(self, question: Question, known: Known | StoreError, now: float) -> "_Asked | Exception":
        if isinstance(known, StoreError):
            return known
        try:
            point = self._point(question.decision_point)
            _check_reach(question.as_of, known.state)
        except InputError as error:
            return error
        limit = question.limit if point is None or point.limit is None else min(point.limit, question.limit)
        state = profile.new_state() if known.state is None else known.state
        return _Asked(question, known, state, now if question.as_of is None else question.as_of, limit)

    def _drafts(self, asked: Sequence["_Asked"], scorer: ChurnScorer | None) -> list[Draft]:
        """Draft the answers, with the churn model asked once for all."""
        vectors = [profile.vector(one.state, one.at) for one in asked]
        packed = [_packed(*vector) for vector in vectors]
        matrix = np.frombuffer(b"".join(packed), dtype="<f8").reshape(len(vectors), len(catalog.NAMES))
        before = [profile.last_stage(one.state) for one in asked]
        drafts = []
        for one, vector, signals, assessment in zip(
            asked, vectors, packed, assess_many(scorer, vectors, matrix, before), strict=True
        ):
            question, known = one.question, one.known
            situation = Situation(
                customer=known.customer,
                decision=question.decision_id,
                decision_point=question.decision_point,
                at=one.at,
                vector=vector,
                assessment=assessment,
                context=question.context,
                reach=profile.reach(one.state),
                history=known.history,
            )
            draft = Draft(question, known, one.limit, situation, situation.facts(), signals)
            if question.explain and scorer is not None and assessment.churn is not None:
                draft.reasons = explained(scorer, one.state, vector, one.at)
            drafts.append(draft)
        return drafts

    def _point(self, name: str) -> DecisionPoint | None:
        """The decision point of the policy; None where the policy names none, so that any name will do."""
        points = self.policy.decision_points
        if name not in points and len(points) > 1:
            known = ", ".join(points)
            raise InputError(
                f"`decisionPoint`: expected one of {known}, found {name!r}{close_to(name, points)}"
            )
        return points.get(name)

    def _wanted(self, draft: Draft) -> Wanted:
        """What to show, on the terms of the decision point."""
        points = self.policy.decision_points
        return _wanted(draft, points.get(draft.question.decision_point, points["default"]).terms)

    def _entered(
        self, drafts: Sequence[Draft], answerer: Answerer, responses: Responses | None
    ) -> Steps[list[Written]]:
        """Choose, write the answers and enter them; who comes too late for a cap chooses again."""
        answers: dict[int, Written] = {}

        def parts(places: Sequence[int], again: bool) -> Iterator[list[Entry]]:
            for start in range(0, len(places), _PART):
                entries = []
                for place in places[start : start + _PART]:
                    draft = drafts[place]
                    draft.choice = choose(self.policy, responses, draft.situation, draft.facts)
                    answers[place] = written(answerer.receipt(draft))
                    entries.append(self._entry(draft, answers[place], again))
                yield entries

        places: Sequence[int] = range(len(drafts))
        full = yield from self._ledger.enter(partial(parts, places, again=False))
        while places := [place for place, cap in zip(places, full, strict=True) if cap is not None]:
            histories = self._contacts.read([drafts[place].known.customer for place in places])
            for place, history in zip(places, histories, strict=True):
                drafts[place].situation = drafts[place].situation._replace(history=history)
            full = yield from self._ledger.enter(partial(parts, places, again=True))
        return [answers[place] for place in range(len(drafts))]

    def _entry(self, draft: Draft, answer: Written, again: bool) -> Entry:
        question, chosen = draft.question, draft.choice.chosen
        if question.test:
            return Entry(None, None)
        place = None
        if chosen != NOTHING.id:
            action = self._actions[chosen]
            at = draft.situation.sent_at(action, self.policy.contact)
            place = Reservation(draft.known.customer, question.decision_id, action, at)
        return Entry(place, None if question.once else answer, again)

    def warm_up(self, now: float) -> None:
        """Decide once for nobody, so that the first question waits for nothing.

        Raises:
            ModelError: the model cannot score this catalog.
            StoreError: a model cannot be read.
        """
        finished(self.decide([Question("", test=True)], now=now))
        scorer = self._models.refresh(now)
        if scorer is not None:
            state = profile.new_state()
            explained(scorer, state, profile.vector(state, now), now)

    def model_version(self, now: float) -> str | None:
        """Return the version of the churn model in force, None if there is none."""
        scorer = self._models.refresh(now)
        return None if scorer is None else scorer.version

    def model_faults(self, now: float) -> tuple[str, ...]:
        """Return what is wrong with the models: there is none of churn, the newest of one cannot be used."""
        absent = [NO_MODEL] if self._models.refresh(now) is None else []
        found = (self._models.fault, self._responses.fault)
        return (*absent, *(fault for fault in found if fault is not None))


def explained(
    scorer: ChurnScorer, state: profile.State, vector: list[float], moment: float
) -> tuple[Reason, ...]:
    """The reasons of a churn probability, with what could be done about them; takes 2 ms."""
    told = reasons(vector, scorer.contributions(vector))
    return rescored(told, state, moment, scorer.predict_one)


def _check_reach(as_of: float | None, state: profile.State | None) -> None:
    if as_of is not None and state is not None and as_of < state.last_at:
        raise InputError(
            f"`asOf`: expected a time from the customer's last event on ({iso(state.last_at)}), "
            f"found {iso(as_of)}; a state cannot be taken back"
        )


def _wanted(draft: Draft, terms: Terms) -> Wanted:
    known, moment, stage = draft.known, draft.situation.at, draft.situation.assessment.stage
    state = known.state
    if state is None:
        return Wanted((), moment, stage, draft.limit, ranked=known.ranked, terms=terms, facts=draft.facts)
    newcomer, country = profile.segment(state)
    return Wanted(
        profile.repertoire(state, moment),
        moment,
        stage,
        draft.limit,
        ranked=known.ranked,
        cart=profile.in_cart(state),
        viewed=profile.viewed(state, moment),
        newcomer=newcomer,
        country=country,
        last_at=state.last_at,
        terms=terms,
        facts=draft.facts,
    )
