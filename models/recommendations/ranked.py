"""The ranked list of a customer, as it lies in Redis: what they are likely to buy, how likely, and why.

A list is made by `models.recommendations.ranker` when it trains, and says when it was made. Seven bytes and
the id for each product; MessagePack.
"""

from array import array
from collections.abc import Sequence
from struct import Struct

import msgspec

from ebbtide.errors import StoreError
from features.signals.daily import DAY
from models.recommendations.shown import Alike, Own, Popular, Shown, Why, With

MOST = 50
"""Products of a list."""
SECONDS = 90 * 86_400
"""How long a list is kept that is not made anew."""
_SCALE = 65_535.0
_CODE, _DAY = Struct("=h"), Struct("=H")
_ALIKE, _POPULAR, _WITH = -1, -2, -3


class Ranked(msgspec.Struct, array_like=True, frozen=True):
    """A list, best first: its version, when it was made (Unix seconds, UTC), and its columns.

    `chances` are 16 bits each, of the probability in 65,535ths; `whys` a number: the gap in days of a product
    bought before, else a code, from -3 down the place of another product in `others`; `lasts` the day on
    which the customer bought it last, since 1970-01-01, else 0.
    """

    version: str
    made_at: float
    products: list[str]
    chances: bytes
    whys: bytes
    lasts: bytes
    others: list[str]

    def scores(self) -> list[float]:
        """The probability of each product."""
        return [chance / _SCALE for chance in array("H", self.chances)]

    def days(self) -> list[int]:
        """The day on which each was last bought."""
        return list(array("H", self.lasts))

    def why(self, place: int) -> Why:
        """The reason of the product at a place."""
        [code] = _CODE.unpack_from(self.whys, 2 * place)
        if code >= 0:
            [last] = _DAY.unpack_from(self.lasts, 2 * place)
            return Own(code, last * DAY)
        if code <= _WITH:
            return With(self.others[_WITH - code])
        return Alike() if code == _ALIKE else Popular()


def key(customer: str) -> str:
    """The key of a customer's list in Redis."""
    return f"ebbtide:ranked:{customer}"


def encode(version: str, made_at: float, places: Sequence[Shown]) -> bytes:
    """A list as it is stored."""
    others: dict[str, int] = {}
    chances, whys, lasts = array("H"), array("h"), array("H")
    for place in places:
        chances.append(round(min(max(place.score, 0.0), 1.0) * _SCALE))
        lasts.append(int(place.why.last // DAY) if isinstance(place.why, Own) else 0)
        match place.why:
            case Own(gap):
                whys.append(min(max(gap, 0), 32_767))
            case With(product):
                whys.append(_WITH - others.setdefault(product, len(others)))
            case Alike():
                whys.append(_ALIKE)
            case Popular():
                whys.append(_POPULAR)
    columns = (chances.tobytes(), whys.tobytes(), lasts.tobytes())
    return _encoder.encode(
        Ranked(version, made_at, [place.product for place in places], *columns, list(others))
    )


def decode(raw: bytes) -> Ranked:
    """Read what `encode` wrote.

    Raises:
        StoreError: it is something else.
    """
    try:
        return _decoder.decode(raw)
    except msgspec.MsgspecError as error:
        raise StoreError(
            f"Redis, ebbtide:ranked:CUSTOMER: expected a ranked list, found something else ({error}); "
            "run `ebbtide recommend`, which makes them anew"
        ) from error


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Ranked)
