"""Duplicate images, above all across a split.

Duplicates share a name, have identical pixels, or look nearly the same.
"""

from collections.abc import Iterable, Iterator, Mapping

from mmsxm.checking.findings import Finding, Row
from mmsxm.imaging.fingerprint import Fingerprint
from mmsxm.imaging.near_duplicates import nearest_earlier, nearest_of

__all__ = ['copies', 'shared_images']

Rows = dict[str, Row]


def shared_images(training: Rows, evaluation: Iterable[Rows]) -> Iterator[Finding]:
    """Yield images named by lists of both sides, or by several evaluation lists.

    Args:
        training: Rows of training by their paths.
        evaluation: Rows of each evaluation list by their paths.
    """
    seen: Rows = {}
    for rows in evaluation:
        for path, row in rows.items():
            before = seen.setdefault(path, row)
            if before is not row:
                yield _pair('shared-evaluation', row, before)
    for path, row in training.items():
        if path in seen:
            yield _pair('leak', row, seen[path])


def copies(
    training: Rows, evaluation: Rows, fingerprints: Mapping[str, Fingerprint]
) -> Iterator[Finding]:
    """Yield images that are identical or look alike, within each side and across both.

    An image is reported once for each side: with the first earlier image that is identical, or else
    with the most similar one.

    Args:
        training: Rows of training by their paths.
        evaluation: Rows of evaluation by their paths. Images on both sides are left to
            :func:`shared_images`.
        fingerprints: Fingerprints of all readable images by their paths.
    """
    first_rows: list[dict[bytes, Row]] = []
    for side in (training, evaluation):
        by_digest: dict[bytes, Row] = {}
        for path, row in side.items():
            if path in fingerprints:
                before = by_digest.setdefault(fingerprints[path].digest, row)
                if before is not row:
                    yield _pair('identical-images', row, before)
        first_rows.append(by_digest)
    trained, tested = first_rows
    for path, row in training.items():
        twin = tested.get(fingerprints[path].digest) if path in fingerprints else None
        if twin is not None and path not in evaluation:
            yield _pair('leaked-copy', row, twin)

    trained_rows = list(trained.values())
    new_rows = [row for digest, row in tested.items() if digest not in trained]
    trained_hashes, new_hashes = (
        [fingerprints[row.path or ''].hash for row in rows] for rows in (trained_rows, new_rows)
    )
    for index, other, distance in nearest_of(new_hashes, trained_hashes):
        yield _pair('near-leak', new_rows[index], trained_rows[other], distance)
    for rows, hashes in ((trained_rows, trained_hashes), (new_rows, new_hashes)):
        for index, other, distance in nearest_earlier(hashes):
            yield _pair('near-duplicate', rows[index], rows[other], distance)


def _pair(kind: str, row: Row, other: Row, distance: int | None = None) -> Finding:
    detail = f'{row.name} matches {other.name} ({other.split}, {other.place})'
    if None not in (row.gt_label, other.gt_label) and row.gt_label != other.gt_label:
        detail += ', with different labels'
    if distance is not None:
        detail += f', {distance} of 255 bits differ'
    images = tuple(dict.fromkeys(path for path in (row.path, other.path) if path))
    return Finding(kind, row.split, row.place, detail, row, images)
