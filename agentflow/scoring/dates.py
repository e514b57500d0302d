"""One spelling for a day of the year: day, name of the month, and the year behind them where there is one."""

import re

_NAMES = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_WHOLE = {name[:3]: name for name in _NAMES}
_MONTH = "|".join((*_NAMES, "sept", *_WHOLE))
_DAY = r"(?:0?[1-9]|[12][0-9]|3[01])"
_DATE = re.compile(
    rf"\b(?:(?P<day>{_DAY})(?:st|nd|rd|th)? (?:of )?(?P<month>{_MONTH})"
    rf"|(?P<month_first>{_MONTH}) (?P<day_after>{_DAY})(?:st|nd|rd|th)?)\b"
)
_NUMBERS = re.compile(
    r"(?<![\w.-])(?P<year>[0-9]{4})-(?P<month>0[1-9]|1[0-2])-(?P<day>0[1-9]|[12][0-9]|3[01])(?![\w-])"
)


def month_named(text: str) -> str:
    """A text with each date such as `1937-12-14` as `14 december 1937`; other orders of numbers stay, as they are two.

    >>> month_named("on 1937-12-14."), month_named("12/14/1937")
    ('on 14 december 1937.', '12/14/1937')
    """
    return _NUMBERS.sub(lambda match: f"{int(match['day'])} {_NAMES[int(match['month']) - 1]} {match['year']}", text)


def day_first(words: str) -> str:
    """Words in lower case without punctuation, each day of a month in them as `5 june`.

    >>> day_first("june 5th 2004"), day_first("on 05 jun 2004"), day_first("5th of june")
    ('5 june 2004', 'on 5 june 2004', '5 june')
    >>> day_first("march 2004"), day_first("may 40")
    ('march 2004', 'may 40')
    """
    return _DATE.sub(_plain, words)


def _plain(match: re.Match[str]) -> str:
    month = match["month"] or match["month_first"]
    return f"{int(match['day'] or match['day_after'])} {_WHOLE[month[:3]]}"
