"""The decision: from what is known of a customer to what to do next. Knows nothing of HTTP; time is given."""

from collections.abc import Sequence

from ebbtide.domain.action import NOTHING
from ebbtide.domain.decision import Reason, Receipt, Versions
from ebbtide.domain.ingest import iso
from ebbtide.errors import InputError, StoreError
from ebbtide.logs.contacts import Contacts, Reservation
from features import catalog, profile
from models.actions import ActionCatalogue, DecisionPoint
from models.assessment import assess
from models.choice import Situation, choose
from models.expressions import close_to, share
from models.kept import Keeper
from models.reasons import reasons
from models.recommendations import Recommender, Wanted
from models.remedies import rescored
from models.response_watcher import ResponseWatcher
from models.responses import Responses
from models.scorer import ChurnScorer, ModelWatcher
from models.triggers import Rules
from serving.answer import previous_stage, receipt
from serving.draft import Draft, Question
from serving.known import Knowledge, Known

NO_MODEL = "no churn model"


class Decider:
    """Decides from what is known of customers, the models in force and the policy. For one thread.

    Args:
        knowledge: of customers.
        models: the churn model in force.
        responses: the response model in force.
        recommender: of products.
        contacts: where the chosen action is reserved.
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
        keeper: Keeper,
        policy: ActionCatalogue,
        rules: Rules,
    ) -> None:
        self._knowledge = knowledge
        self._models = models
        self._responses = responses
        self._recommender = recommender
        self._contacts = contacts
        self._keeper = keeper
        self._actions = {action.id: action for action in policy.actions}
        self._rules = rules
        # Judged on one customer together, so that what they read is handed over once.
        share([*policy.conditions.values(), *(rule.when for rule in rules.rules if rule.of_a_state)])
        self.policy = policy

    def decide(self, questions: Sequence[Question], *, now: float) -> list[Receipt | Exception]:
        """Answer questions, each with what the answer was made from, in a few round trips for all.

        What is wrong with one question stands in the place of its answer: an InputError for a decision point
        that there is not, or an `as_of` before the customer's last event; a StoreError for a state that is
        not one of this catalog.

        Raises:
            redis.RedisError: the store cannot be reached.
        """
        known = self._knowledge.read([question.customer_id for question in questions], now)
        scorer, responses = self._models.refresh(now), self._responses.refresh(now)
        self._keeper.see(self.policy, scorer, responses)
        drafts = [
            self._drafted(question, found, scorer, responses, now)
            for question, found in zip(questions, known, strict=True)
        ]
        good = [draft for draft in drafts if isinstance(draft, Draft)]
        shown = iter(self._recommender.recommend(list(map(_wanted, good)), now=now))
        # Last of all that may fail, so that nothing is reserved in vain.
        self._reserve([draft for draft in good if not draft.question.test], responses)
        versions = Versions(
            catalog.VERSION,
            None if scorer is None else scorer.version,
            self.policy.version,
            None if responses is None else responses.version,
        )
        faults = self.model_faults(now)
        return [
            receipt(draft, next(shown), self._actions, self._rules, versions, faults)
            if isinstance(draft, Draft)
            else draft
            for draft in drafts
        ]

    def _drafted(
        self,
        question: Question,
        known: Known | StoreError,
        scorer: ChurnScorer | None,
        responses: Responses | None,
        now: float,
    ) -> Draft | Exception:
        if isinstance(known, StoreError):
            return known
        try:
            point = self._point(question.decision_point)
            _check_reach(question.as_of, known.state)
        except InputError as error:
            return error
        moment = now if question.as_of is None else question.as_of
        state = profile.new_state() if known.state is None else known.state
        vector = profile.vector(state, moment)
        assessment = assess(scorer, vector, previous_stage(state))
        situation = Situation(
            customer=known.customer,
            decision=question.decision_id,
            decision_point=question.decision_point,
            at=moment,
            vector=vector,
            assessment=assessment,
            context=question.context,
            reach=profile.reach(state),
            history=known.history,
        )
        limit = question.limit if point is None or point.limit is None else min(point.limit, question.limit)
        facts = situation.facts()
        choice = choose(self.policy, responses, situation, facts)
        draft = Draft(question, known, limit, situation, facts, choice)
        if question.explain and scorer is not None and assessment.churn is not None:
            draft.reasons = explained(scorer, state, vector, moment)
        return draft

    def _point(self, name: str) -> DecisionPoint | None:
        """The decision point of the policy; None where the policy names none, so that any name will do."""
        points = self.policy.decision_points
        if name not in points and len(points) > 1:
            known = ", ".join(points)
            raise InputError(
                f"`decisionPoint`: expected one of {known}, found {name!r}{close_to(name, points)}"
            )
        return points.get(name)

    def _reserve(self, drafts: Sequence[Draft], responses: Responses | None) -> None:
        """Reserve what was chosen. One who comes too late for a cap chooses again, from what is left."""
        while waiting := [draft for draft in drafts if draft.choice.chosen != NOTHING.id]:
            places = [
                Reservation(
                    draft.known.customer, draft.question.decision_id, self._actions[draft.choice.chosen]
                )
                for draft in waiting
            ]
            full = self._contacts.reserve_many(places, self.policy.contact.caps, waiting[0].situation.at)
            drafts = [draft for draft, cap in zip(waiting, full, strict=True) if cap is not None]
            histories = self._contacts.read([draft.known.customer for draft in drafts])
            for draft, history in zip(drafts, histories, strict=True):
                draft.situation = draft.situation._replace(history=history)
                draft.choice = choose(self.policy, responses, draft.situation, draft.facts)

    def warm_up(self, now: float) -> None:
        """Decide once for nobody, so that the first question waits for nothing.

        Raises:
            ModelError: the model cannot score this catalog.
            StoreError: a model cannot be read.
        """
        self.decide([Question("", test=True)], now=now)
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


def _wanted(draft: Draft) -> Wanted:
    state, moment = draft.known.state, draft.situation.at
    held = [] if state is None else profile.repertoire(state, moment)
    return Wanted(held, moment, draft.situation.assessment.stage, draft.limit)
