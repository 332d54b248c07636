"""Per-class thresholds for an operating point, and scaling of scores to probabilities.

A calibration is stored in the ``meta`` of a checkpoint as plain values and copied to every export.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from mmsxm.io.safe_parsing import is_number

__all__ = ['Calibration']

KEY = 'calibration'  # in a checkpoint's meta


@dataclass(frozen=True)
class Calibration:
    """Thresholds and score scaling, chosen on a validation set.

    Args:
        thresholds: Lowest score that raises an alarm, by class.
        slope: a in sigmoid(a * logit + b), by class; 1 leaves the scores unchanged.
        offset: b, by class.
        origin: How the values were chosen, for human readers: target rate, image set, counts and
            intervals.
    """

    thresholds: dict[str, float]
    slope: dict[str, float]
    offset: dict[str, float]
    origin: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def default(cls, classes: Sequence[str], threshold: float = 0.5) -> 'Calibration':
        """Return a calibration with one threshold for all classes and unchanged scores."""
        return cls(
            thresholds=dict.fromkeys(classes, threshold),
            slope=dict.fromkeys(classes, 1.0),
            offset=dict.fromkeys(classes, 0.0),
        )

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], classes: Sequence[str]) -> 'Calibration':
        """Create an instance from :meth:`to_dict`.

        Raises:
            ValueError: The values are invalid, or for other classes.
        """
        try:
            result = cls(**values)
            parts = [dict(part) for part in (result.thresholds, result.slope, result.offset)]
        except (TypeError, ValueError) as error:
            raise ValueError(
                f'The calibration is invalid: {error}. Run mmsxm calibrate again.'
            ) from error
        for numbers in parts:
            if set(numbers) != set(classes):
                raise ValueError(
                    f'The calibration is for {", ".join(map(str, numbers))}, but the network '
                    f'is for {", ".join(classes)}. Run mmsxm calibrate again.'
                )
            if invalid := [name for name, number in numbers.items() if not is_number(number)]:
                raise ValueError(
                    f'The calibration of {", ".join(invalid)} contains a value that is not a '
                    'number. Run mmsxm calibrate again.'
                )
        for name, threshold in result.thresholds.items():
            if not 0 <= threshold <= 1:  # every image would be an alarm, or none
                raise ValueError(
                    f'The threshold of {name} is {threshold}, which is not between 0 and 1. Run '
                    'mmsxm calibrate again.'
                )
        return result

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the meta of a checkpoint or the metadata of an export."""
        return asdict(self)
