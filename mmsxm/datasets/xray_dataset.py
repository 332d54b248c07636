"""What all data sets of X-ray images have in common."""

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
    """Images with labels and, where they are annotated, boxes.

    A subclass reads the list of a split (:meth:`read_list`) and the objects of an image
    (:meth:`annotation_path`, :meth:`read_objects`); this class matches them with the images on
    disk. An image's data info holds ``img_path``, ``img_id`` (its listed name without a suffix,
    which no other image of the data set has), ``gt_label`` (list of class indices, may be empty)
    and ``instances`` (list of dicts of ``bbox``, xyxy in 0-based pixels of the whole image, and
    ``bbox_label``); with ``meta_labels``, also ``gt_meta_level``.

    What can't be used is left out, counted, and reported at start in one log message:

    - images that are missing or can't be read, or whose labels nothing tells;
    - objects of unknown classes (names in another case are matched, and counted), and boxes that
      aren't finite, have no area inside the image, or can only be fractions of it.

    Boxes that leave the image are clipped to it, and counted: nothing can be annotated outside of
    an image, so this is noise of the annotation. What a crop cuts off is another matter.

    In a copy of mmsxm prepare boxes were clipped before, and may leave the image for the
    margins that were cut; steps of the pipeline that were done to its images are left out.

    The pipeline runs under random numbers that depend on seed, epoch and index alone, see
    :meth:`set_epoch`.

    Args:
        ann_file: The list of the split.
        data_root: Folder that ``ann_file`` and ``data_prefix`` are relative to.
        data_prefix: ``img_path`` is the folder of the images.
        positives_only: Leave out images without a positive label.
        require_boxes: Leave out images without a box (Stage I).
        strict: Raise an error instead of leaving out or clipping what is wrong.
        meta_labels: File of neural labels (MF-N), from mmsxm meta-labels. The pipeline
            then finds ``gt_meta_level`` in place, an int64 scalar tensor.
        **kwargs: Further arguments of :class:`mmpretrain.datasets.BaseDataset`.

    Raises:
        FileNotFoundError: Without the list, the folder of images or the file of neural labels;
            with ``strict``, when images are missing.
        ValueError: When the list is malformed, classes are not given, no image is left, the
            pipeline learns from boxes and there are none, neural labels are malformed, of another
            list or lack an image, or a copy was prepared for another pipeline; with ``strict``,
            when anything else is wrong.
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
        """Read ``self.ann_file``; ValueError with file and line where it is malformed."""
        raise NotImplementedError

    def annotation_path(self, img_id: str) -> str:
        """The file that holds the objects of an image."""
        raise NotImplementedError

    def read_objects(self, img_id: str) -> list[AnnotatedObject]:
        """Read the objects of an image; ValueError with its file's name where it is malformed."""
        raise NotImplementedError

    def annotation_place(self, img_id: str) -> str:
        """Where the objects of an image stand, for messages."""
        return self.annotation_path(img_id)

    def list_problems(self) -> Iterable[tuple[str, str]]:
        """What :meth:`read_list` left out or took in another way: kinds, each with a place."""
        return ()

    def list_without(self, lines: set[int]) -> str:
        """The text of ``ann_file`` without the images that stand at these lines.

        A subclass whose list is not of lines, or has several for an image, says how.
        """
        with open(self.ann_file, encoding='utf-8-sig', newline='') as file:
            text = list(file)
        dropped: set[int] = set()
        before = None
        for row in self.read_list():
            # a quoted field may hold line breaks: the row ends at its line, and begins after the
            # last one, or after a header
            first = min(row.line, 2) if before is None else before + 1
            if row.line in lines:
                dropped.update(range(first, row.line + 1))
            before = row.line
        return ''.join(line for i, line in enumerate(text, start=1) if i not in dropped)

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Set what the pipeline's random numbers depend on, also in workers that run already.

        Call it before the loader starts on the epoch. ValueError when a number is negative.
        """
        if seed < 0 or epoch < 0:
            raise ValueError(f'seed and epoch must not be negative, but are {seed} and {epoch}')
        # In a deep copy of a data set the tensor is no longer shared.
        self._seed_and_epoch.share_memory_()
        self._seed_and_epoch.copy_(torch.tensor([seed, epoch]))

    def image_ids(self) -> set[str]:
        """The ``img_id`` of all images."""
        return {self.get_data_info(index)['img_id'] for index in range(len(self))}

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image, under random numbers of its own."""
        data_info = self.get_data_info(idx)
        if self.meta_labels is not None:
            data_info['gt_meta_level'] = torch.tensor(data_info['gt_meta_level'])
        seed, epoch = self._seed_and_epoch.tolist()
        with sample_rng(seed, epoch, data_info['sample_idx']):
            return self.pipeline(data_info)

    def load_data_list(self) -> list[dict]:
        """Match the list with images and annotations, and report what was found."""
        self.check_list_file()
        if not self.CLASSES or isinstance(self.CLASSES, str):
            raise ValueError(
                f'{type(self).__name__} needs the names of its classes, but they are '
                f"{self.CLASSES!r}: set metainfo=dict(classes=['Gun', 'Knife'])"
            )
        images = self.images_in(self.img_prefix)
        problems, notes = Findings(), Findings()
        for link in images.unfollowed:
            notes.add('links not followed: dead, to folders, or out of the folder of images', link)
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
                notes.add('left out, no positive label', row.name)
            elif self.require_boxes and not data_info['instances']:
                notes.add('left out, no usable box', row.name)
            else:
                data_list.append(data_info)
        for kind, place in self.list_problems():
            problems.add(kind, place)

        copy = '' if self.prepared is None else f', prepared ({self.prepared.size} pixels)'
        report = '\n    '.join(
            (
                f'{type(self).__name__}: {len(data_list):,} of {rows:,} rows of {self.ann_file} '
                f'are used, with images from {self.img_prefix}{copy}',
                *self._content(data_list),
                *notes.lines(),
                *problems.lines(),
            )
        )
        if self.strict and problems.counts:
            error = FileNotFoundError if 'missing images' in problems.counts else ValueError
            lines = '\n    '.join(problems.lines())
            raise error(f'strict=True, but {self.ann_file} has problems.\n    {lines}')
        if len({'gt_score' in data_info for data_info in data_list}) > 1:
            raise ValueError(
                f'{type(self).__name__} gives gt_score to some images only: give it to all or to '
                'none, since a batch is read as its first image is.'
            )
        if not data_list:
            raise ValueError(f'No image is left to use.\n{report}')
        needy = [type(t).__name__ for t in self.pipeline.transforms if _needs_boxes(t)]
        if needy and not any(data_info['instances'] for data_info in data_list):
            raise ValueError(
                f'{" and ".join(needy)} in the pipeline learns from boxes, and no image has one. '
                'Stage I needs boxes; Stage II without any learns from neural labels or gated, as '
                f'in configs/ablations/sxmnet_{{mf-n,gated}}_sixray_stage2.py.\n{report}'
            )
        if self.meta_labels is not None:
            add_meta_levels(data_list, self.meta_labels, source_of(self))
        for transform in self.pipeline.transforms:
            if hasattr(transform, 'check_classes'):  # it knows items of some classes
                transform.check_classes(self.CLASSES)
        print_log(report, 'current', logging.WARNING if problems.counts else logging.INFO)
        return data_list

    def check_list_file(self) -> None:
        """FileNotFoundError when there is no ``ann_file``."""
        if not os.path.isfile(self.ann_file):
            raise FileNotFoundError(
                f'there is no list {self.ann_file!r}: set data_root, or the environment variable '
                'that the config names, to where the data set lies (docs/data.md)'
            )

    def _load_data_info(
        self,
        img_path: str,
        img_id: str,
        gt_label: list[int] | None,
        problems: Findings,
        notes: Findings,
    ) -> dict | None:
        """The data info of one image, or None when it can't be used."""
        instances: list[dict] = []
        # A negative has no objects by nature: don't look for a million files.
        if gt_label is None or gt_label:
            place = self.annotation_place(img_id)
            objects = self._read_known_objects(img_id, problems, notes)
            found = sorted({label for label, _ in objects})
            if gt_label is None:
                if not found:
                    problems.add('images left out, no label is known', place)
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
                    problems.add('images left out, unreadable', f'{img_path}: {error}')
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
        """The objects of an image, each with its label, without those of unknown classes."""
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
        """What is in the set: images by class, negatives, images with boxes."""
        images = Counter(label for info in data_list for label in info['gt_label'])
        negatives = sum(not info['gt_label'] for info in data_list)
        boxed = sum(bool(info['instances']) for info in data_list)
        boxes = sum(len(info['instances']) for info in data_list)
        classes = ', '.join(f'{name} {images[i]:,}' for i, name in enumerate(self.CLASSES))
        yield f'images by class: {classes}; without a positive label {negatives:,}'
        yield f'images with boxes: {boxed:,}, boxes: {boxes:,}'


def _needs_boxes(transform: object) -> bool:
    """Whether a transform makes its target from boxes; it says so by an attribute."""
    return getattr(transform, 'needs_boxes', False)


def _usable_instances(
    objects: list[tuple[int, AnnotatedObject]],
    image_size: tuple[int, int] | None,
    problems: Findings,
) -> Iterator[dict]:
    """``instances`` of the objects whose boxes have an area in the image of size (h, w).

    Without a size the boxes were clipped before, and those without an area are nan.
    """
    for label, item in objects:
        if item.bbox is None:
            continue
        if image_size is not None:
            bbox = clip_box(item.bbox, image_size)
        else:
            bbox = item.bbox if all(map(math.isfinite, item.bbox)) else None
        if bbox is None:
            problems.add('boxes left out, no area in the image', f'{item.place} {item.bbox}')
            continue
        if image_size is not None and max(bbox) <= 1:
            kind = 'boxes left out, within the first pixel: are they fractions of the image?'
            problems.add(kind, f'{item.place} {item.bbox}')
            continue
        if bbox != item.bbox:
            problems.add('boxes clipped to the image', f'{item.place} {item.bbox}')
        yield {'bbox': list(bbox), 'bbox_label': label}


def xray_datasets(dataset: object) -> Iterator[Any]:
    """Find the data sets that take a seed, also inside mmengine's wrappers."""
    if hasattr(dataset, 'set_epoch'):
        yield dataset
    else:
        inner = getattr(dataset, 'datasets', None) or [getattr(dataset, 'dataset', None)]
        for child in inner:
            if child is not None:
                yield from xray_datasets(child)
