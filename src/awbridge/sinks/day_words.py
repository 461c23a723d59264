"""Words that name a day by where the reader stands (today, tomorrow, a weekday): they hold on one day only."""

from __future__ import annotations

import unicodedata

# By language, for the templates that ship and for those that people write. Words, not stems: a text is cut into words.
_DAY_WORDS = {
    "en": "today tonight tomorrow yesterday monday tuesday wednesday thursday friday saturday sunday",
    "hi": "आज कल परसों सोमवार मंगलवार बुधवार गुरुवार शुक्रवार शनिवार रविवार",
    "mr": "आज उद्या काल सोमवारी मंगळवारी बुधवारी गुरुवारी शुक्रवारी शनिवारी रविवारी",
    "bn": "আজ আজকে কাল আগামীকাল গতকাল",
    "gu": "આજે કાલે ગઈકાલે",
    "kn": "ಇಂದು ನಾಳೆ ನಿನ್ನೆ",
    "ml": "ഇന്ന് നാളെ ഇന്നലെ",
    "pa": "ਅੱਜ ਕੱਲ੍ਹ",
    "ta": "இன்று நாளை நேற்று",
    "te": "నేడు ఈరోజు రేపు నిన్న",
    "ur": "آج کل",
    "ar": "اليوم غدا غدًا أمس",
    "es": "hoy mañana ayer lunes martes miércoles jueves viernes sábado domingo",
}
_ALL = frozenset(unicodedata.normalize("NFC", word) for words in _DAY_WORDS.values() for word in words.split())


def names_day(text: str) -> bool:
    """Whether a text names a day by such a word, in any of these languages."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return not _ALL.isdisjoint("".join(c if _is_of_a_word(c) else " " for c in folded).split())


def _is_of_a_word(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
