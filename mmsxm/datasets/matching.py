"""Matching of a listed image with its file and its annotation."""

import math
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage, clip_box
from mmsxm.datasets.class_names import labels_by_name
from mmsxm.datasets.image_folder import ImageFolder
from mmsxm.datasets.loading_report import LoadingReport, ProblemCounts
from mmsxm.imaging.images import ImageError, image_id, read_size

if TYPE_CHECKING:
    from mmsxm.datasets.xray_dataset import XrayDataset

__all__ = ['match_image']

LabeledObject = tuple[int, AnnotatedObject]


def match_image(
    dataset: 'XrayDataset', row: ListedImage, images: ImageFolder, report: LoadingReport
) -> dict | None:
    """Return the data info of a listed image, or None if it is unusable.

    Args:
        dataset: Dataset that reads the objects.
        row: Row of the image in the list.
        images: Folder of the images.
        report: Report to add problems to.
    """
    img_path, img_id, gt_label = images.find(row.name), image_id(row.name), row.gt_label
    if img_path is None:
        place = row.place or f'{dataset.ann_file}:{row.line}'
        report.problems.add('missing images', f'{row.name} at {place}')
        return None
    instances: list[dict] = []
    unboxed: list[int] = []
    # Negatives have no objects. Don't look for a million files.
    if gt_label is None or gt_label:
        place = dataset.annotation_place(img_id)
        try:
            objects = _known_objects(dataset, img_id, report)
        except ImageError as error:  # its size is needed to read them
            report.problems.add('skipped images: unreadable', f'{img_path}: {error}')
            return None
        found = sorted({label for label, _ in objects})
        if gt_label is None:
            if not found:
                report.problems.add('skipped images: no label is known', place)
                return None
            gt_label = found
        elif found and found != gt_label:
            kind = 'labels that differ from the objects (the labels are kept)'
            report.problems.add(kind, place)
        image_size = None
        if dataset.prepared is None and any(item.bbox is not None for _, item in objects):
            try:
                image_size = read_size(img_path)
            except (ImageError, OSError) as error:
                report.problems.add('skipped images: unreadable', f'{img_path}: {error}')
                return None
        instances = list(_usable_instances(objects, image_size, report.problems))
        unboxed = _unboxed_labels(gt_label, objects, instances)
    data_info = {
        'img_path': img_path,
        'img_id': img_id,
        'gt_label': gt_label,
        'instances': instances,
    }
    # most images have no such labels: an empty list for each of a million takes memory
    return {**data_info, 'unboxed_labels': unboxed} if unboxed else data_info


def _known_objects(
    dataset: 'XrayDataset', img_id: str, report: LoadingReport
) -> list[LabeledObject]:
    """Return the objects of an image that have a known class, each with its label."""
    place = dataset.annotation_place(img_id)
    try:
        objects = dataset.read_objects(img_id)
    except FileNotFoundError:
        report.notes.add('positive images without an annotation file', place)
        return []
    except ImageError:
        raise
    except ValueError as error:
        report.problems.add('unreadable annotations', str(error))
        return []
    if not objects:
        report.problems.add('annotations without objects', place)

    classes = dataset.CLASSES
    labels = labels_by_name(classes)
    known = []
    for item in objects:
        label = labels.get(item.class_name.lower())
        if label is None:
            report.problems.add(f'objects of unknown class {item.class_name!r}', item.place)
            continue
        if item.class_name != classes[label]:
            report.notes.add(f'class {classes[label]!r} in another case', item.place)
        known.append((label, item))
    return known


def _unboxed_labels(
    gt_label: Sequence[int], objects: Sequence[LabeledObject], instances: Sequence[dict]
) -> list[int]:
    """Return the sorted classes of an image that have an item without a usable box.

    These are labels without any box, and classes with more objects than boxes.
    """
    boxed = Counter(item['bbox_label'] for item in instances)
    items = Counter(label for label, item in objects if not item.is_image_label)
    lowest = Counter(gt_label)  # a label is at least one item
    return sorted((items | lowest) - boxed)


def _usable_instances(
    objects: Sequence[LabeledObject],
    image_size: tuple[int, int] | None,
    problems: ProblemCounts,
) -> Iterator[dict]:
    """Yield ``instances`` of the objects whose boxes have an area in the image of size (h, w).

    Without a size, the boxes were already clipped, and boxes without an area are nan.
    """
    for label, item in objects:
        if item.bbox is None:
            continue
        if image_size is not None:
            bbox = clip_box(item.bbox, image_size)
        else:
            bbox = item.bbox if all(map(math.isfinite, item.bbox)) else None
        if bbox is None:
            problems.add('skipped boxes: no area inside the image', f'{item.place} {item.bbox}')
            continue
        if image_size is not None and max(bbox) <= 1:
            kind = 'skipped boxes: inside the first pixel (are they fractions of the image?)'
            problems.add(kind, f'{item.place} {item.bbox}')
            continue
        if bbox != item.bbox:
            problems.add('boxes clipped to the image', f'{item.place} {item.bbox}')
        yield {'bbox': list(bbox), 'bbox_label': label}
