"""Names that nobody has: pronounceable, and each word given once."""

from collections import defaultdict

from agentflow.tasks.dice import Dice

_STARTS: tuple[str, ...] = (
    "b",
    "br",
    "c",
    "d",
    "dr",
    "f",
    "g",
    "gr",
    "h",
    "j",
    "k",
    "kr",
    "l",
    "m",
    "n",
    "p",
    "qu",
    "r",
    "s",
    "sk",
)
_STARTS += ("t", "th", "tr", "v", "vl", "w", "y", "z", "zh")
_VOWELS = ("a", "e", "i", "o", "u", "ae", "ei", "ou", "ia")
_MIDDLES = ("l", "ld", "lm", "m", "mb", "n", "nd", "nt", "r", "rk", "rn", "rv", "s", "sk", "st", "t", "v", "vr", "z")
_ENDS = {
    "first": ("an", "el", "en", "ia", "il", "im", "o", "ona", "oth", "ra", "und", "wen"),
    "last": ("ack", "ard", "eck", "ell", "ett", "imov", "ings", "och", "olt", "orm", "usk", "yne"),
    "city": ("abad", "burg", "ens", "ford", "grad", "ham", "holm", "mar", "mouth", "ovo", "stead", "ton", "wick"),
    "country": ("andor", "avia", "istan", "land", "mark", "onia", "oria", "ova", "ria", "uay"),
    "peak": ("agar", "ak", "ang", "horn", "ock", "or", "ost", "ur", "uz"),
    "other": ("ane", "ax", "ene", "esh", "ing", "ith", "ole", "oon", "ume", "yx"),
}


class Names:
    """Gives out words that it has not given before.

    >>> names = Names(Dice("names", 1))
    >>> [names.word(kind) for kind in ("city", "country", "last")]
    ['Greisford', 'Quirenria', 'Gestiskorm']
    """

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._given: set[str] = set()
        self._bearers: dict[str, list[str]] = defaultdict(list)

    def word(self, kind: str) -> str:
        """A new word that sounds like a first or last name, a city, a country, a peak, or something other."""
        while True:
            word = self._sounds(kind).capitalize()
            if self.once(word):
                return word

    def shared(self, kind: str, percent: int) -> str:
        """A word that somebody bears already, or with a chance of `percent` a new one."""
        bearers = self._bearers[kind]
        if bearers and self._dice.whole(1, 100) > percent:
            return self._dice.pick(bearers)
        bearers.append(self.word(kind))
        return bearers[-1]

    def once(self, name: str) -> bool:
        """Whether a name was not given before; now it is."""
        new = name not in self._given
        self._given.add(name)
        return new

    def _sounds(self, kind: str) -> str:
        dice = self._dice
        long = dice.share() < 0.5
        root = dice.pick(_STARTS) + dice.pick(_VOWELS) + dice.pick(_MIDDLES)
        more = dice.pick(_VOWELS[:5]) + dice.pick(_MIDDLES) if long else ""
        return root + more + dice.pick(_ENDS[kind])
