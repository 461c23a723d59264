"""Words that name a day relative to the reader's (today, tomorrow, a weekday). They are correct on one day only."""

from __future__ import annotations

import unicodedata

# By language, for shipped and custom templates. Whole words, not stems: texts are split into words.
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
    "ar": "اليوم الليلة غدا غدًا غداً أمس الأحد الاثنين الإثنين الثلاثاء الأربعاء الخميس الجمعة السبت",
    "es": "hoy mañana ayer lunes martes miércoles jueves viernes sábado domingo",
}
_ALL_DAY_WORDS = frozenset(
    unicodedata.normalize("NFC", word) for words in _DAY_WORDS.values() for word in words.split()
)


def names_day(text: str) -> bool:
    """Whether a text contains such a word in any of these languages."""
    folded = unicodedata.normalize("NFC", text).casefold()
    return not _ALL_DAY_WORDS.isdisjoint("".join(c if _is_word_character(c) else " " for c in folded).split())


def _is_word_character(character: str) -> bool:
    return unicodedata.category(character)[0] in "LMN"
