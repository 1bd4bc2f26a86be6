"""Minor units and arithmetic on amounts."""

from __future__ import annotations

from core.text.currencies import EXPONENTS, exponent, to_major, to_minor

__all__ = ["EXPONENTS", "exponent", "share", "to_major", "to_minor"]


def share(whole: int, part: int, of: int) -> int:
    """Return `whole` in the proportion part : of, rounded half up; shares of growing parts never exceed the whole."""
    if of == 0:
        return 0
    return (2 * whole * part + of) // (2 * of)
