"""Results of a data check."""

import json
import math
from typing import NamedTuple

from mmsxm.checking.findings import ERROR, KINDS, Finding
from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['CheckedList', 'Report']

FORMAT = 1


class CheckedList(NamedTuple):
    """Summary of a list.

    Attributes:
        split: Purpose of the list, such as ``train`` or ``val/test``.
        dataset: Dataset that reads the list.
        rows: Number of rows, not counting those in ``left_out``.
        left_out: Number of rows that the config skips (``positives_only``).
        usable: Number of rows whose image is readable and has labels.
        positives: Number of usable rows with a positive label.
        published: Number of positives in the release, or None if it is unknown.
        images: Usable images per class.
        boxes: Objects per class.
        statistics: Quantiles of measures of images and boxes.
    """

    split: str
    dataset: XrayDataset
    rows: int
    left_out: int
    usable: int
    positives: int
    published: int | None
    images: dict[str, int]
    boxes: dict[str, int]
    statistics: dict[str, dict[str, float]]


class Report(NamedTuple):
    """Checked lists of a config, and all findings."""

    lists: list[CheckedList]
    findings: list[Finding]

    @property
    def may_train(self) -> bool:
        """Return whether there are no errors, so that training may start."""
        return all(finding.severity != ERROR for finding in self.findings)

    def by_kind(self) -> dict[str, list[Finding]]:
        """Return the findings by the keys of KINDS and in their order: the most severe first."""
        found: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
        for finding in self.findings:
            found[finding.kind].append(finding)
        return {kind: findings for kind, findings in found.items() if findings}

    def to_json(self) -> str:
        """Return everything as ASCII JSON. A box corner that is not a number is null."""
        lists = [
            {
                'split': checked.split,
                'file': checked.dataset.ann_file,
                'images_in': checked.dataset.img_prefix,
                **{key: getattr(checked, key) for key in CheckedList._fields[2:]},
            }
            for checked in self.lists
        ]
        findings = [
            {
                'kind': finding.kind,
                'severity': finding.severity,
                'split': finding.split,
                'place': finding.place,
                'detail': finding.detail,
                'name': finding.row.name if finding.row else None,
                'images': finding.images,
                'box': finding.box and [v if math.isfinite(v) else None for v in finding.box],
            }
            for finding in self.findings
        ]
        kinds = {kind: KINDS[kind]._asdict() for kind in self.by_kind()}
        content = {
            'format': FORMAT,
            'may_train': self.may_train,
            'lists': lists,
            'kinds': kinds,
            'findings': findings,
        }
        return json.dumps(content, indent=1, allow_nan=False) + '\n'
