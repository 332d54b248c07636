"""Scores that can be read as probabilities: temperature and Platt scaling of logits.

Platt, Probabilistic Outputs for Support Vector Machines, 1999; Guo et al., On Calibration of Modern
Neural Networks, ICML 2017. Both are a logistic regression on the logit, a * logit + b, without a
penalty; temperature scaling has no b. As Platt does it, targets are not 0 and 1 but what a new
image's would be expected to be, 1 / (n- + 2) and (n+ + 1) / (n+ + 2): then there is a finite
solution also where positives and negatives don't overlap.
"""

import numpy as np
from scipy.optimize import minimize

__all__ = ['fit_scaling', 'log_loss', 'to_logits', 'to_scores']

SMALLEST = 1e-7  # a score nearer to 0 or 1 than float32 tells apart


def to_logits(scores: np.ndarray) -> np.ndarray:
    """Undo the sigmoid, in float64; scores that were rounded to 0 or 1 give about -16 and 16."""
    clipped = np.clip(scores.astype(np.float64), SMALLEST, 1 - SMALLEST)
    return np.log(clipped) - np.log1p(-clipped)


def to_scores(logits: np.ndarray) -> np.ndarray:
    """The sigmoid."""
    return np.exp(-np.logaddexp(0, -logits))


def log_loss(scores: np.ndarray, targets: np.ndarray) -> float:
    """The mean cross-entropy of scores, over targets that are 1 or 0; -1 is left out."""
    kept = targets != -1
    logits, positive = to_logits(scores[kept]), targets[kept] == 1
    return float(np.logaddexp(0, np.where(positive, -logits, logits)).mean())


def fit_scaling(logits: np.ndarray, targets: np.ndarray, with_offset: bool) -> tuple[float, float]:
    """Find slope a and offset b of sigmoid(a * logit + b) with the lowest cross-entropy.

    Args:
        logits: Of any shape.
        targets: Of the same shape; 1, 0, or -1 for left out.
        with_offset: Platt scaling; else b is 0.

    Raises:
        ValueError: There are no positives or no negatives, or a is not positive: high scores
            would mean no item.
    """
    kept = targets != -1
    logits, positive = logits[kept], targets[kept] == 1
    positives, negatives = int(positive.sum()), int((~positive).sum())
    if not positives or not negatives:
        raise ValueError(f'scaling needs positives and negatives, not {positives} and {negatives}')
    wanted = np.where(positive, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    design = np.stack((logits, np.ones_like(logits)), axis=1)[:, : 1 + with_offset]

    def loss(weights: np.ndarray) -> float:
        scaled = design @ weights
        return float((np.logaddexp(0, scaled) - wanted * scaled).mean())

    def gradient(weights: np.ndarray) -> np.ndarray:
        return design.T @ (to_scores(design @ weights) - wanted) / len(wanted)

    def hessian(weights: np.ndarray) -> np.ndarray:
        scores = to_scores(design @ weights)
        curvature = (design * (scores * (1 - scores))[:, np.newaxis]).T @ design / len(wanted)
        return curvature + 1e-12 * np.eye(len(weights))  # regular even if all logits are equal

    # A trust region: where the sigmoid is flat, a Newton step with a line search diverges.
    # The tolerance is at the limit of float64, so the returned success flag means nothing.
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
            f'the scores would be turned round (slope {slope:.3g}): high ones go with no item'
        )
    return slope, offset
