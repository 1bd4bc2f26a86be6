"""Texts of the calendar: festivals, their packs and kinds, lunar dates."""

from __future__ import annotations

from datetime import date

from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.calendar.rules import lunar
from campaigns.calendar.rules.festivals import CN, COMMERCE, EU, HK_TW, PUBLIC, TRADITIONAL, US
from core.text.formatting import in_chinese

PACK_LABELS: dict[str, str | Promise] = {
    CN: _("Mainland China"),
    HK_TW: _("Hong Kong and Taiwan"),
    US: _("United States"),
    EU: _("European Union"),
}
FESTIVAL_KINDS: dict[str, str | Promise] = {
    PUBLIC: _("public holiday"),
    TRADITIONAL: pgettext_lazy("festival", "traditional"),
    COMMERCE: pgettext_lazy("festival", "commerce"),
}
NAMES: dict[str, str | Promise] = {
    "new_year": _("New Year's Day"),
    "new_year_goods": _("New Year goods sale"),
    "spring_eve": _("Lunar New Year's Eve"),
    "spring_festival": _("Spring Festival"),
    "qingming": _("Qingming"),
    "labour": _("Labour Day"),
    "dragon_boat": _("Dragon Boat Festival"),
    "mid_autumn": _("Mid-Autumn Festival"),
    "national": _("National Day"),
    "valentine": _("Valentine's Day"),
    "women": pgettext_lazy("commerce", "Women's Day"),
    "white_day": _("White Day"),
    "mother": _("Mother's Day"),
    "love_520": _("520, “I love you” day"),
    "children": _("Children's Day"),
    "children_april": _("Children's Day"),
    "father": _("Father's Day"),
    "father_august": _("Father's Day"),
    "mid_year_sale": _("618 mid-year sale"),
    "singles": _("Double Eleven"),
    "double_twelve": _("Double Twelve"),
    "black_friday": _("Black Friday"),
    "cyber_monday": _("Cyber Monday"),
    "christmas": _("Christmas"),
    "lantern": _("Lantern Festival"),
    "qixi": _("Qixi"),
    "ghost": _("Ghost Festival"),
    "double_ninth": _("Double Ninth Festival"),
    "winter_solstice": _("Winter solstice"),
    "laba": _("Laba Festival"),
    "little_new_year": _("Little New Year"),
    "peace_memorial": _("Peace Memorial Day"),
    "buddha": _("Buddha's Birthday"),
    "hong_kong_day": _("Hong Kong Establishment Day"),
    "double_tenth": _("Double Tenth"),
    "king_day": _("Martin Luther King Jr. Day"),
    "presidents_day": _("Presidents' Day"),
    "st_patrick": _("St. Patrick's Day"),
    "good_friday": _("Good Friday"),
    "easter": _("Easter"),
    "easter_monday": _("Easter Monday"),
    "memorial_day": _("Memorial Day"),
    "juneteenth": _("Juneteenth"),
    "independence_day": _("Independence Day"),
    "labor_day": _("Labor Day"),
    "columbus_day": _("Columbus Day"),
    "halloween": _("Halloween"),
    "veterans_day": _("Veterans Day"),
    "thanksgiving": _("Thanksgiving"),
    "epiphany": _("Epiphany"),
    "ascension": _("Ascension Day"),
    "pentecost": _("Pentecost"),
    "all_saints": _("All Saints' Day"),
    "st_nicholas": _("St. Nicholas Day"),
    "st_stephen": _("Second day of Christmas"),
}
MONTHS = "正二三四五六七八九十冬腊"
DIGITS = "一二三四五六七八九十"


def lunar_words(on: date) -> str:
    """Return the lunar date: 八月十五 in Chinese, else month and day in figures; empty outside the years."""
    lunar_date = lunar.to_lunar(on)
    if lunar_date is None:
        return ""
    if not in_chinese():
        return _t("lunar %(month)s/%(day)s") % {"month": lunar_date.month, "day": lunar_date.day}
    return f"{_month_words(lunar_date)}{_day_words(lunar_date.day)}"


def lunar_cell(on: date) -> str:
    """Return the lunar day of a cell of a Chinese calendar: 十五, or the month's name on its first day."""
    lunar_date = lunar.to_lunar(on) if in_chinese() else None
    if lunar_date is None:
        return ""
    return _month_words(lunar_date) if lunar_date.day == 1 else _day_words(lunar_date.day)


def _month_words(lunar_date: lunar.LunarDate) -> str:
    return f"{'闰' if lunar_date.leap else ''}{MONTHS[lunar_date.month - 1]}月"


def _day_words(day: int) -> str:
    tens, units = divmod(day, 10)
    if units:
        return f"{('初', '十', '廿')[tens]}{DIGITS[units - 1]}"
    return {10: "初十", 20: "二十", 30: "三十"}[day]
