"""Data check: examine the datasets of a config before training.

It looks for whatever stops training or spoils its result. Each list is read as its dataset reads
it, each image is decoded in full, and each finding is stored with its place. docs/checking.md lists
the kinds of findings.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import partial

from mmengine.config import Config

from mmsxm.checking.duplicates import copies, shared_images
from mmsxm.checking.findings import Finding, Row
from mmsxm.checking.image_lists import (
    ImageList,
    error_reason,
    find_lists,
    read_rows,
    unlisted_images,
)
from mmsxm.checking.report import Report
from mmsxm.checking.rules import is_odd, known_labels, object_findings
from mmsxm.checking.summary import count_findings, summarize
from mmsxm.datasets.annotations import AnnotatedObject
from mmsxm.engine.pixel_mapping import config_mapping
from mmsxm.imaging.fingerprint import Fingerprint, fingerprint_file
from mmsxm.imaging.images import MAX_PIXELS, ImageError, image_id
from mmsxm.imaging.reading import Unreadable
from mmsxm.preparing.file_reading import read_files

__all__ = ['check_datasets']


def check_datasets(cfg: Config, workers: int = 0, max_pixels: int = MAX_PIXELS) -> Report:
    """Check the datasets of all phases of a config.

    Files may contain anything: problems with them become findings and are never raised.

    Args:
        cfg: Config. The ``dataset`` of each dataloader is read. A list that several of them name is
            read once.
        workers: Number of processes that decode images; 0 uses this process.
        max_pixels: Images larger than this become findings.

    Raises:
        ValueError: The config has no dataset, or one that does not derive from XrayDataset.
    """
    lists, findings = find_lists(cfg)
    for listed in lists:
        findings += read_rows(listed)
    read = partial(fingerprint_file, max_pixels=max_pixels, mapping=config_mapping(cfg))
    fingerprints, broken = _fingerprints(lists, workers, read)
    for listed in lists:
        findings += _examine_rows(listed, fingerprints, broken)
    findings += _compare_images(lists, fingerprints)
    findings += unlisted_images(lists)
    checked = [summarize(listed, fingerprints) for listed in lists]
    for listed, summary in zip(lists, checked, strict=True):
        findings += count_findings(listed, summary)
    return Report(checked, findings)


def _fingerprints(
    lists: Iterable[ImageList], workers: int, read: 'partial[Fingerprint | Unreadable]'
) -> tuple[dict[str, Fingerprint], dict[str, str]]:
    """Return the fingerprints of all images by path, and the errors of unreadable images."""
    paths = list(dict.fromkeys(row.path for listed in lists for row in listed.rows if row.path))
    fingerprints: dict[str, Fingerprint] = {}
    broken: dict[str, str] = {}
    for path, outcome in read_files(paths, read, workers):
        if isinstance(outcome, Fingerprint):
            fingerprints[path] = outcome
        else:
            broken[path] = outcome.error
    return fingerprints, broken


def _examine_rows(
    listed: ImageList, fingerprints: Mapping[str, Fingerprint], broken: Mapping[str, str]
) -> Iterator[Finding]:
    """Check the image and the annotation of each row."""
    dataset = listed.dataset
    for row in listed.rows:
        if row.path is None:
            continue
        fingerprint = fingerprints.get(row.path)
        if fingerprint is None:
            yield Finding('broken-image', row.split, row.path, broken[row.path], row)
        else:
            if fingerprint.transparent and listed.drops_transparency:
                yield Finding('transparent-image', row.split, row.path, '', row, (row.path,))
            if is_odd(fingerprint.size):
                height, width = fingerprint.size
                detail = f'{width} x {height}'
                yield Finding('odd-size', row.split, row.path, detail, row, (row.path,))
        img_id = image_id(row.name)
        place = dataset.annotation_place(img_id)
        objects: list[AnnotatedObject] | None
        try:
            objects = dataset.read_objects(img_id)
        except FileNotFoundError:
            objects = None
        except ImageError:  # already a finding: the image itself is broken
            continue
        except Exception as error:  # raised by a parser; the other files are still read
            yield Finding(
                'broken-annotation', row.split, place, error_reason(error), row, (row.path,)
            )
            if fingerprint and row.gt_label is not None:
                listed.labels[row.number] = row.gt_label
            continue
        # in a prepared copy, boxes are already clipped and may reach into the cropped margins
        size = fingerprint.size if fingerprint and dataset.prepared is None else None
        yield from object_findings(row, place, objects, dataset.CLASSES, size)
        found = known_labels(objects or (), dataset.CLASSES)
        if fingerprint and (found or row.gt_label is not None):
            listed.labels[row.number] = found if row.gt_label is None else row.gt_label
        listed.objects += ((row.number, item) for item in objects or ())


def _rows_by_path(lists: Iterable[ImageList]) -> dict[str, Row]:
    """Return the first row of each image."""
    rows: dict[str, Row] = {}
    for listed in lists:
        for row in listed.rows:
            if row.path is not None:
                rows.setdefault(row.path, row)
    return rows


def _compare_images(
    lists: list[ImageList], fingerprints: Mapping[str, Fingerprint]
) -> Iterator[Finding]:
    """Look for duplicate images."""
    for listed in lists:
        if listed.trains and len(listed.phases) > 1:
            yield listed.finding('one-list', f'the list is used for {" and ".join(listed.phases)}')
    training = _rows_by_path(listed for listed in lists if listed.trains)
    tested = [listed for listed in lists if not listed.trains]
    yield from shared_images(training, [_rows_by_path([listed]) for listed in tested])
    yield from copies(training, _rows_by_path(tested), fingerprints)
