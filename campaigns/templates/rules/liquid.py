"""Run marketers' templates so that they can neither reach beyond their context nor use unlimited resources (P5).

Stock python-liquid is limited here in features: a list of tags and filters of our own, no includes, no attributes. It
is also limited in amounts: source, ranges, loop turns, filter calls, lengths of strings, sizes of numbers and output.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache, wraps
from typing import Any
from urllib.parse import quote

from liquid import BoundTemplate, Environment, RenderContext
from liquid.builtin import content, illegal, output
from liquid.builtin.content import ContentNode
from liquid.builtin.expressions.filtered import FilteredExpression
from liquid.builtin.expressions.path import Path
from liquid.builtin.expressions.primitive import RangeLiteral
from liquid.builtin.filters import misc, string
from liquid.builtin.output import OutputNode
from liquid.builtin.tags import (
    assign_tag,
    capture_tag,
    case_tag,
    comment_tag,
    cycle_tag,
    for_tag,
    if_tag,
    inline_comment_tag,
    unless_tag,
)
from liquid.exceptions import LiquidError
from liquid.stringify import to_liquid_string

from campaigns.templates.rules import fields as template_fields

SOURCE_LIMIT = 32 * 1024
# The HTML that a design is compiled to: most of it is fixed markup.
COMPILED_LIMIT = 128 * 1024
# The lexer searches the end of a tag from each opening, which costs the square of the length: see `check_form`.
TAG_LIMIT = 1000
TAG_LENGTH = 2000
RAW_LIMIT = 20
OUTPUT_LIMIT = 256 * 1024
RANGE_LIMIT = 200
LOOP_LIMIT = 500
FILTER_LIMIT = 5000
STRING_LIMIT = 16 * 1024
NUMBER_LIMIT = 10**15
ROOTS = frozenset(template_fields.SHAPES)
# Names that the interpreter knows without a context, and attributes that it answers for any value.
OWN_ROOTS = frozenset(["today", "forloop"])
METHODS = frozenset(["size", "first", "last"])
_NUMBER = re.compile(r"-?\d{1,15}(?:\.\d{1,6})?\Z")
_PART = re.compile(r"\{\{.*?\}\}|\{%-?\s*(?:assign|if|for|unless|case)\b.*?%\}")
_OPENING = re.compile(r"\{%-?\s*(if|for|unless|case)\b")
_OPENER = re.compile(r"\{\{|\{%")
_RAW = re.compile(r"\{%-?\s{0,20}(?:raw|doc)\b")
# The lexer tries each way to divide a run of spaces.
_LONG_SPACE = re.compile(r"\s{80}")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DATE_FORMAT = re.compile(r"(?:%[YmdBbjHMy]|%-[md]|[^%]){0,60}\Z")


class TemplateError(Exception):
    """Describe a fault in a template: a stable code, the line (from 1), the `name` in question and its `nearest` match.

    The message is for a log, in English; the service translates it for the writer.
    """

    def __init__(self, code: str, message: str, line: int = 0, name: str = "", nearest: str = "") -> None:
        self.code = code
        self.line = line
        self.name = name
        self.nearest = nearest
        super().__init__(message)


class _TooMuch(LiquidError):
    pass


class _ByZero(LiquidError):
    pass


def _limited(what: str) -> _TooMuch:
    return _TooMuch(f"{what}: the limit is reached", token=None)


class _Context(RenderContext):
    """Count loop turns and filter calls over the whole template, because loops can also be many without nesting."""

    __slots__ = ("filter_calls", "turns")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.turns = 0
        self.filter_calls = 0

    def raise_for_loop_limit(self, length: int = 1) -> None:
        self.turns += length
        if self.turns > LOOP_LIMIT:
            raise _limited("loop turns")

    def filter(self, name: str, token: Any) -> Callable[..., object]:
        self.filter_calls += 1
        if self.filter_calls > FILTER_LIMIT:
            raise _limited("filters")
        return super().filter(name, token)


class _Template(BoundTemplate):
    context_class = _Context


class _Environment(Environment):
    template_class = _Template
    block_nesting_limit = 12
    context_depth_limit = 14
    output_stream_limit = OUTPUT_LIMIT
    local_namespace_limit = 4 * STRING_LIMIT

    def setup_tags_and_filters(self, *, extra: bool = False) -> None:
        for tag in (
            content.Literal, output.Output, illegal.Illegal, if_tag.IfTag, unless_tag.UnlessTag, case_tag.CaseTag,
            for_tag.ForTag, for_tag.BreakTag, for_tag.ContinueTag, assign_tag.AssignTag, capture_tag.CaptureTag,
            cycle_tag.CycleTag, comment_tag.CommentTag, inline_comment_tag.InlineCommentTag,
        ):  # fmt: skip
            self.add_tag(tag)
        for name, function in FILTERS.items():
            self.add_filter(name, function)


def _capped(function: Callable[..., Any]) -> Callable[..., Any]:
    """Refuse long arguments and long results, so that no chain of filters grows without limit."""

    @wraps(function)
    def run(value: Any, *args: Any, **kwargs: Any) -> Any:
        for argument in (value, *args):
            if isinstance(argument, str) and len(argument) > STRING_LIMIT:
                raise _limited("text length")
        result = function(value, *args, **kwargs)
        if isinstance(result, str) and len(result) > STRING_LIMIT:
            raise _limited("text length")
        return result

    for mark in ("with_environment", "with_context"):
        if hasattr(function, mark):
            setattr(run, mark, True)
    return run


def _number(value: Any) -> int | float:
    if isinstance(value, bool) or value is None:
        return 0
    if isinstance(value, int | float):
        return value if -NUMBER_LIMIT < value < NUMBER_LIMIT else 0
    text = str(value).strip()
    if not _NUMBER.match(text):
        return 0
    return float(text) if "." in text else int(text)


def _arithmetic(function: Callable[..., int | float]) -> Callable[..., Any]:
    @wraps(function)
    def run(value: Any, *args: Any) -> Any:
        if len(args) != function.__code__.co_argcount - 1:
            raise LiquidError("wrong number of arguments", token=None)
        result = function(_number(value), *map(_number, args))
        if not -NUMBER_LIMIT < result < NUMBER_LIMIT:
            raise _limited("number")
        return result

    return run


def _divide(a: Any, b: Any) -> Any:
    if not b:
        raise _ByZero("division by zero", token=None)
    return a // b if isinstance(a, int) and isinstance(b, int) else a / b


def _modulo(a: Any, b: Any) -> Any:
    if not b:
        raise _ByZero("division by zero", token=None)
    return a % b


def _round(value: Any, digits: Any = 0) -> Any:
    places = min(max(int(_number(digits)), 0), 6)
    return round(_number(value), places) if places else round(_number(value))


def _date(value: Any, form: Any = "%Y-%m-%d") -> str:
    """Format an ISO date or time. Only year, month, day, hour and minute: strftime's widths could fill the memory."""
    if not isinstance(form, str) or not _DATE_FORMAT.match(form):
        raise LiquidError("use a date format such as %Y-%m-%d", token=None)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value[:40])
        except ValueError:
            return value
    return value.strftime(form) if isinstance(value, date) else ""


def _ends(position: int) -> Callable[[Any], Any]:
    def pick(value: Any) -> Any:
        return value[position] if isinstance(value, list | tuple | range) and len(value) else ""

    return pick


def _url_encode(value: Any) -> str:
    return quote(str(value), safe="")


# Lambdas even where a builtin would do: `_arithmetic` counts their arguments.
FILTERS: dict[str, Callable[..., Any]] = {
    "abs": _arithmetic(lambda a: abs(a)),  # noqa: PLW0108
    "at_least": _arithmetic(lambda a, b: max(a, b)),  # noqa: PLW0108
    "at_most": _arithmetic(lambda a, b: min(a, b)),  # noqa: PLW0108
    "ceil": _arithmetic(lambda a: -int(-a // 1)),
    "floor": _arithmetic(lambda a: int(a // 1)),
    "plus": _arithmetic(lambda a, b: a + b),
    "minus": _arithmetic(lambda a, b: a - b),
    "times": _arithmetic(lambda a, b: a * b),
    "divided_by": _arithmetic(_divide),
    "modulo": _arithmetic(_modulo),
    "round": _round,
    "date": _date,
    "first": _ends(0),
    "last": _ends(-1),
    "size": misc.size,
    "default": misc.default,
    "append": _capped(string.append),
    "prepend": _capped(string.prepend),
    "capitalize": _capped(string.capitalize),
    "downcase": _capped(string.downcase),
    "upcase": _capped(string.upcase),
    "escape": _capped(string.escape),
    "strip": _capped(string.strip),
    "lstrip": _capped(string.lstrip),
    "rstrip": _capped(string.rstrip),
    "newline_to_br": _capped(string.newline_to_br),
    "truncate": _capped(string.truncate),
    "url_encode": _capped(_url_encode),
}


def _make_short_range(self: RangeLiteral, start: Any, stop: Any) -> range:
    # The stock function counts to any number, and `reversed` makes a list of it before the loop limit is checked.
    first, last = int(_number(start)), int(_number(stop))
    if last - first >= RANGE_LIMIT:
        raise _limited("range")
    return range(first, max(last + 1, first))


RangeLiteral._make_range = _make_short_range  # type: ignore[method-assign]
_HTML = _Environment(autoescape=True)
_TEXT = _Environment(autoescape=False)


@lru_cache(maxsize=512)
def _parsed(source: str, html: bool) -> BoundTemplate:
    check_form(source, COMPILED_LIMIT)
    return (_HTML if html else _TEXT).from_string(source)


def check_form(source: str, limit: int = SOURCE_LIMIT) -> None:
    """Refuse sources that are slow to lex, in one pass: too many tags, long tags, tags without an end.

    Raises TemplateError `too_long`, `invalid`, `too_many_tags`, `long_tag` or `open_tag`.
    """
    if len(source) > limit or len(source.encode("utf-8", "surrogatepass")) > limit:
        raise TemplateError("too_long", f"A template has at most {limit // 1024} KB.")
    if "\x00" in source or _SURROGATE.search(source):
        raise TemplateError("invalid", "This has characters that can't be stored.")
    if len(_RAW.findall(source)) > RAW_LIMIT:
        raise TemplateError("too_many_tags", f"A template has at most {RAW_LIMIT} raw blocks.")
    count, place = 0, 0
    while (opening := _OPENER.search(source, place)) is not None:
        count += 1
        if count > TAG_LIMIT:
            raise TemplateError("too_many_tags", f"A template has at most {TAG_LIMIT} tags.")
        start, end = opening.start(), "}}" if opening[0] == "{{" else "%}"
        close = source.find(end, opening.end(), opening.end() + TAG_LENGTH)
        if close >= 0 and _LONG_SPACE.search(source, start, close):
            raise TemplateError("long_tag", "This tag has too many spaces.", _line(source, start), opening[0])
        if close < 0:
            open_ended = source.find(end, opening.end()) < 0
            code, text = ("open_tag", "has no end") if open_ended else ("long_tag", "is too long")
            raise TemplateError(code, f"This tag {text}.", _line(source, start), opening[0])
        place = close + 2


def check(source: str, *, html: bool, limit: int = SOURCE_LIMIT) -> None:
    """Check a template. Raises TemplateError naming the line: syntax, unknown tags, filters and variables, size."""
    check_form(source, limit)
    try:
        parsed = (_HTML if html else _TEXT).from_string(source)
        analysis = parsed.analyze(include_partials=False)
    except LiquidError as error:
        raise _explained(error, source) from None
    except RecursionError:
        raise TemplateError("too_deep", "This is nested too deep.") from None
    for name, spans in analysis.filters.items():
        if name not in FILTERS:
            raise TemplateError("unknown_filter", f"There is no filter “{name}”.", _line(source, spans[0].index), name)
    check_fields(source, parsed)
    try:
        # Filters check their arguments only when they run, so run the template once with an empty context.
        parsed.render({})
    except _ByZero:
        pass
    except LiquidError as error:
        raise _explained(error, source) from None


def check_fields(source: str, parsed: BoundTemplate | None = None) -> None:
    """Check the fields.

    Raises TemplateError `unknown_variable` or `unknown_field` with the line and the nearest field.
    """
    fields_found = fields(source) if parsed is None else template_fields.fields_of(parsed.nodes)
    for fault in fields_found.faults:
        code = "unknown_field" if fault.field else "unknown_variable"
        text = f"There is nothing called “{fault.asked}”."
        raise TemplateError(code, text, _line(source, fault.index), fault.asked, fault.nearest)


@lru_cache(maxsize=1024)
def fields(source: str) -> template_fields.Fields:
    """Return the fields that a text shows and uses; none for an unparsable text, which saving refuses."""
    if "{" not in source:
        return template_fields.Fields()
    try:
        return template_fields.fields_of(_parsed(source, False).nodes)
    except (LiquidError, RecursionError, TemplateError):
        return template_fields.Fields()


class Plain(dict[str, Any]):
    """Hold a context of plain values, which is not copied again for each rendered text."""


def plain_context(context: Mapping[str, Any]) -> Plain:
    """Return the context as plain values. A context that is already plain is returned unchanged."""
    return context if type(context) is Plain else Plain(plain(dict(context)))


@lru_cache(maxsize=1024)
def roots(source: str) -> frozenset[str]:
    """Return the names of ROOTS that a text uses; all of them when this can't be determined."""
    try:
        names = (
            frozenset(_parsed(source, False).analyze(include_partials=False).globals) if "{" in source else frozenset()
        )
    except (LiquidError, RecursionError, TemplateError):
        return ROOTS
    return names if names <= ROOTS else ROOTS


def render(source: str, context: Mapping[str, Any], *, html: bool) -> str:
    """Render a text.

    Raises TemplateError for an exceeded limit or a misused filter. The context is copied to plain values.
    """
    if "{" not in source:
        return source
    try:
        plain_values = plain_context(context)
        pieces = _pieces(source, html)
        joined = None if pieces is None else _joined(pieces, plain_values, html)
        return joined if joined is not None else _parsed(source, html).render(plain_values)
    except LiquidError as error:
        raise _explained(error, source) from None
    except (ArithmeticError, ValueError, TypeError, RecursionError) as error:
        raise TemplateError("failed", str(error)[:200]) from None


@lru_cache(maxsize=1024)
def _pieces(source: str, html: bool) -> tuple[str | tuple[str, ...], ...] | None:
    """Return a text of only words and bare variables as words and paths; None if it needs the interpreter.

    Most messages are such texts, and joining them costs a tenth of interpreting them.
    """
    pieces: list[str | tuple[str, ...]] = []
    for node in _parsed(source, html).nodes:
        if type(node) is ContentNode:
            pieces.append(node.text)
            continue
        expression = node.expression if type(node) is OutputNode else None
        if type(expression) is not FilteredExpression or expression.filters or type(expression.left) is not Path:
            return None
        path = expression.left.path
        if not all(type(part) is str and part not in METHODS for part in path) or path[0] not in ROOTS - OWN_ROOTS:
            return None
        pieces.append(tuple(map(str, path)))
    return tuple(pieces)


def _joined(pieces: tuple[str | tuple[str, ...], ...], context: Plain, html: bool) -> str | None:
    """Return the result of the interpreter; None when it is too long, so that the interpreter refuses it."""
    parts = []
    for piece in pieces:
        if type(piece) is str:
            parts.append(piece)
            continue
        value: Any = context
        for name in piece:
            value = value.get(name) if isinstance(value, dict) else None
        parts.append(to_liquid_string(value, html))
    text = "".join(parts)
    return text if len(text) * 4 <= OUTPUT_LIMIT or len(text.encode()) <= OUTPUT_LIMIT else None


def plain(value: Any, depth: int = 0) -> Any:
    """Convert to dicts, lists, texts, numbers and booleans, so that no value in a template has methods of ours."""
    if value is None or type(value) in (str, int, float, bool):
        return value
    if depth > 8:
        raise TypeError("A template's context is nested too deep.")
    if type(value) is dict:
        return {str(key): plain(item, depth + 1) for key, item in value.items()}
    if type(value) in (list, tuple):
        return [plain(item, depth + 1) for item in value]
    raise TypeError(f"A template's context can't hold a {type(value).__name__}.")


def _explained(error: LiquidError, source: str) -> TemplateError:
    where = error.token.start_index if error.token is not None else -1
    code = "too_much" if isinstance(error, _TooMuch) or "limit reached" in str(error.message) else "syntax"
    return TemplateError(code, str(error.message), _line(source, where) if where >= 0 else _guess(source))


def _line(source: str, index: int) -> int:
    return source.count("\n", 0, index) + 1


def _guess(source: str) -> int:
    """Return the first line that can't be parsed: the parser does not say where an expression ends too early."""
    for number, line in enumerate(source.split("\n"), 1):
        for part in _PART.findall(line):
            opening = _OPENING.match(part)
            try:
                _TEXT.from_string(f"{part}{{% end{opening[1]} %}}" if opening else part)
            except LiquidError:
                return number
    return 0
