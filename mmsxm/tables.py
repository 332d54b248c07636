"""Tables as csv files."""

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from mmsxm.files import whole_file


def write_csv(path: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows of equal keys under a header of these; an old table stays until all is written."""
    with whole_file(path) as unfinished, unfinished.open('w', newline='', encoding='utf-8') as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator='\n')
        writer.writeheader()
        writer.writerows(rows)
