"""Cell values as text, without what spreadsheets and people add to them. Pure.

CellDamaged is raised for a value that a spreadsheet destroyed. Its text never quotes the value, which may be a phone
number.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from awbridge.domain.errors import CellDamaged
from awbridge.domain.sheet import starts_formula

LARGEST_EXACT = 10**15  # spreadsheets keep 15 digits of a number
MOST_DIGITS = 15

_USE_ORIGINAL = "use the original file, or export the column as text"
ROUNDED = f"a spreadsheet has rounded this number and its digits are lost; {_USE_ORIGINAL}"
TOO_LONG = f"a number of more than {MOST_DIGITS} digits: a spreadsheet loses those after them; {_USE_ORIGINAL}"
A_DATE = f"a spreadsheet has turned this into a date; {_USE_ORIGINAL}"
NOT_CALCULATED = (
    "a formula that was never calculated; open the file in a spreadsheet program, save it, and use the saved file"
)
A_FORMULA = "the text of a formula instead of its value; export the values"
AN_ERROR = "a formula's error, not a value; correct the formula or empty the cell"

BLANK_VALUES = frozenset(
    {
        *("", "0", "-", "--", "na", "n/a", "nan", "nat", "null", "none", "nil", "undefined", "<na>"),
        *("#n/a", "#ref!", "#value!", "#div/0!", "#name?", "#null!", "#num!", "#spill!", "#calc!"),
    }
)

_INVISIBLE = re.compile("[\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_JOINERS = re.compile("[\u200c\u200d]")  # parts of words in Indian scripts; never part of an identifier
_GUARD = re.compile(r'=\s*(?:T\s*\(\s*)?"(.*)"\s*\)?|=(\d+)', re.DOTALL)
_SCIENTIFIC = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d{1,3}|[+-]?\d[.,]\d+E\d{1,3}", re.ASCII | re.IGNORECASE)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{2,3})+(?:\.\d+)?", re.ASCII)
_WHOLE = re.compile(r"([+-]?\d+)\.0*", re.ASCII)
_FORMULA = re.compile(r"=\s*[A-Za-z_$'\[+(-].*", re.DOTALL)
_ERROR = re.compile(r"#(?:N/A|REF!|VALUE!|DIV/0!|NAME\?|NULL!|NUM!|SPILL!|CALC!)|Err:\d{3}", re.IGNORECASE)
_MONTH_DAY = re.compile(
    r"\d{1,2}-(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec)(?:-\d\d)?", re.ASCII | re.IGNORECASE
)
_QUOTES = "'`\u2018\u2019\u00b4"


@dataclass(frozen=True, slots=True)
class NoValue:
    """A cell with a formula but no value: never calculated, or (`is_error`) an error such as #N/A."""

    is_error: bool = False


def is_error(text: str) -> bool:
    """Whether a text is the error of a formula: #N/A, #REF!, Err:502."""
    return _ERROR.fullmatch(text) is not None


def visible(text: str) -> str:
    """Text without invisible characters and surrounding spaces; non-breaking spaces become plain ones."""
    if not text.isascii():
        text = _INVISIBLE.sub("", text).replace("\u00a0", " ").replace("\u202f", " ")
    return text.strip()


def read_id(value: Any) -> str:
    """An identifier, a phone number or a pincode; "" if there is none (#N/A, NA and 0 count as none).

    Text guards (="00125", '00125, `00125) and number formatting (2001.0, 560,001) are removed. Raises CellDamaged if
    digits are lost or a formula has no value.
    """
    if isinstance(value, str):
        text = _strip_quotes(_without_guard(_strip_quotes(_JOINERS.sub("", visible(value)))))
        if not text.isalnum():
            text = _without_format(text)
    else:
        text = "" if value == NoValue(is_error=True) else _id_of_cell(value)
    return "" if text.casefold() in BLANK_VALUES else text


def read_text(value: Any) -> str:
    """Free text, an amount or a choice, as text. Raises CellDamaged if it was rounded or a formula has no value."""
    if not isinstance(value, str):
        return _text_of_cell(value)
    text = _without_guard(visible(value))
    if text[:1] in _QUOTES and text[1:2] and (text[1].isdigit() or starts_formula(text[1:])):
        text = text[1:]
    if _SCIENTIFIC.fullmatch(text):
        raise CellDamaged(ROUNDED)
    if is_error(text):
        raise CellDamaged(AN_ERROR)
    if _FORMULA.fullmatch(text):
        raise CellDamaged(A_FORMULA)
    return text


def read_amount(value: Any) -> str:
    """A number as text, without the .0 that programs add to whole numbers. Raises CellDamaged like `read_text`."""
    text = read_text(value)
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


def is_blank(value: Any) -> bool:
    """Whether a cell is empty or holds a placeholder such as NA or -."""
    return value is None or (isinstance(value, str) and visible(value).casefold() in BLANK_VALUES)


def title_of(value: Any) -> str:
    """A cell as a column title."""
    if isinstance(value, str):
        return visible(value).lstrip(_QUOTES)
    return "" if value is None or isinstance(value, NoValue) else str(value)


def _strip_quotes(text: str) -> str:
    return text.strip(_QUOTES).strip()


def _without_guard(text: str) -> str:
    if text[:1] == "=" and (guard := _GUARD.fullmatch(text)):
        inside = guard[1] if guard[1] is not None else guard[2]
        return inside.replace('""', '"').strip()
    return text[1:-1].strip() if len(text) > 1 and text[0] == text[-1] == '"' else text


def _without_format(text: str) -> str:
    """An identifier with punctuation: formatting is removed. Raises CellDamaged if digits are lost."""
    if _GROUPED.fullmatch(text):
        text = text.replace(",", "")
    if _SCIENTIFIC.fullmatch(text):
        raise CellDamaged(ROUNDED)
    if _MONTH_DAY.fullmatch(text):
        raise CellDamaged(A_DATE)
    if _FORMULA.fullmatch(text):
        raise CellDamaged(A_FORMULA)
    if is_error(text):
        return ""
    if whole := _WHOLE.fullmatch(text):
        if len(whole[1].lstrip("+-")) > MOST_DIGITS:
            raise CellDamaged(TOO_LONG)
        return whole[1]
    return text


def _id_of_cell(value: Any) -> str:
    if isinstance(value, (date, time, timedelta)):
        raise CellDamaged(A_DATE)
    return _text_of_cell(value)


def _text_of_cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, NoValue):
        raise CellDamaged(AN_ERROR if value.is_error else NOT_CALCULATED)
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        if abs(value) >= LARGEST_EXACT:
            raise CellDamaged(TOO_LONG)
        return format(value, f".{MOST_DIGITS}g") if not float(value).is_integer() else str(int(value))
    if isinstance(value, datetime):
        is_day = (value.hour, value.minute, value.second) == (0, 0, 0)
        return value.date().isoformat() if is_day else value.isoformat(" ", "seconds")
    return value.isoformat() if isinstance(value, (date, time)) else str(value)
