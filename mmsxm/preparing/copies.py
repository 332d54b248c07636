"""Copies of datasets with images as small as the network needs them (docs/data.md).

Images are stored losslessly, so that training on a copy sees the same pixels. ``prepared.csv`` in
the copy lists every file with the digests of its source and of itself. An interrupted copy resumes
where it stopped, and a finished one is verified. The lists are copied last, so that an unfinished
copy is not a dataset.
"""

import csv
import hashlib
import math
import shutil
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmcv.transforms import LoadAnnotations

from mmsxm.conventions import RESIZED
from mmsxm.datasets.annotations import AnnotatedObject, Box, clip_box
from mmsxm.datasets.image_folder import ImageFolder
from mmsxm.datasets.opixray import read_box_lines
from mmsxm.datasets.prepared_copy import NOTE, CopySettings, note_content, read_copy_note
from mmsxm.datasets.rewriting import lines_with_boxes, voc_with_boxes
from mmsxm.datasets.voc import read_voc_objects
from mmsxm.imaging.foreground import BACKGROUND, MARGIN
from mmsxm.imaging.images import ImageError, read_image
from mmsxm.io.files import atomic_write, sha256, sha256_or_none
from mmsxm.io.worker_pool import WorkerDiedError, WorkerPool
from mmsxm.preparing.manifest import MANIFEST, ManifestRow, is_intact, read_rows, write_rows

__all__ = ['LAYOUTS', 'CopyReport', 'prepare_data']

# lossless, and 30 times faster to read than PNG (docs/performance.md)
SUFFIX = '.bmp'
HEADER_BYTES = 54
NO_AREA: Box = (math.nan,) * 4


class _Part(NamedTuple):
    """Folders of images and annotations, with the suffix of the annotations."""

    images: str
    annotations: str
    suffix: str


class _Layout(NamedTuple):
    parts: tuple[_Part, ...]
    copied: tuple[str, ...]  # patterns of files to copy unchanged
    background: int | None = None
    margin: int | None = None


# margins are cropped where configs/_base_/datasets crops them
LAYOUTS = {
    'sixray': _Layout(
        (_Part('JPEGImage', 'Annotation', '.xml'),), ('*.csv', 'ImageSet/*', 'ImageSet/*/*')
    ),
    'opixray': _Layout(
        tuple(
            _Part(f'{split}/{split}_image', f'{split}/{split}_annotation', '.txt')
            for split in ('train', 'test')
        ),
        ('train/*', 'test/*', '*/*_visible/*'),
        background=BACKGROUND,
        margin=MARGIN,
    ),
}


# functions that read annotations and write them with new boxes
FORMATS = {
    '.xml': (read_voc_objects, voc_with_boxes),
    '.txt': (read_box_lines, lines_with_boxes),
}


class _Image(NamedTuple):
    """Files of one image. ``rows`` are their manifest rows from an earlier run."""

    source: str
    file: str
    annotation: str
    rows: tuple[ManifestRow, ...]


class CopyReport(NamedTuple):
    """Number of prepared and of intact images, and why others are unreadable."""

    prepared: int
    intact: int
    broken: dict[str, str]


def prepare_data(
    layout: str, src: str | Path, dst: str | Path, size: int = RESIZED, workers: int = 0
) -> CopyReport:
    """Write a copy of a dataset with images of ``size`` x ``size``, or finish and verify one.

    A file is written again if it differs from its digest, in the copy or in the release. Files that
    no longer exist in the release are deleted. Unreadable images are skipped and reported.
    Unreadable annotations and lists are copied.

    Args:
        layout: ``sixray``, or ``opixray``, whose white margins are cropped.
        src: Folder of the release.
        dst: Folder of the copy.
        size: Side of the images in pixels, as in the ``Resize`` of the configs.
        workers: Number of processes. 0 uses this process only.

    Raises:
        FileNotFoundError: The image folders of the release do not exist.
        ValueError: The release is itself a copy, the folder of the copy contains something else,
            the disk is too small, or a number is out of range.
    """
    from rich.progress import track

    if size < 1 or workers < 0:
        raise ValueError(f'size={size} must be at least 1, and workers={workers} at least 0.')
    src, dst = Path(src), Path(dst)
    kind = LAYOUTS[layout]
    settings = CopySettings(layout, size, kind.background, kind.margin)
    known = _claim(src, dst, settings)
    images = _find_images(src, kind, known)
    _check_space(dst, images, size)
    broken: dict[str, str] = {}
    rows: dict[str, ManifestRow] = {}
    intact = 0
    with open(dst / MANIFEST, 'a', encoding='utf-8', newline='') as file:
        writer = csv.writer(file, lineterminator='\n')
        outcomes = _prepare_all(src, dst, images, settings, workers)
        for image, outcome in track(outcomes, 'CopySettings images', total=len(images)):
            if isinstance(outcome, str):
                broken[str(src / image.source)] = outcome
                continue
            if outcome is None:
                intact += 1
            else:
                writer.writerows(outcome)
                file.flush()
            rows |= {row.file: row for row in outcome or image.rows}
    for name in _files(src, kind.copied):
        data = (src / name).read_bytes()
        digest = hashlib.sha256(data).hexdigest()
        rows[name] = ManifestRow(name, name, digest, digest)
        if sha256_or_none(dst / name) != digest:
            atomic_write(dst / name, data)
    for name in known.keys() - rows.keys():  # no longer in the release, or unreadable
        (dst / name).unlink(missing_ok=True)
    write_rows(dst, rows.values())
    return CopyReport(len(images) - intact - len(broken), intact, broken)


def _claim(src: Path, dst: Path, settings: CopySettings) -> dict[str, ManifestRow]:
    """Write a note into a new folder, or read the manifest of a folder with the same note."""
    if read_copy_note(src) is not None:
        raise ValueError(f'{src} is a prepared copy. Use the folder of the release.')
    if dst.exists() and not dst.is_dir():
        raise ValueError(f'{dst} is a file. Choose a folder.')
    if dst.exists() and any(dst.iterdir()) and read_copy_note(dst) != settings:
        raise ValueError(
            f'{dst} is not empty, and {NOTE} does not describe a copy with these settings. Delete '
            'the folder or choose another one.'
        )
    for part in LAYOUTS[settings.layout].parts:
        ImageFolder(str(src / part.images))  # raises an error if the folder does not exist
    rows = {row.file: row for row in read_rows(dst)}
    atomic_write(dst / NOTE, note_content(settings))
    write_rows(dst, rows.values())  # drops a last line that was cut off by a kill
    return rows


def _find_images(src: Path, kind: _Layout, known: dict[str, ManifestRow]) -> list[_Image]:
    """Find all images of a release that a dataset finds by name."""
    images = []
    for part in kind.parts:
        for image in ImageFolder(str(src / part.images)):
            source = Path(image).relative_to(src).as_posix()
            stem = Path(image).stem
            file = f'{part.images}/{stem}{SUFFIX}'
            annotation = f'{part.annotations}/{stem}{part.suffix}'
            known_rows = ((known.get(file), source), (known.get(annotation), annotation))
            rows = tuple(row for row, path in known_rows if row is not None and row.source == path)
            images.append(_Image(source, file, annotation, rows))
    return images


def _check_space(dst: Path, images: Sequence[_Image], size: int) -> None:
    needed = sum(not image.rows for image in images) * (3 * size**2 + HEADER_BYTES)
    free = shutil.disk_usage(dst).free
    if needed > free:
        raise ValueError(
            f'{len(images):,} images of {size} x {size} need {needed / 1e9:.1f} GB more, but only '
            f'{free / 1e9:.1f} GB are free in {dst}. Free some space or choose another folder.'
        )


def _prepare_all(
    src: Path, dst: Path, images: Sequence[_Image], settings: CopySettings, workers: int
) -> Iterator[tuple[_Image, list[ManifestRow] | str | None]]:
    """Yield each image with the result of :func:`_prepare`."""
    prepare = partial(_prepare, src, dst, settings=settings)
    if not workers:
        yield from ((image, prepare(image)) for image in images)
        return
    with WorkerPool(workers, preload=[__name__]) as pool:
        for image, outcome in pool.map(prepare, images, ahead=4 * workers):
            yield image, str(outcome) if isinstance(outcome, WorkerDiedError) else outcome


def _prepare(
    src: Path, dst: Path, image: _Image, settings: CopySettings
) -> list[ManifestRow] | str | None:
    """Write an image and its annotation.

    Return their new manifest rows, None if the old rows are still valid, or the reason for a
    failure.
    """
    annotated = (src / image.annotation).is_file()
    if len(image.rows) == 1 + annotated and all(is_intact(row, src, dst) for row in image.rows):
        return None
    try:
        objects = _read_objects(src / image.annotation) if annotated else None
        pixels, boxes = _transform(src / image.source, objects or [], settings)
    except (ImageError, OSError) as error:
        return str(error)
    encoded = cv2.imencode(SUFFIX, pixels)[1].tobytes()
    contents = [(image.file, image.source, encoded)]
    if annotated:
        path = src / image.annotation
        if objects is None:
            text = path.read_bytes()
        else:
            rewrite = FORMATS[path.suffix][1]
            text = rewrite(str(path), boxes, (settings.size, settings.size))
        contents.append((image.annotation, image.annotation, text))
    rows = []
    for file, source, data in contents:
        # syncing would take as long as everything else; digests detect lost files
        atomic_write(dst / file, data, sync=False)
        rows.append(
            ManifestRow(file, source, sha256(src / source), hashlib.sha256(data).hexdigest())
        )
    return rows


def _read_objects(path: Path) -> list[AnnotatedObject] | None:
    """Read the objects of an annotation file.

    Return None if it is malformed, which a dataset reports.
    """
    try:
        return FORMATS[path.suffix][0](str(path))
    except ValueError:
        return None


def _transform(
    path: Path, objects: Sequence[AnnotatedObject], settings: CopySettings
) -> tuple[np.ndarray, list[Box]]:
    """Crop and resize an image with its boxes, which are clipped to it first, as in training.

    Raises:
        ImageError, OSError: The image is damaged or cannot be opened.
    """
    image = read_image(path)  # (H, W, 3)
    boxes = [clip_box(item.bbox, image.shape[:2]) or NO_AREA for item in objects]
    results: Any = {'img_path': str(path), 'instances': [{'bbox': box} for box in boxes]}
    results |= {'img': image, 'img_shape': image.shape[:2]}
    for step in (LoadAnnotations(with_bbox=True, with_label=False), *settings.steps()):
        results = step(results)
    return results['img'], [tuple(box) for box in results['gt_bboxes'].tolist()]


def _files(folder: Path, patterns: Sequence[str]) -> list[str]:
    """Return the files that match the patterns, relative to the folder."""
    found = {path for pattern in patterns for path in folder.glob(pattern) if path.is_file()}
    return sorted(path.relative_to(folder).as_posix() for path in found)
