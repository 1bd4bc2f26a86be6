"""Parsers that turn cells into values: numbers, times and choices as people and other programs write them."""

from __future__ import annotations

import json
import re
import zoneinfo
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal

TOLERANCE = Decimal("0.000001")
EARLIEST = datetime(1990, 1, 1, tzinfo=UTC)
_SPACES = re.compile(r"[\s\u00a0\u2009\u202f'’]+")
_SIGNS = re.compile(r"[¥￥$€£₹元]|(?<![A-Z])(?:RMB|CNY|USD|EUR|GBP|HKD|JPY|HK|US)(?![A-Z])", re.IGNORECASE)
_DOT_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:,[0-9]{3})+|[0-9]+)?(?:\.[0-9]*)?\Z")
_COMMA_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,3}(?:\.[0-9]{3})+|[0-9]+)?(?:,[0-9]*)?\Z")
_PLAIN_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,8})?\Z")
_LONG_NUMBER = re.compile(r"-?[0-9]{1,15}\.[0-9]{9,40}\Z")
_FLOAT = re.compile(r"[+-]?[0-9](?:\.[0-9]{1,20})?[eE]-[0-9]{1,3}\Z")
_TIME = re.compile(
    r"(?P<a>[0-9]{1,4})[-/.年](?P<b>[0-9]{1,2})[-/.月](?P<c>[0-9]{1,4})日?"
    r"(?:[T\s]+(?P<h>[0-9]{1,2})[:时](?P<m>[0-9]{1,2})(?:[:分](?P<s>[0-9]{1,2})(?:[.,](?P<f>[0-9]{1,9}))?秒?)?"
    r"\s*(?P<ap>[AaPp]\.?[Mm]\.?)?)?\s*(?P<z>Z|UTC|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
_COMPACT = re.compile(r"(?P<y>[0-9]{4})(?P<m>[0-9]{2})(?P<d>[0-9]{2})(?:[T\s]?(?P<t>[0-9]{6}|[0-9]{4}))?\Z")
_SERIAL = re.compile(r"[0-9]{5}(?:\.[0-9]{1,12})?\Z")
# Day 0 of Excel's serial dates. Excel's false 29 February 1900 is earlier than any date that an import accepts.
_SERIAL_START = datetime(1899, 12, 30)  # noqa: DTZ001
_NAMED = re.compile(
    r"(?:[a-z]{2,9}\.?,?\s+)?(?:(?P<d1>[0-9]{1,2})(?:st|nd|rd|th|\.)?[\s-]+(?P<m1>[a-zäé]{3,9})\.?,?[\s-]+"
    r"|(?P<m2>[a-zäé]{3,9})\.?\s+(?P<d2>[0-9]{1,2})(?:st|nd|rd|th)?,?\s+)(?P<y>[0-9]{4})(?:,?\s*(?:at\s+|um\s+)?(?P<rest>.*))?\Z",
    re.IGNORECASE,
)
_MONTHS = {
    name: number
    for number, names in enumerate(
        ("jan", "feb", "mar mär mrz", "apr", "may mai", "jun", "jul", "aug", "sep", "oct okt", "nov", "dec dez"), 1
    )
    for name in names.split()
}
_EPOCH = re.compile(r"[0-9]{10}(?:[0-9]{3})?\Z")
TICKET_STATES = {
    "open": "new reopened 新建 待处理 处理中 offen",
    "pending": "waiting waitingforcustomer onhold 待回复 等待客户",
    "resolved": "solved done answered 已解决 gelöst",
    "closed": "archived 已关闭 关闭 geschlossen",
}
AUTHORS = {
    "customer": "client buyer user enduser requester 客户 买家 顾客 用户 kunde",
    "staff": "agent support operator admin shop seller 客服 商家 卖家 mitarbeiter",
}
DISCOUNT_KINDS = {
    "amount": "fixed fixedcart fixed_cart fixed_amount money cash 满减 代金券 现金券 betrag",
    "percent": "percentage % rate 折扣 折扣券 prozent",
}
LINE_KINDS = {
    "product": "product item goods 商品",
    "shipping": "shipping postage freight delivery 运费",
    "fee": "fee fees surcharge 手续费 服务费",
    "discount": "discount coupon 优惠 折扣",
}
GENDERS = {"female": "female f woman w 女 女士", "male": "male m man 男 先生", "other": "other x diverse 其他"}
CHANNELS = {
    "email": "email mail e-mail 邮件 邮箱",
    "sms": "sms text phone mobile 短信",
    "inbox": "inbox inapp in-app app 站内信",
    "wechat": "wechat weixin 微信",
    "push": "push notification 推送",
    "call": "call voice telephone 电话",
}
PURPOSES = {
    "marketing": "marketing promotion promotions newsletter ads 营销",
    "service": "service transactional survey surveys 服务",
    "profiling": "profiling personalisation personalization analytics 画像",
}
DECISIONS = {
    "granted": "granted yes y true 1 optin opt-in opted-in subscribed agreed 是 同意",
    "withdrawn": "withdrawn no n false 0 optout opt-out opted-out unsubscribed refused revoked 否 拒绝 撤回",
}
BOOLEANS = {
    "t": "true t yes y 1 on active enabled published 是 上架 在售",
    "f": "false f no n 0 off inactive disabled draft archived 否 下架 停售",
}


class BadValue(ValueError):
    """A cell that cannot be read: `code` is stable, `detail` holds no personal data."""

    def __init__(self, code: str, detail: str = "") -> None:
        self.code = code
        self.detail = detail
        super().__init__(code)


def lookup(table: Mapping[str, str]) -> dict[str, str]:
    """Return {spelling: our value}."""
    return {alias: value for value, aliases in table.items() for alias in [value, *aliases.split()]}


def parse_number(text: str, decimal: str) -> str:
    """Return canonical digits, such as -1234.5, of a number with that decimal mark. Raises BadValue not_a_number.

    Thousands separators count only in groups of three, so that 1,50 is never read as one hundred and fifty.
    """
    if decimal == "." and _PLAIN_NUMBER.match(text):
        return text
    bare = _SIGNS.sub("", _SPACES.sub("", text))
    if bare.startswith("(") and bare.endswith(")"):
        bare = f"-{bare[1:-1]}"
    pattern, thousands = (_DOT_NUMBER, ",") if decimal == "." else (_COMMA_NUMBER, ".")
    if not pattern.match(bare) or not re.search(r"[0-9]", bare):
        raise BadValue("not_a_number")
    number = bare.replace(thousands, "").replace(",", ".").lstrip("+").rstrip(".")
    if number.startswith((".", "-.")):
        number = number.replace(".", "0.", 1)
    if _LONG_NUMBER.match(number):
        # Programs write such long numbers when their floating point cannot hold the exact value.
        return f"{round(Decimal(number), 8).normalize():f}"
    if not _PLAIN_NUMBER.match(number):
        raise BadValue("number_too_large")
    return number


def parse_quantity(text: str, decimal: str) -> str:
    """Parse a number; round it when it is within a millionth of a whole number.

    Programs write 1.8e-15 when they calculated a zero.
    """
    bare = text.replace(",", ".") if decimal == "," else text
    number = str(Decimal(bare)) if _FLOAT.match(bare) else parse_number(text, decimal)
    exact = Decimal(number)
    whole = exact.to_integral_value()
    return str(int(whole)) if abs(exact - whole) <= TOLERANCE and exact != whole else f"{exact:f}"


def parse_time(text: str, zone: tzinfo, date_order: str, latest: datetime | None) -> str:
    """Return ISO time in UTC, not after `latest`. Times without a zone are read in `zone`.

    Raises BadValue not_a_time, in_the_future, too_old.
    """
    moment = _moment(text, date_order)
    moment = (moment if moment.tzinfo else moment.replace(tzinfo=zone)).astimezone(UTC)
    if latest is not None and moment > latest:
        raise BadValue("in_the_future")
    if moment < EARLIEST:
        raise BadValue("too_old")
    return moment.isoformat()


def _moment(text: str, date_order: str) -> datetime:
    if len(text) >= 16 and text[4] == "-":
        try:
            return datetime.fromisoformat(text)
        except ValueError:
            pass
    if _EPOCH.match(text):
        return datetime.fromtimestamp(int(text[:10]), UTC) + timedelta(milliseconds=int(text[10:] or 0))
    if _SERIAL.match(text):
        # Round to the second, because a float stores the time of day only roughly.
        return _SERIAL_START + timedelta(seconds=round(float(text) * 86400))
    match = _TIME.match(_spelled(text))
    if match is None:
        raise BadValue("not_a_time")
    year, month, day = _ordered(match["a"], match["b"], match["c"], date_order)
    hour, minute, second = (int(match[name] or 0) for name in "hms")
    if match["ap"]:
        hour = hour % 12 + (12 if match["ap"][0] in "Pp" else 0)
    try:
        return datetime(
            year, month, day, hour, minute, second, int((match["f"] or "0").ljust(6, "0")[:6]), _offset(match["z"])
        )
    except ValueError:
        raise BadValue("not_a_time") from None


def _spelled(text: str) -> str:
    """Rewrite `20240301`, `2 Nov 2026` and `Nov 2, 2026`, also with a time after them, as year-month-day."""
    if match := _COMPACT.match(text):
        time = match["t"] or ""
        return f"{match['y']}-{match['m']}-{match['d']} {':'.join(re.findall('..', time))}".strip()
    if match := _NAMED.match(text):
        month = _MONTHS.get((match["m1"] or match["m2"]).casefold()[:3])
        if month:
            return f"{match['y']}-{month}-{match['d1'] or match['d2']} {match['rest'] or ''}".strip()
    return text


def _ordered(a: str, b: str, c: str, date_order: str) -> tuple[int, int, int]:
    if len(a) == 4:
        if len(c) > 2:
            raise BadValue("not_a_time")
        return int(a), int(b), int(c)
    if len(a) == 3 or len(c) not in (2, 4):
        raise BadValue("not_a_time")
    year = int(c) if len(c) == 4 else 2000 + int(c)
    return (year, int(a), int(b)) if date_order == "mdy" else (year, int(b), int(a))


def _offset(text: str | None) -> tzinfo | None:
    if not text:
        return None
    if text in {"Z", "UTC"}:
        return UTC
    digits = text[1:].replace(":", "")
    minutes = int(digits[:2]) * 60 + int(digits[2:])
    if minutes > 14 * 60:
        raise BadValue("not_a_time")
    return timezone(timedelta(minutes=-minutes if text[0] == "-" else minutes))


def parse_birthday(text: str, date_order: str) -> date:
    """Parse a date between 1900 and 2100. Raises BadValue not_a_date."""
    if _SERIAL.match(text):
        return (_SERIAL_START + timedelta(days=int(text[:5]))).date()
    match = _TIME.match(_spelled(text))
    if match is None:
        raise BadValue("not_a_date")
    try:
        day = date(*_ordered(match["a"], match["b"], match["c"], date_order))
    except ValueError:
        raise BadValue("not_a_date") from None
    if not 1900 <= day.year <= 2100:
        raise BadValue("not_a_date")
    return day


def parse_zone(text: str) -> str:
    """Return the name of a time zone. Raises BadValue `unknown_time_zone`."""
    if text not in zoneinfo.available_timezones():
        raise BadValue("unknown_time_zone")
    return text


def parse_json_object(text: str) -> str:
    """Return compact JSON of an object. Raises BadValue not_json."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        raise BadValue("not_json") from None
    if not isinstance(value, dict) or "\\u0000" in text:
        raise BadValue("not_json")
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def parse_tags(text: str) -> list[str]:
    """Split names at ; | , or their Chinese forms. Raises BadValue too_long when a name exceeds 60 characters."""
    names = [" ".join(part.split()) for part in re.split(r"[;|,；，、]", text)]
    if any(len(name) > 60 for name in names):
        raise BadValue("too_long", "60")
    return list(dict.fromkeys(name for name in names if name))
