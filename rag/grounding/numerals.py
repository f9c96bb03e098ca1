"""Number words, month names, units and number literals of a few languages -> values.

A literal has one reading, never a set of them: where the writing is ambiguous and the language does
not settle it, the value is the literal itself, which equals only the same literal.
"""

from __future__ import annotations

import re
import unicodedata
from decimal import Decimal
from typing import TypeAlias

Number: TypeAlias = Decimal | str

# Languages that write 1.234,5 where English writes 1,234.5.
_DECIMAL_COMMA = frozenset({
    "bg", "ca", "cs", "da", "de", "el", "es", "et", "eu", "fi", "fr", "gl", "hr", "hu", "id", "is", "it",
    "lt", "lv", "mk", "nb", "nl", "nn", "no", "pl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "tr",
    "uk", "vi",
})  # fmt: skip

_WORDS = {
    "en": "one two three four five six seven eight nine ten eleven twelve",
    "de": "ein zwei drei vier fünf sechs sieben acht neun zehn elf zwölf",
    "fr": "un deux trois quatre cinq six sept huit neuf dix onze douze",
    "es": "uno dos tres cuatro cinco seis siete ocho nueve diez once doce",
    "it": "uno due tre quattro cinque sei sette otto nove dieci undici dodici",
    "nl": "een twee drie vier vijf zes zeven acht negen tien elf twaalf",
}
# "one" and its likes are also pronouns and articles: they satisfy a claim, but claim nothing firmly.
_ONE = frozenset({"one", "ein", "eine", "einen", "einem", "einer", "eines", "un", "une", "uno", "una", "een"})
_MORE_WORDS = {"en": {"twenty": 20, "thirty": 30, "forty": 40, "fifty": 50, "sixty": 60, "ninety": 90}}

_ORDINALS = "first second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth"
ORDINALS = {word: value for value, word in enumerate(_ORDINALS.split(), start=1)}

_MONTHS = {
    "en": "january february march april may june july august september october november december",
    "de": "januar februar märz april mai juni juli august september oktober november dezember",
    "fr": "janvier février mars avril mai juin juillet août septembre octobre novembre décembre",
    "es": "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre",
    "it": "gennaio febbraio marzo aprile maggio giugno luglio agosto settembre ottobre novembre dicembre",
    "pt": "janeiro fevereiro março abril maio junho julho agosto setembro outubro novembro dezembro",
    "nl": "januari februari maart april mei juni juli augustus september oktober november december",
    "short": "jan feb mar apr may jun jul aug sep oct nov dec",
    "kurz": "jän febr mär apr mai jun jul aug sept okt nov dez",
}
MONTHS = {name: i for names in _MONTHS.values() for i, name in enumerate(names.split(), start=1)}

CURRENCIES = {
    symbol: code
    for code, symbols in {
        "EUR": "€ eur euro euros 欧元 ユーロ",
        "USD": "$ us$ usd dollar dollars dólares dolares 美元 ドル",
        "GBP": "£ gbp pound pounds 英镑",
        "CHF": "chf franken francs",
        "JPY": "jpy yen 日元 円",
        "CNY": "cny rmb yuan 元 人民币",
        "INR": "₹ inr rupees rupee",
    }.items()
    for symbol in symbols.split()
} | {"¥": "¥"}

_UNITS = {
    "%": "% ％ percent pct prozent pourcent porcento",
    "second": "s sec second seconds sekunde sekunden seconde secondes segundo segundos 秒",
    "minute": "min mins minute minutes minuten minuto minutos 分钟",
    "hour": "h hr hrs hour hours stunde stunden heure heures hora horas 小时",
    "day": "day days tag tage tagen jour jours día días dia dias 天 日",
    "week": "week weeks woche wochen semaine semaines semana semanas 周 星期",
    "month": "month months monat monate monaten mois mes meses 个月 月",
    "year": "year years jahr jahre jahren an ans année années año años ano anos 年",
    "mm": "mm millimetre millimetres millimeter millimeters 毫米",
    "cm": "cm centimetre centimetres centimeter centimeters 厘米",
    "m": "m metre metres meter meters mètre mètres metro metros 米",
    "km": "km kilometre kilometres kilometer kilometers kilomètres kilómetros 公里 千米",
    "mile": "mile miles 英里",
    "foot": "ft foot feet 英尺",
    "inch": "inch inches 英寸",
    "mg": "mg milligram milligrams 毫克",
    "g": "g gram grams gramm grammes gramos 克",
    "kg": "kg kilo kilos kilogram kilograms kilogramm 公斤 千克",
    "t": "tonne tonnes tons ton tonnen 吨",
    "ml": "ml millilitre millilitres milliliter milliliters 毫升",
    "l": "l litre litres liter liters 升",
    "mv": "mv",
    "v": "v volt volts 伏",
    "ma": "ma",
    "a": "amp amps ampere amperes",
    "w": "w watt watts 瓦",
    "kw": "kw",
    "hz": "hz",
    "khz": "khz",
    "mhz": "mhz",
    "ghz": "ghz",
    "kb": "kb",
    "mb": "mb",
    "gb": "gb",
    "tb": "tb",
    "°c": "°c ℃",
    "°f": "°f ℉",
    "person": "people persons personen personnes personas 人 名",
}
UNITS = {word: unit for unit, words in _UNITS.items() for word in words.split()}

MAGNITUDES = {
    "thousand": 3, "tausend": 3, "mille": 3, "mil": 3, "千": 3, "万": 4,
    "million": 6, "millions": 6, "millionen": 6, "mio": 6, "millones": 6, "mn": 6, "百万": 6, "亿": 8,
    "billion": 9, "billions": 9, "bn": 9, "milliarde": 9, "milliarden": 9, "mrd": 9, "milliard": 9, "milliards": 9,
    "trillion": 12, "trillions": 12,
}  # fmt: skip

_CJK_DIGITS = {c: i for i, c in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2}
_CJK_PLACES = {"十": 10, "百": 100, "千": 1000}
CJK_NUMERAL = "[零〇一二两三四五六七八九十百千万亿]"


def word_value(word: str, language: str) -> tuple[int, bool] | None:
    """The value of a spelled-out number and whether it is firm (not also an article), or None."""
    word = word.casefold()
    if word in _ONE:
        return (1, False)
    language = language if language in _WORDS else "en"
    if word in _MORE_WORDS.get(language, {}):
        return (_MORE_WORDS[language][word], True)
    words = _WORDS[language].split()
    return (words.index(word) + 1, True) if word in words else None


def cjk_value(numeral: str) -> int | None:
    """The value of a numeral in Chinese characters, 三百二十 -> 320; None where it is not well formed."""
    if len(numeral) > 1 and all(c in _CJK_DIGITS for c in numeral):
        return int("".join(str(_CJK_DIGITS[c]) for c in numeral))
    total = section = digit = 0
    for char in numeral:
        if char in _CJK_DIGITS:
            digit = _CJK_DIGITS[char]
        elif char in _CJK_PLACES:
            section += (digit or 1) * _CJK_PLACES[char]
            digit = 0
        else:
            total = (total + section + digit) * (10_000 if char == "万" else 100_000_000)
            section = digit = 0
    return total + section + digit or None


def parse_number(literal: str, language: str) -> Number:  # noqa: PLR0911 - a table of cases
    """The value of digits with separators.

    "1,000", "1.000,5", "1 000", "1'000" and "6½" are read by their separators; a single separator
    before exactly three digits is read by the language ("1.000" is a thousand in German and one in
    English), and stays the literal where the language is unknown and the separator is a point.
    """
    text = re.sub(r"[\s'’\u00a0\u202f]", "", literal)
    extra = Decimal(0)
    if text and unicodedata.category(text[-1]) == "No":
        extra, text = Decimal(str(unicodedata.numeric(text[-1]))), text[:-1]
        if not text:
            return extra
    text = "".join(str(unicodedata.decimal(c, c)) for c in text)
    commas, points = text.count(","), text.count(".")
    if commas and points:
        decimal = max(",", ".", key=text.rindex)
        if text.count(decimal) > 1:
            return text
        whole, fraction = text.rsplit(decimal, 1)
        return Decimal(f"{re.sub('[.,]', '', whole)}.{fraction}") + extra
    if not commas and not points:
        return Decimal(text) + extra
    separator = "," if commas else "."
    parts = text.split(separator)
    grouped = len(parts[0]) <= 3 and parts[0] != "0" and all(len(part) == 3 for part in parts[1:])
    if len(parts) > 2:
        return Decimal("".join(parts)) + extra if grouped else text
    if not grouped:
        return Decimal(".".join(parts)) + extra
    decimal_comma = language in _DECIMAL_COMMA
    if separator == "." and not language:
        return text
    thousands = decimal_comma == (separator == ".")
    return Decimal("".join(parts) if thousands else ".".join(parts)) + extra
