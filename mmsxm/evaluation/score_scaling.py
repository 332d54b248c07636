"""Temperature and Platt scaling of logits, so that scores can be read as probabilities.

Platt, Probabilistic Outputs for Support Vector Machines, 1999; Guo et al., On Calibration of Modern
Neural Networks, ICML 2017.

Both are a logistic regression on the logit, a * logit + b, without a penalty. Temperature scaling
has no b. As in Platt's method, targets are not 0 and 1, but the expected targets of a new image:
1 / (n- + 2) and (n+ + 1) / (n+ + 2). A finite solution then exists even if positives and negatives
do not overlap.
"""

import numpy as np
from scipy.optimize import minimize

__all__ = ['fit_scaling', 'log_loss', 'to_logits', 'to_scores']

SMALLEST = 1e-7  # scores closer than this to 0 or 1 are indistinguishable in float32


def to_logits(scores: np.ndarray) -> np.ndarray:
    """Invert the sigmoid, in float64. Scores that were rounded to 0 or 1 give about -16 and 16."""
    clipped = np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.log(clipped) - np.log1p(-clipped)


def to_scores(logits: np.ndarray) -> np.ndarray:
    """Apply the sigmoid."""
    return np.exp(-np.logaddexp(0, -logits))


def log_loss(scores: np.ndarray, targets: np.ndarray) -> float:
    """Return the mean cross-entropy of scores over the targets 1 and 0. Targets -1 are ignored."""
    kept = targets != -1
    logits, is_positive = to_logits(scores[kept]), targets[kept] == 1  # (n,) each
    return float(np.logaddexp(0, np.where(is_positive, -logits, logits)).mean())


def fit_scaling(logits: np.ndarray, targets: np.ndarray, with_offset: bool) -> tuple[float, float]:
    """Find slope a and offset b of sigmoid(a * logit + b) with the lowest cross-entropy.

    Args:
        logits: Array of any shape.
        targets: Array of the same shape, of 1, 0 or -1 (ignored).
        with_offset: Whether to fit b (Platt scaling). Otherwise, b is 0.

    Raises:
        ValueError: There are no positives or no negatives, or a is not positive, so high scores
            would mean that there is no item.
    """
    kept = targets != -1
    logits, is_positive = logits[kept], targets[kept] == 1  # (n,) each
    positives, negatives = int(is_positive.sum()), int((~is_positive).sum())
    if not positives or not negatives:
        raise ValueError(
            f'scaling needs positives and negatives, not {positives} and {negatives}. Add images, '
            'or do not scale.'
        )
    smoothed = np.where(is_positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))  # (n,)
    design = np.stack((logits, np.ones_like(logits)), axis=1)[:, : 1 + with_offset]  # (n, 1 or 2)

    def loss(weights: np.ndarray) -> float:
        scaled = design @ weights  # (n,)
        return float((np.logaddexp(0, scaled) - smoothed * scaled).mean())

    def gradient(weights: np.ndarray) -> np.ndarray:
        return design.T @ (to_scores(design @ weights) - smoothed) / len(smoothed)  # (1 or 2,)

    def hessian(weights: np.ndarray) -> np.ndarray:
        scores = to_scores(design @ weights)  # (n,)
        curvature = (design * (scores * (1 - scores))[:, np.newaxis]).T @ design / len(smoothed)
        return curvature + 1e-12 * np.eye(len(weights))  # regular even if all logits are equal

    # A trust region, because a Newton step with a line search diverges where the sigmoid is flat.
    # The tolerance is at the limit of float64, so the returned success flag is meaningless.
    weights = minimize(
        loss,
        np.array([1.0, 0.0])[: 1 + with_offset],
        method='trust-exact',
        jac=gradient,
        hess=hessian,
        options=dict(gtol=1e-10),
    ).x
    slope, offset = (*weights.tolist(), 0.0)[:2]
    if slope <= 0:
        raise ValueError(
            f'scaling would reverse the order of scores (slope {slope:.3g}) because images without '
            'the item have higher ones. Check the labels and the network, or do not scale.'
        )
    return slope, offset
