"""Compute experiments: the arm of a customer, the sample size, the effect and its certainty.

Sources: sample size of two proportions and of two means with unpooled variance, Chow, Shao & Wang, Sample Size
Calculations in Clinical Research (3rd ed., 2018), ch. 3 and 4; the interval of a difference of means with unequal
variances, Welch (1947), by the normal law; looking at any time: the mixture sequential probability ratio test with a
normal mixture, Robbins (1970), as Johari, Koomen, Pekelis & Walsh, "Always valid inference", Operations Research 70
(2022) use it; several arms against one control: Bonferroni; the sample ratio: Pearson's chi-square. Shares with few
events: the hybrid score interval without continuity correction, Newcombe, Statistics in Medicine 17 (1998) 873-890,
method 10, and Fisher's exact test; none of n: the exact upper bound 1 - error^(1/n), about 3/n (Hanley & Lippman-Hand,
JAMA 249 (1983) 1743-1745); the relative lift: the interval of the logarithm of a ratio, Katz, Baptista, Azen & Pike,
Biometrics 34 (1978); the covariate from before the experiment (CUPED): Deng, Xu, Kohavi & Walker, "Improving the
sensitivity of online controlled experiments by utilizing pre-experiment data", WSDM 2013.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence
from dataclasses import dataclass

# scipy is imported where it is used: otherwise every process would load it, at over a third of a process's memory.
SHARES = 10_000
# Below this probability the arms' sizes are no accident: one false alarm in a thousand experiments.
MISMATCH = 0.001
# With fewer customers the normal law does not hold yet, so no effect is reported.
FEWEST = 100
# With fewer customers who did it, or who did not, the normal law does not hold for a share.
FEWEST_EVENTS = 10


def share_of(salt: str, customer_id: int) -> int:
    """Return a share from 0 to 9,999 by a hash of experiment and customer (X1), as `campaigns_share` in SQL does."""
    return int(hashlib.sha256(f"{salt}/{customer_id}".encode()).hexdigest()[:8], 16) % SHARES


def limits_of(weights: Sequence[int]) -> list[int]:
    """Return the end of each arm's shares, the last one 10,000; an arm of weight 0 gets no customer."""
    total = sum(weights)
    ends, so_far = [], 0
    for weight in weights:
        so_far += weight
        ends.append(round(so_far * SHARES / total))
    return ends


def arm_of(salt: str, customer_id: int, weights: Sequence[int]) -> int:
    """Return the position of the customer's arm."""
    share = share_of(salt, customer_id)
    return next(place for place, end in enumerate(limits_of(weights)) if share < end)


@dataclass(frozen=True)
class Covariate:
    """Hold the sums of a covariate x from before the experiment: of x, of x squared, and of x times the metric."""

    total: float
    squares: float
    products: float


@dataclass(frozen=True)
class GroupOutcome:
    """Hold one arm's figures by intention to treat: all drawn customers, whether they got anything or not (X2).

    `total` and `squares` are the sum and the sum of squares of the metric over its `count` customers. `events`: the
    number of customers with a metric other than 0; None when unknown. `covariate`: sums over the same customers.
    """

    count: int
    total: float
    squares: float
    events: int | None = None
    covariate: Covariate | None = None

    @property
    def mean(self) -> float:
        """Return the mean, or 0 without values."""
        return self.total / self.count if self.count else 0.0

    @property
    def variance(self) -> float:
        """Return the unbiased variance of one customer."""
        if self.count < 2:
            return 0.0
        return max(0.0, (self.squares - self.total**2 / self.count) / (self.count - 1))

    @property
    def spread(self) -> float:
        """Return the sum of squared deviations of the covariate from its mean."""
        x = self.covariate
        return max(0.0, x.squares - x.total**2 / self.count) if x and self.count else 0.0

    @property
    def joint(self) -> float:
        """Return the sum of products of the deviations of covariate and metric."""
        x = self.covariate
        return x.products - x.total * self.total / self.count if x and self.count else 0.0


@dataclass(frozen=True)
class AdjustedEffect:
    """Hold an effect with spend before exposure as covariate (CUPED), in units of the metric.

    `narrower`: by which part the interval is narrower than the plain one; below 0 when it is wider.
    """

    difference: float
    low: float
    high: float
    chance: float
    sure: bool
    narrower: float


@dataclass(frozen=True)
class ExperimentEffect:
    """Hold the difference of an arm from the control with its interval. `sure`: the interval excludes 0.

    `chance` is the p-value; if the results may be read at any time, the always valid one. `level`: the share of such
    intervals that contain the true difference. `lift` is the difference relative to the control's mean, with its own
    interval; None when the control has no mean. `few`: too few customers did it, or did not, for a conclusion. Then
    `chance` and interval are exact for shares, and None for metrics that a share does not bound.
    """

    difference: float
    low: float | None
    high: float | None
    chance: float | None
    sure: bool
    level: float = 0.95
    lift: float | None = None
    lift_low: float | None = None
    lift_high: float | None = None
    few: bool = False


def effect_of(
    arm: GroupOutcome,
    control: GroupOutcome,
    *,
    error: float,
    comparisons: int = 1,
    mixture: float | None = None,
    share: bool = False,
) -> ExperimentEffect | None:
    """Return the effect of the arm; None while either group has fewer than 100 customers.

    `error` is the allowed rate of false alarms over all `comparisons`. Without `mixture` the interval holds for one
    look at a sample of fixed size. With it (the smallest effect of interest, in units of the metric) it holds for any
    number of looks. `share`: each customer's metric is 0 or 1.
    """
    if min(arm.count, control.count) < FEWEST:
        return None
    difference = arm.mean - control.mean
    variance = arm.variance / arm.count + control.variance / control.count
    allowed = error / comparisons
    if _is_few(arm, share) or _is_few(control, share) or variance == 0:
        return _effect_of_few(arm, control, allowed=allowed, comparisons=comparisons, share=share, once=mixture is None)
    half, chance = _certainty(difference, variance, allowed, mixture)
    lift, lift_low, lift_high = lift_of(arm, control, half / math.sqrt(variance))
    return ExperimentEffect(
        difference, difference - half, difference + half, min(1.0, chance * comparisons), abs(difference) > half,
        1 - allowed, lift, lift_low, lift_high,
    )  # fmt: skip


def theta_of(groups: Sequence[GroupOutcome]) -> float | None:
    """Return the slope of the metric on the covariate within the groups, pooled over all of them (Deng et al., eq. 4).

    It is the coefficient of the covariate in the analysis of covariance. None when the covariate does not vary.
    """
    spread = sum(group.spread for group in groups)
    return sum(group.joint for group in groups) / spread if spread > 0 else None


def adjusted_effect_of(
    arm: GroupOutcome,
    control: GroupOutcome,
    *,
    theta: float | None,
    error: float,
    comparisons: int = 1,
    mixture: float | None = None,
    share: bool = False,
) -> AdjustedEffect | None:
    """Return the effect adjusted by the covariate: the metric less `theta` times the deviation of the covariate.

    The covariate is from before the exposure, so the treatment can't have changed it: the adjusted difference has the
    same expectation, and its variance falls by the squared correlation. None where the plain effect has no interval by
    the normal law, or without a covariate. Other parameters as in `effect_of`.
    """
    if theta is None or arm.covariate is None or control.covariate is None or min(arm.count, control.count) < FEWEST:
        return None
    plain = arm.variance / arm.count + control.variance / control.count
    variance = _adjusted_variance(arm, theta) + _adjusted_variance(control, theta)
    if _is_few(arm, share) or _is_few(control, share) or plain == 0 or variance <= 0:
        return None
    drift = arm.covariate.total / arm.count - control.covariate.total / control.count
    difference = arm.mean - control.mean - theta * drift
    allowed = error / comparisons
    half, chance = _certainty(difference, variance, allowed, mixture)
    whole, _chance = _certainty(arm.mean - control.mean, plain, allowed, mixture)
    return AdjustedEffect(
        difference, difference - half, difference + half, min(1.0, chance * comparisons), abs(difference) > half,
        1 - half / whole,
    )  # fmt: skip


def _adjusted_variance(group: GroupOutcome, theta: float) -> float:
    """Return the variance of the mean of one group's adjusted metric."""
    freedom = group.count - 1
    squares = group.variance * freedom - 2 * theta * group.joint + theta**2 * group.spread
    return max(0.0, squares) / freedom / group.count


def _certainty(difference: float, variance: float, allowed: float, mixture: float | None) -> tuple[float, float]:
    """Return half the width of the interval and the p-value, for one look or, with `mixture`, for any number."""
    if mixture is not None:
        return sequential_half(variance, mixture, allowed), sequential_chance(difference, variance, mixture)
    from scipy import stats  # noqa: PLC0415 - heavy: only reports need it

    half = float(stats.norm.isf(allowed / 2)) * math.sqrt(variance)
    return half, 2 * float(stats.norm.sf(abs(difference) / math.sqrt(variance)))


def mean_interval(
    outcome: GroupOutcome, *, error: float, mixture: float | None = None, share: bool = False
) -> tuple[float, float] | None:
    """Return the interval of one group's own mean; None while it has too few customers, or too few who did it.

    A share with few events gets Wilson's interval. With `mixture` the interval holds for any number of looks.
    """
    if outcome.count < FEWEST:
        return None
    if _is_few(outcome, share) or outcome.variance == 0:
        return wilson(round(outcome.total), outcome.count, error=error) if share else None
    half, _chance = _certainty(outcome.mean, outcome.variance / outcome.count, error, mixture)
    return max(0.0, outcome.mean - half), min(1.0, outcome.mean + half) if share else outcome.mean + half


def _is_few(outcome: GroupOutcome, share: bool) -> bool:
    events = outcome.total if share else outcome.events
    if events is None:
        return False
    return events < FEWEST_EVENTS or (share and outcome.count - events < FEWEST_EVENTS)


def _effect_of_few(
    arm: GroupOutcome, control: GroupOutcome, *, allowed: float, comparisons: int, share: bool, once: bool
) -> ExperimentEffect:
    """Return the effect with few events: bounds and an exact p-value for shares, only the difference otherwise.

    Both hold for one look, so nothing is sure when the results may be read at any time.
    """
    difference = arm.mean - control.mean
    if not share:
        return ExperimentEffect(difference, None, None, None, False, 1 - allowed, few=True)
    counts = (round(arm.total), arm.count), (round(control.total), control.count)
    low, high = newcombe(*counts[0], *counts[1], error=allowed)
    chance = fisher_chance(*counts[0], *counts[1])
    sure = once and chance < allowed and not low <= 0 <= high
    lift = difference / control.mean if control.mean else None
    return ExperimentEffect(difference, low, high, min(1.0, chance * comparisons), sure, 1 - allowed, lift, few=True)


def lift_of(arm: GroupOutcome, control: GroupOutcome, width: float) -> tuple[float | None, float | None, float | None]:
    """Return the relative change of a mean and its interval; `width` in standard errors.

    None when a mean is not above 0.
    """
    if control.mean <= 0:
        return None, None, None
    lift = arm.mean / control.mean - 1
    if arm.mean <= 0:
        return lift, None, None
    spread = math.sqrt(arm.variance / arm.count / arm.mean**2 + control.variance / control.count / control.mean**2)
    ratio = arm.mean / control.mean
    return lift, ratio * math.exp(-width * spread) - 1, ratio * math.exp(width * spread) - 1


def wilson(events: int, count: int, *, error: float) -> tuple[float, float]:
    """Return the score interval of a share (Wilson 1927)."""
    from scipy import stats  # noqa: PLC0415 - heavy: only reports need it

    z = float(stats.norm.isf(error / 2))
    share = events / count
    middle = share + z**2 / (2 * count)
    half = z * math.sqrt(share * (1 - share) / count + z**2 / (4 * count**2))
    whole = 1 + z**2 / count
    return max(0.0, (middle - half) / whole), min(1.0, (middle + half) / whole)


def newcombe(events: int, count: int, others: int, of: int, *, error: float) -> tuple[float, float]:
    """Return the interval of the difference of two shares with few events: Newcombe's method 10."""
    one, two = events / count, others / of
    one_low, one_high = wilson(events, count, error=error)
    two_low, two_high = wilson(others, of, error=error)
    difference = one - two
    return (
        difference - math.hypot(one - one_low, two_high - two),
        difference + math.hypot(one_high - one, two - two_low),
    )


def fisher_chance(events: int, count: int, others: int, of: int) -> float:
    """Return Fisher's exact two-sided p-value."""
    from scipy import stats  # noqa: PLC0415 - heavy: only reports need it

    return float(stats.fisher_exact([[events, count - events], [others, of - others]]).pvalue)


def none_seen_bound(count: int, *, error: float = 0.05) -> float:
    """Return the largest share that gives none of `count` with this probability: about 3 / count at 5%."""
    return 1 - error ** (1 / count)


def sequential_half(variance: float, mixture: float, error: float) -> float:
    """Return half the width of the interval that holds for all looks together."""
    wide = variance + mixture**2
    return math.sqrt(2 * variance * wide / mixture**2 * (math.log(1 / error) + math.log(wide / variance) / 2))


def sequential_chance(difference: float, variance: float, mixture: float) -> float:
    """Return the always valid p-value: one over the mixture's likelihood ratio."""
    wide = variance + mixture**2
    exponent = -((mixture * difference) ** 2) / (2 * variance * wide)
    return min(1.0, math.sqrt(wide / variance) * math.exp(exponent))


def sample_needed(
    *,
    variances: tuple[float, float],
    shares: tuple[float, float],
    effect: float,
    error: float,
    power: float,
    comparisons: int = 1,
    sequential: bool = False,
) -> int:
    """Return the customers needed in all arms together to detect an effect of this size with this power.

    `variances` are those of one customer in control and arm, `shares` the parts of all customers that the two get. With
    `sequential`, return the size at which one look at the end has this power when looks at any time are allowed.
    """
    from scipy import optimize, stats  # noqa: PLC0415 - heavy: only reports need it

    spread = variances[0] / shares[0] + variances[1] / shares[1]
    beyond = float(stats.norm.isf(1 - power))
    allowed = error / comparisons
    fixed = (float(stats.norm.isf(allowed / 2)) + beyond) ** 2 * spread / effect**2
    least = FEWEST / min(shares)
    if not sequential:
        return math.ceil(max(fixed, least))

    def short(count: float) -> float:
        variance = spread / count
        return sequential_half(variance, effect, allowed) + beyond * math.sqrt(variance) - effect

    return math.ceil(max(float(optimize.brentq(short, fixed / 4, fixed * 50)), least))


def variance_of_share(share: float) -> float:
    """Return the variance of a customer who does something with this probability."""
    return share * (1 - share)


def mismatch(counts: Sequence[int], weights: Sequence[int]) -> float:
    """Return the probability of sizes as uneven as these under the weights; below MISMATCH the draw is faulty."""
    pairs = [(count, weight) for count, weight in zip(counts, weights, strict=True) if weight or count]
    if any(not weight for _count, weight in pairs):
        return 0.0
    from scipy import stats  # noqa: PLC0415 - heavy: only reports need it

    total, whole = sum(counts), sum(weights)
    if len(pairs) < 2 or total == 0:
        return 1.0
    expected = [total * weight / whole for _count, weight in pairs]
    return float(stats.chisquare([count for count, _weight in pairs], expected).pvalue)
