"""RFM scores and their groups.

A score runs from 1 to 5 by four cut points (quintiles of the buyers). Equal values always get equal scores, so ties are
broken in the same way every time (A1). The group depends on recency and on the mean of frequency and money.
"""

from __future__ import annotations

# Rows: recency 1 to 5. Columns: round((frequency + money) / 2) from 1 to 5.
GRID: tuple[tuple[str, ...], ...] = (
    ("lost", "hibernating", "at_risk", "cant_lose", "cant_lose"),
    ("hibernating", "hibernating", "at_risk", "at_risk", "cant_lose"),
    ("about_to_sleep", "about_to_sleep", "need_attention", "loyal", "loyal"),
    ("promising", "potential", "potential", "loyal", "loyal"),
    ("recent", "potential", "potential", "champion", "champion"),
)
