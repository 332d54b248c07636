"""Numeric comparison of two sets of X-ray images: item sizes and image appearance.

It is meant for comparing simulated bags with those of the scanner that they imitate.
"""

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from mmsxm.datasets.opixray import read_box_lines
from mmsxm.datasets.voc import read_voc_objects
from mmsxm.imaging import images
from mmsxm.io.safe_parsing import read_records

Picture = npt.NDArray[Any]  # RGB, (h, w, 3), uint8

# largest difference, in gray values, of a background pixel from the background level
BACKGROUND_STEP = 18
QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9)


class SizedBox(NamedTuple):
    """Box of an item: square root of its share of the image, and width over height."""

    class_name: str
    size: float
    aspect: float


class ImageSet(NamedTuple):
    """Images of a set and their boxes.

    If some images are annotated, only those are included.
    """

    name: str
    images: list[Path]
    boxes: list[SizedBox]


def read_set(path: str | Path) -> ImageSet:
    """Find images and boxes.

    Args:
        path: Folder in the layout of SIXray or OPIXray, or any other folder of images (no boxes).
            It can also be a CSV file with the columns name, height, width, ymin, xmin, ymax and
            xmax and a line for each box (no images).

    Raises:
        FileNotFoundError: The folder or file does not exist.
        ValueError: It contains neither images nor boxes.
    """
    path = Path(path)
    if not path.exists():
        raise FileNotFoundError(
            f'{path} does not exist. Name a folder of images or a CSV file of boxes.'
        )
    if path.suffix == '.csv':
        return ImageSet(path.stem, [], _read_csv(path))
    images_found = sorted(map(Path, images.list_images(path)))
    if not images_found:
        suffixes = ', '.join(sorted(images.IMAGE_SUFFIXES))
        raise ValueError(f'{path} contains no images ({suffixes}). Name another folder.')
    boxes_of = {image: _read_boxes(image) for image in images_found}
    boxed = [image for image, found in boxes_of.items() if found]
    boxes = [box for found in boxes_of.values() for box in found]
    return ImageSet(path.name, boxed or images_found, boxes)


def _read_csv(path: Path) -> list[SizedBox]:
    boxes = []
    _, rows = read_records(path)
    for line, row in rows:
        try:
            height, width, y1, x1, y2, x2 = (
                float(row[k]) for k in ('height', 'width', 'ymin', 'xmin', 'ymax', 'xmax')
            )
            name = row['name']
        except (KeyError, ValueError) as error:
            raise ValueError(
                f'{path} is not a CSV file of boxes: line {line}, {error!r}. It needs the columns '
                'name, height, width, ymin, xmin, ymax and xmax.'
            ) from error
        boxes += _sized(name, (x1, y1, x2, y2), (height, width))
    return boxes


def _read_boxes(image: Path) -> list[SizedBox]:
    folder = image.parent
    if folder.name == 'JPEGImage':
        annotation, read = folder.parent / 'Annotation' / f'{image.stem}.xml', read_voc_objects
    elif folder.name in ('train_image', 'test_image'):
        split = folder.name.removesuffix('_image')
        annotation = folder.parent / f'{split}_annotation' / f'{image.stem}.txt'
        read = read_box_lines
    else:
        return []
    if not annotation.exists():
        return []
    try:
        height, width = images.read_size(image)
    except images.ImageError as error:
        raise ValueError(f'{image}: {error}. Replace the file or remove it.') from error
    return [
        box
        for item in read(str(annotation))
        if item.bbox is not None
        for box in _sized(item.class_name, item.bbox, (height, width))
    ]


def _sized(
    name: str, box: tuple[float, float, float, float], image_size: tuple[float, float]
) -> list[SizedBox]:
    """Measure a box (xyxy) in an image of size (h, w). Return nothing if either has no area."""
    width, height = box[2] - box[0], box[3] - box[1]
    area = image_size[0] * image_size[1]
    # nan is not between 0 and infinity either
    if not (math.inf > width > 0 and math.inf > height > 0 and math.inf > area > 0):
        return []
    return [SizedBox(name.capitalize(), math.sqrt(width * height / area), width / height)]


def read_image(path: Path) -> Picture:
    """Read an image as RGB.

    Raises:
        ValueError: The file is not a readable image.
    """
    try:
        return images.read_image(path)[..., ::-1]
    except images.ImageError as error:
        raise ValueError(
            f'{path} is not a readable image ({error}). Replace the file or remove it.'
        ) from error


def background_level(image: Picture) -> npt.NDArray[np.float64]:
    """Return the color of an empty belt: the median bright color at the border of the image."""
    border = np.concatenate([image[0], image[-1], image[:, 0], image[:, -1]])  # (2 w + 2 h, 3)
    border = border.astype(np.float64)
    bright = border[border.min(1) > 170]  # (n, 3)
    return np.median(bright, axis=0) if len(bright) else np.full(3, 255.0)


def image_statistics(image: Picture) -> dict[str, float]:
    """Compute numbers that describe the appearance of an image.

    Shares are relative to the foreground: pixels darker than the background by more than
    :data:`BACKGROUND_STEP`.
    """
    level = background_level(image)  # (3,)
    drop = (level - image).max(2)  # (h, w)
    foreground = drop > BACKGROUND_STEP  # (h, w)
    inside = image[foreground].astype(np.float32)  # (n, 3)
    if not len(inside):
        inside = image.reshape(-1, 3).astype(np.float32)  # (h * w, 3)
    hue, saturation, value = (
        cv2.cvtColor(inside[None].astype(np.uint8), cv2.COLOR_RGB2HSV)[0].astype(np.float32).T
    )
    hue *= 2  # OpenCV uses units of two degrees
    is_colored = saturation > 40
    gray = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    residual = gray - cv2.GaussianBlur(gray, (0, 0), 1.0)
    # at least four pixels away from the foreground, which is how far the blur reaches
    near = cv2.dilate(foreground.astype(np.uint8), np.ones((9, 9), np.uint8))
    background = near == 0
    share = {
        'orange': is_colored & ((hue < 50) | (hue > 330)),
        'green': is_colored & (hue >= 50) & (hue < 165),
        'blue': is_colored & (hue >= 165) & (hue <= 270),
        'opaque': inside.max(1) < 60,
        'pure blue': (inside[:, 2] > 150) & (inside[:, :2].max(1) < 60),
        'faint': value > 235,
    }
    return {
        'height': float(image.shape[0]),
        'width': float(image.shape[1]),
        'background grey': float(level.mean()),
        'foreground share': float(foreground.mean()),
        **{f'{name} share': float(mask.mean()) for name, mask in share.items()},
        'mean brightness': float(inside.mean()),
        'mean saturation': float(saturation.mean()),
        'noise of the background': float(residual[background].std()) if background.any() else 0.0,
        'fine detail': float(residual[foreground].std()) if foreground.any() else 0.0,
    }


def distance(a: Sequence[float], b: Sequence[float]) -> float:
    """Return the Kolmogorov-Smirnov statistic.

    It is the largest difference between the distribution functions.
    """
    x, y = np.sort(np.asarray(a, np.float64)), np.sort(np.asarray(b, np.float64))
    both = np.concatenate([x, y])
    share_of_x = np.searchsorted(x, both, 'right') / len(x)
    share_of_y = np.searchsorted(y, both, 'right') / len(y)
    return float(np.abs(share_of_x - share_of_y).max())


def compare_boxes(a: ImageSet, b: ImageSet) -> list[dict[str, Any]]:
    """Compare the size and the aspect of boxes, with a row for each class that both sets have.

    Each row contains quantiles of both sets and their :func:`distance` as ``KS``.
    """
    rows = []
    for name in shared_classes(a, b):
        for measure in ('size', 'aspect'):
            row: dict[str, Any] = {'class': name, 'measure': measure}
            values = [measured(image_set, name, measure) for image_set in (a, b)]
            for image_set, value in zip((a, b), values, strict=True):
                row[f'{image_set.name} boxes'] = len(value)
                for q, v in zip(QUANTILES, np.quantile(value, QUANTILES), strict=True):
                    row[f'{image_set.name} {100 * q:.0f}%'] = float(v)
            rows.append({**row, 'KS': distance(*values)})
    return rows


def shared_classes(a: ImageSet, b: ImageSet) -> list[str]:
    """Return the classes that have boxes in both sets."""
    return sorted({box.class_name for box in a.boxes} & {box.class_name for box in b.boxes})


def measured(image_set: ImageSet, class_name: str, measure: str) -> list[float]:
    """Return ``size`` or ``aspect`` of all boxes of a class."""
    return [getattr(box, measure) for box in image_set.boxes if box.class_name == class_name]


def compare_images(
    names: tuple[str, str], a: Sequence[Path], b: Sequence[Path]
) -> list[dict[str, Any]]:
    """Compare two sets by :func:`image_statistics`, with a row for each, most different first."""
    groups = [[image_statistics(read_image(path)) for path in paths] for paths in (a, b)]
    rows = []
    for key in groups[0][0]:
        values = [[statistics[key] for statistics in group] for group in groups]
        row: dict[str, Any] = {'what': key}
        for name, value in zip(names, values, strict=True):
            for q, v in zip(QUANTILES, np.quantile(value, QUANTILES), strict=True):
                row[f'{name} {100 * q:.0f}%'] = float(v)
        rows.append({**row, 'KS': distance(*values)})
    return sorted(rows, key=lambda row: -row['KS'])
