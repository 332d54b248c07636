"""How well attention points in each image, as a CSV file, to pair networks by image."""

import math
import os
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mmengine.evaluator import BaseMetric

from mmsxm.evaluation.array_metric import image_name
from mmsxm.evaluation.attention_localization import localization_of
from mmsxm.io.files import write_csv
from mmsxm.io.safe_parsing import read_records
from mmsxm.registry import METRICS

__all__ = ['LocalizationTable', 'read_localization']

MEASURES = ('pointing', 'energy')


def read_localization(path: str | os.PathLike[str] | zipfile.Path) -> dict[str, dict[str, float]]:
    """Read a CSV file of :class:`LocalizationTable`: by image, ``pointing`` and ``energy``.

    Raises:
        FileNotFoundError: The file does not exist.
        ValueError: A column is missing, or a value is not a number.
    """
    columns, rows = read_records(path)
    if missing := [column for column in ('name', *MEASURES) if column not in columns]:
        raise ValueError(f'{path} has no column {", ".join(missing)}')
    try:
        return {row['name']: {key: float(row[key]) for key in MEASURES} for _, row in rows}
    except ValueError as error:
        raise ValueError(f'{path} contains an invalid value: {error}') from error


@METRICS.register_module()
class LocalizationTable(BaseMetric):
    """Write a CSV file of ``name``, ``pointing`` and ``energy``, as shares, for images with boxes.

    The columns are those of :class:`AttentionLocalization`. This metric adds no value of its own.

    Args:
        out: File to write.
        collect_device: ``cpu`` or ``gpu``, by which the results of all ranks are gathered.

    Attributes:
        reads_attention: Marks metrics that averaged scores are not enough for.
    """

    default_prefix = 'xray'
    reads_attention = True

    def __init__(self, out: str, collect_device: str = 'cpu') -> None:
        super().__init__(collect_device=collect_device)
        self.out = Path(out)

    def process(self, data_batch: object, data_samples: Sequence[dict]) -> None:
        """Keep the name and the measures of each image."""
        for sample in data_samples:
            seen = localization_of(sample)
            self.results.append((image_name(sample), seen.pointing, seen.energy))

    def compute_metrics(self, results: list[tuple[str, float, float]]) -> dict[str, Any]:
        """Write the file, and return no metric."""
        rows = [
            {'name': name, 'pointing': f'{pointing:.6g}', 'energy': f'{energy:.6g}'}
            for name, pointing, energy in sorted(results)
            if not math.isnan(pointing)  # the image has a box
        ]
        if rows:
            write_csv(self.out, rows)
        return {}
