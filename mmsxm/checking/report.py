"""What a check of data sets found out."""

import json
import math
from typing import NamedTuple

from mmsxm.checking.checks import ERROR, KINDS, Finding
from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['CheckedList', 'Report']

FORMAT = 1


class CheckedList(NamedTuple):
    """What is in a list.

    Attributes:
        split: What it is for, such as ``train`` or ``val/test``.
        dataset: That reads it.
        rows: That it has, those that the config leaves out (``positives_only``) not counted.
        left_out: These.
        usable: Rows whose image can be read and has labels.
        positives: Usable ones with a label.
        published: Positives of the release, None if nothing is known.
        images: Usable images by class.
        boxes: Objects by class.
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
    """The lists of a config, and what was found."""

    lists: list[CheckedList]
    findings: list[Finding]

    @property
    def may_train(self) -> bool:
        """Whether nothing was found that a training must not start with."""
        return all(finding.severity != ERROR for finding in self.findings)

    def by_kind(self) -> dict[str, list[Finding]]:
        """The findings by the keys of KINDS, in their order: the worst first."""
        found: dict[str, list[Finding]] = {kind: [] for kind in KINDS}
        for finding in self.findings:
            found[finding.kind].append(finding)
        return {kind: findings for kind, findings in found.items() if findings}

    def to_json(self) -> str:
        """Everything as JSON, in ASCII; a corner of a box that is no number is null."""
        lists = [
            {
                'split': one.split,
                'file': one.dataset.ann_file,
                'images_in': one.dataset.img_prefix,
                **{key: getattr(one, key) for key in CheckedList._fields[2:]},
            }
            for one in self.lists
        ]
        findings = [
            {
                'kind': one.kind,
                'severity': one.severity,
                'split': one.split,
                'place': one.place,
                'detail': one.detail,
                'name': one.row.name if one.row else None,
                'images': one.images,
                'box': one.box and [v if math.isfinite(v) else None for v in one.box],
            }
            for one in self.findings
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
