"""A mixture of experts that give probabilities: it listens most to whoever has been right.

Each expert's weight is its share at the start times the probability that it gave to what came, which is
exp(-its cumulative log loss). So the mixture's own log loss exceeds that of the best expert by at most
ln(1 / its share at the start) in total, however many labels there are (Vovk 1998, "A game of prediction with
expert advice"; he and the others count labels known before the next prediction). A small share goes back to
the start with each label, so that the best expert may change (Herbster and Warmuth 1998, "Tracking the best
expert").
"""

from collections.abc import Sequence

TRUST = 0.999
"""Share of the first expert at the start: the others must earn theirs, which costs ln(1,000) = 7 at most."""
SHARE = 1e-5
"""Share of the weights that goes back to the start with each label."""
ROUNDING = 1e-9
"""Probabilities nearer than this say the same."""


class Mixture:
    """Weights over experts, of whom the first is trusted until another has proved better.

    Args:
        experts: how many; at least two.
    """

    def __init__(self, experts: int) -> None:
        rest = (1.0 - TRUST) / (experts - 1)
        self._start = [TRUST, *[rest] * (experts - 1)]
        self.weights = list(self._start)
        """One per expert; they add up to 1."""
        self.judged = False
        """Whether anything is known of the others: a label came of which they had said something else."""

    def mix(self, probabilities: Sequence[float]) -> float:
        """Give the mixture's probability, from each expert's; the first one's until the others are judged."""
        if not self.judged:
            return probabilities[0]
        return sum(
            weight * probability for weight, probability in zip(self.weights, probabilities, strict=True)
        )

    def learn(self, probabilities: Sequence[float], churned: bool) -> None:
        """Weigh the experts anew by what they said (strictly between 0 and 1) of a label now known."""
        self.judged = self.judged or max(probabilities) - min(probabilities) > ROUNDING
        given = [
            weight * (probability if churned else 1.0 - probability)
            for weight, probability in zip(self.weights, probabilities, strict=True)
        ]
        total = sum(given)
        self.weights = [
            (1.0 - SHARE) * each / total + SHARE * start
            for each, start in zip(given, self._start, strict=True)
        ]

    def reset(self) -> None:
        """Forget who was right."""
        self.weights, self.judged = list(self._start), False
