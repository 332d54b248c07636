"""Thresholds by class for an operating point, and scores scaled to be read as probabilities.

A calibration is stored in the ``meta`` of a checkpoint, as plain values, and travels into every
export.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mmsxm.io.safe_parsing import is_number

__all__ = ['Calibration']

KEY = 'calibration'  # in a checkpoint's meta


@dataclass(frozen=True)
class Calibration:
    """What was decided on a validation set.

    Args:
        thresholds: By class, the score from which it is an alarm.
        slope: By class, a in sigmoid(a * logit + b); 1 leaves the scores as they are.
        offset: By class, b.
        origin: How it came about: wanted rate, image set, counts, intervals; for people.
    """

    thresholds: dict[str, float]
    slope: dict[str, float]
    offset: dict[str, float]
    origin: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def default(cls, classes: Sequence[str], threshold: float = 0.5) -> 'Calibration':
        """One threshold for all classes, scores as they are."""
        return cls(
            thresholds=dict.fromkeys(classes, threshold),
            slope=dict.fromkeys(classes, 1.0),
            offset=dict.fromkeys(classes, 0.0),
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], classes: Sequence[str]) -> 'Calibration':
        """Undo :meth:`to_dict`; ValueError if it is none, or of other classes."""
        try:
            result = cls(**values)
            parts = [dict(part) for part in (result.thresholds, result.slope, result.offset)]
        except (TypeError, ValueError) as error:
            raise ValueError(f'the calibration is none of mmsxm calibrate: {error}') from error
        for numbers in parts:
            if set(numbers) != set(classes):
                raise ValueError(
                    f'the calibration is of {", ".join(map(str, numbers))}, the network knows '
                    f'{", ".join(classes)}: calibrate it again with mmsxm calibrate'
                )
            if wrong := [name for name, number in numbers.items() if not is_number(number)]:
                raise ValueError(
                    f'the calibration of {", ".join(wrong)} holds what is no number: calibrate it '
                    'again with mmsxm calibrate'
                )
        for name, threshold in result.thresholds.items():
            if not 0 <= threshold <= 1:  # there would be alarms always, or never
                raise ValueError(
                    f'the threshold of {name} is {threshold}, not between 0 and 1: calibrate it '
                    'again with mmsxm calibrate'
                )
        return result

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint's meta or an export's metadata."""
        return asdict(self)
