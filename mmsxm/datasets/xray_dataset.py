"""Base class of all datasets of X-ray images."""

import logging
import math
import os
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from mmengine.logging import print_log
from mmpretrain.datasets import MultiLabelDataset

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage, clip_box, labels_by_name
from mmsxm.datasets.findings import Findings
from mmsxm.datasets.image_folder import ImageFolder
from mmsxm.datasets.meta_label_file import add_meta_levels, source_of
from mmsxm.datasets.prepared import leave_out, read_note
from mmsxm.datasets.sample_rng import sample_rng
from mmsxm.imaging.images import ImageError, image_id, read_size

__all__ = ['XrayDataset']


class XrayDataset(MultiLabelDataset):
    """Dataset of images with labels and, where annotated, boxes.

    A subclass reads the list of a split (:meth:`read_list`) and the objects of an image
    (:meth:`annotation_path`, :meth:`read_objects`). This class matches them with the images on
    disk. The data info of an image contains:

    - ``img_path``;
    - ``img_id``, its listed name without a suffix, which is unique in the dataset;
    - ``gt_label``, a list of class indices, which may be empty;
    - ``instances``, a list of dicts with ``bbox`` (xyxy in 0-based pixels of the whole image) and
      ``bbox_label``;
    - with ``meta_labels``, also ``gt_meta_level``.

    Unusable data are skipped and counted, and one log message at the start reports them:

    - images that are missing, unreadable, or without any known label;
    - objects of unknown classes (names in another case are matched and counted);
    - boxes that are not finite, have no area inside the image, or can only be fractions of it.

    Boxes that leave the image are clipped to it and counted. Nothing outside an image can be
    annotated, so this is annotation noise. Boxes that a crop cuts are different: they are not
    clipped.

    In a copy made by mmsxm prepare, boxes are already clipped. They may leave the image by the
    margins that were cropped. Pipeline steps that were applied to the copy are skipped.

    The random numbers of the pipeline depend only on seed, epoch and index; see :meth:`set_epoch`.

    Args:
        ann_file: List of the split.
        data_root: Folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``img_path`` is the folder of the images.
        positives_only: Skip images without a positive label.
        require_boxes: Skip images without a box (Stage I).
        strict: Raise an error instead of skipping or clipping invalid data.
        meta_labels: File of neural labels (MF-N) created by mmsxm meta-labels. With it, each
            sample has ``gt_meta_level``, an int64 scalar tensor, before the pipeline starts.
        **kwargs: Further arguments of :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: The list, the image folder or the file of neural labels does not exist.
            With ``strict``, also if images are missing.
        ValueError: The list is malformed, classes are not given, no image is left, or the pipeline
            learns from boxes and there are none. Also if neural labels are malformed, belong to
            another list or lack an image, or if a copy was prepared for another pipeline. With
            ``strict``, also for any other invalid data.
    """

    images_in: type[ImageFolder] = ImageFolder

    def __init__(
        self,
        ann_file: str,
        data_root: str,
        data_prefix: dict[str, str],
        positives_only: bool = False,
        require_boxes: bool = False,
        strict: bool = False,
        meta_labels: str | None = None,
        **kwargs: Any,
    ) -> None:
        self.positives_only = positives_only
        self.require_boxes = require_boxes
        self.strict = strict
        self.meta_labels = meta_labels
        self._seed_and_epoch = torch.zeros(2, dtype=torch.int64).share_memory_()
        data_root = os.path.expanduser(data_root)
        self.prepared = read_note(data_root)
        super().__init__(ann_file=ann_file, data_root=data_root, data_prefix=data_prefix, **kwargs)
        if self.prepared is not None:
            transforms = self.pipeline.transforms
            self.pipeline.transforms = leave_out(transforms, self.prepared, data_root)

    def read_list(self) -> Iterable[ListedImage]:
        """Read ``self.ann_file``.

        Raises:
            ValueError: The file is malformed. The message names the file and the line.
        """
        raise NotImplementedError

    def annotation_path(self, img_id: str) -> str:
        """Return the path of the file that contains the objects of an image."""
        raise NotImplementedError

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read the objects of an image.

        Raises:
            ValueError: The file is malformed. The message names the file.
        """
        raise NotImplementedError

    def annotation_place(self, img_id: str) -> str:
        """Return the location of the objects of an image, for messages."""
        return self.annotation_path(img_id)

    def list_problems(self) -> Iterable[tuple[str, str]]:
        """Return what :meth:`read_list` skipped or reinterpreted, as pairs of kind and place."""
        return ()

    def list_without(self, lines: set[int]) -> str:
        """Return the text of ``ann_file`` without the images at the given lines.

        Override this in a subclass whose list is not line-based, or has several lines for an image.
        """
        with open(self.ann_file, encoding='utf-8-sig', newline='') as file:
            text = list(file)
        dropped: set[int] = set()
        before = None
        for row in self.read_list():
            # A quoted field may contain line breaks. The row then ends at its line and starts
            # after the previous row, or after the header
            first = min(row.line, 2) if before is None else before + 1
            if row.line in lines:
                dropped.update(range(first, row.line + 1))
            before = row.line
        return ''.join(line for i, line in enumerate(text, start=1) if i not in dropped)

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Set the seed and the epoch of the random numbers.

        This also reaches running workers. Call it before the loader starts the epoch.

        Raises:
            ValueError: A number is negative.
        """
        if seed < 0 or epoch < 0:
            raise ValueError(f'seed={seed} and epoch={epoch} must not be negative.')
        # The tensor is no longer shared in a deep copy of the dataset.
        self._seed_and_epoch.share_memory_()
        self._seed_and_epoch.copy_(torch.tensor([seed, epoch]))

    def image_ids(self) -> set[str]:
        """Return the ``img_id`` of all images."""
        return {self.get_data_info(index)['img_id'] for index in range(len(self))}

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image with its own random numbers."""
        data_info = self.get_data_info(idx)
        if self.meta_labels is not None:
            data_info['gt_meta_level'] = torch.tensor(data_info['gt_meta_level'])
        seed, epoch = self._seed_and_epoch.tolist()
        with sample_rng(seed, epoch, data_info['sample_idx']):
            return self.pipeline(data_info)

    def load_data_list(self) -> list[dict]:
        """Match the list with images and annotations, and report the result."""
        self.check_list_file()
        if not self.CLASSES or isinstance(self.CLASSES, str):
            raise ValueError(
                f'{type(self).__name__} needs the names of its classes, but they are '
                f"{self.CLASSES!r}. Set metainfo=dict(classes=['Gun', 'Knife'])."
            )
        images = self.images_in(self.img_prefix)
        problems, notes = Findings(), Findings()
        for link in images.unfollowed:
            notes.add('skipped links: broken, to a folder, or out of the image folder', link)
        data_list = []
        rows = 0
        for row in self.read_list():
            rows += 1
            img_path = images.find(row.name)
            if img_path is None:
                problems.add('missing images', f'{row.name} at {self.ann_file}:{row.line}')
                continue
            img_id = image_id(row.name)
            data_info = self._load_data_info(img_path, img_id, row.gt_label, problems, notes)
            if data_info is None:
                continue
            if self.positives_only and not data_info['gt_label']:
                notes.add('skipped images: no positive label', row.name)
            elif self.require_boxes and not data_info['instances']:
                notes.add('skipped images: no usable box', row.name)
            else:
                data_list.append(data_info)
        for kind, place in self.list_problems():
            problems.add(kind, place)

        copy = '' if self.prepared is None else f', prepared ({self.prepared.size} pixels)'
        report = '\n    '.join(
            (
                f'{type(self).__name__}: using {len(data_list):,} of {rows:,} rows of '
                f'{self.ann_file}, with images from {self.img_prefix}{copy}',
                *self._content(data_list),
                *notes.lines(),
                *problems.lines(),
            )
        )
        if self.strict and problems.counts:
            error = FileNotFoundError if 'missing images' in problems.counts else ValueError
            lines = '\n    '.join(problems.lines())
            raise error(
                f'strict=True, but {self.ann_file} has problems. Fix them or set strict=False.\n'
                f'    {lines}'
            )
        if len({'gt_score' in data_info for data_info in data_list}) > 1:
            raise ValueError(
                f'{type(self).__name__} sets gt_score for some images only. Set it for all images '
                'or for none, because a batch is read in the same way as its first image.'
            )
        if not data_list:
            raise ValueError(
                'No image is left to use. Check the list and the image folder in this report.\n'
                f'{report}'
            )
        box_users = [type(t).__name__ for t in self.pipeline.transforms if _needs_boxes(t)]
        if box_users and not any(data_info['instances'] for data_info in data_list):
            raise ValueError(
                f'{" and ".join(box_users)} in the pipeline needs boxes, but no image has one. '
                'Stage I cannot train without boxes. For Stage II, use neural labels or gated '
                f'fusion, as in configs/ablations/sxmnet_{{mf-n,gated}}_sixray_stage2.py.\n{report}'
            )
        if self.meta_labels is not None:
            add_meta_levels(data_list, self.meta_labels, source_of(self))
        for transform in self.pipeline.transforms:
            if hasattr(transform, 'check_classes'):  # its items have classes of their own
                transform.check_classes(self.CLASSES)
        print_log(report, 'current', logging.WARNING if problems.counts else logging.INFO)
        return data_list

    def check_list_file(self) -> None:
        """Check that ``ann_file`` exists.

        Raises:
            FileNotFoundError: It does not.
        """
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(
                f'The list {self.ann_file!r} does not exist. Set data_root, or the environment '
                'variable that the config names, to the folder of the dataset (docs/data.md).'
            )

    def _load_data_info(
        self,
        img_path: str,
        img_id: str,
        gt_label: list[int] | None,
        problems: Findings,
        notes: Findings,
    ) -> dict | None:
        """Return the data info of one image, or None if it is unusable."""
        instances: list[dict] = []
        # Negatives have no objects. Don't look for a million files.
        if gt_label is None or gt_label:
            place = self.annotation_place(img_id)
            objects = self._read_known_objects(img_id, problems, notes)
            found = sorted({label for label, _ in objects})
            if gt_label is None:
                if not found:
                    problems.add('skipped images: no label is known', place)
                    return None
                gt_label = found
            elif found and found != gt_label:
                problems.add('labels that differ from the objects (the labels are kept)', place)
            image_size = None
            boxed = any(item.bbox is not None for _, item in objects)
            if boxed and self.prepared is None:
                try:
                    image_size = read_size(img_path)
                except (ImageError, OSError) as error:
                    problems.add('skipped images: unreadable', f'{img_path}: {error}')
                    return None
            instances = list(_usable_instances(objects, image_size, problems))
        return {
            'img_path': img_path,
            'img_id': img_id,
            'gt_label': gt_label,
            'instances': instances,
        }

    def _read_known_objects(
        self, img_id: str, problems: Findings, notes: Findings
    ) -> list[tuple[int, AnnotatedObject]]:
        """Return the objects of an image that have a known class, each with its label."""
        place = self.annotation_place(img_id)
        try:
            objects = self.read_objects(img_id)
        except FileNotFoundError:
            notes.add('positive images without an annotation file', place)
            return []
        except ValueError as error:
            problems.add('unreadable annotations', str(error))
            return []
        if not objects:
            problems.add('annotations without objects', place)

        labels = labels_by_name(self.CLASSES)
        known = []
        for item in objects:
            label = labels.get(item.class_name.lower())
            if label is None:
                problems.add(f'objects of unknown class {item.class_name!r}', item.place)
                continue
            if item.class_name != self.CLASSES[label]:
                notes.add(f'class {self.CLASSES[label]!r} in another case', item.place)
            known.append((label, item))
        return known

    def _content(self, data_list: list[dict]) -> Iterator[str]:
        """Yield a summary of the dataset: images per class, negatives, images with boxes."""
        images = Counter(label for info in data_list for label in info['gt_label'])
        negatives = sum(not info['gt_label'] for info in data_list)
        boxed = sum(bool(info['instances']) for info in data_list)
        boxes = sum(len(info['instances']) for info in data_list)
        classes = ', '.join(f'{name} {images[i]:,}' for i, name in enumerate(self.CLASSES))
        yield f'images by class: {classes}; without a positive label {negatives:,}'
        yield f'images with boxes: {boxed:,}, boxes: {boxes:,}'


def _needs_boxes(transform: object) -> bool:
    """Return whether a transform computes its target from boxes (attribute ``needs_boxes``)."""
    return getattr(transform, 'needs_boxes', False)


def _usable_instances(
    objects: list[tuple[int, AnnotatedObject]],
    image_size: tuple[int, int] | None,
    problems: Findings,
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


def xray_datasets(dataset: object) -> Iterator[Any]:
    """Find the datasets that take a seed, also inside wrappers of mmengine."""
    if hasattr(dataset, 'set_epoch'):
        yield dataset
    else:
        inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
        for child in inner:
            if child is not None:
                yield from xray_datasets(child)
