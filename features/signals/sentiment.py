"""Sentiment of a text: the compound score of VADER, from -1 (most negative) to 1 (most positive).

Hutto and Gilbert, "VADER: A Parsimonious Rule-based Model for Sentiment Analysis of Social Media Text",
ICWSM 2014. It is made for English; words that it does not know count as neutral.
"""

from functools import cache

from vaderSentiment.vaderSentiment import SentimentIntensityAnalyzer

CHARACTERS = 1_000
"""What is read of a text, from its beginning: VADER's time grows with the square of the length."""


@cache
def _analyzer() -> SentimentIntensityAnalyzer:
    return SentimentIntensityAnalyzer()


def sentiment(text: str) -> float:
    """The compound score of a text.

    >>> sentiment("The tea is great!"), sentiment("Late again, and rude."), sentiment("Tea.")
    (0.6588, -0.4588, 0.0)
    """
    return float(_analyzer().polarity_scores(text[:CHARACTERS])["compound"])
