"""Base class of all datasets of X-ray images."""

import logging
import os
from collections.abc import Iterable
from functools import cached_property
from typing import Any

import torch
from mmengine.logging import print_log
from mmpretrain.datasets import MultiLabelDataset

from mmsxm.datasets.annotations import AnnotatedObject, ListedImage
from mmsxm.datasets.image_folder import ImageFolder
from mmsxm.datasets.loading_checks import check_classes, check_list_exists, check_loaded
from mmsxm.datasets.loading_report import LoadingReport
from mmsxm.datasets.matching import match_image
from mmsxm.datasets.meta_label_file import add_meta_levels, source_of
from mmsxm.datasets.prepared_copy import read_copy_note, remaining_transforms
from mmsxm.datasets.rewriting import text_without
from mmsxm.datasets.sample_rng import SharedEpoch
from mmsxm.io.files import sha256

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
    - ``unboxed_labels``, the labels of items without a usable box, only if there are any.
      Other items of these classes may have boxes. A label of the whole image (a tag in CVAT) is
      among them only if its class has no box at all;
    - with ``meta_labels``, also ``gt_meta_level``.

    If the list gives labels and objects contradict them, the labels count. The box of a class that
    is not a label still shows where an item is, as Stage I, MF-I and class-agnostic metrics
    need. Targets and metrics of a class do not use it.

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
        require_boxes: Skip images without a box, and images with an item without a box (Stage I,
            whose map would be unknown).
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
        self._epoch = SharedEpoch()
        data_root = os.path.expanduser(data_root)
        self.prepared = read_copy_note(data_root)
        super().__init__(ann_file=ann_file, data_root=data_root, data_prefix=data_prefix, **kwargs)
        if self.prepared is not None:
            transforms = self.pipeline.transforms
            self.pipeline.transforms = remaining_transforms(transforms, self.prepared, data_root)

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

    def list_notes(self) -> Iterable[tuple[str, str]]:
        """Return what is worth a note but is not a problem, as pairs of kind and place."""
        return ()

    @property
    def list_name(self) -> str:
        """Return the name of the file that :meth:`list_without` is the text of."""
        return os.path.basename(self.ann_file)

    def list_digest(self) -> str:
        """Return the SHA-256 of the list."""
        return sha256(self.ann_file)

    @cached_property
    def image_folder(self) -> ImageFolder:
        """Return the folder of the images. Raise FileNotFoundError if it does not exist."""
        return self.images_in(self.img_prefix)

    def list_without(self, lines: set[int]) -> str:
        """Return the text of ``ann_file`` without the images at the given lines.

        Override this in a subclass whose list is not line-based, or has several lines for an image.
        """
        return text_without(self.ann_file, self.read_list(), lines)

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Set the seed and the epoch of the random numbers.

        This also reaches running workers. Call it before the loader starts the epoch.

        Raises:
            ValueError: A number is negative.
        """
        self._epoch.set(seed, epoch)

    def image_ids(self) -> set[str]:
        """Return the ``img_id`` of all images."""
        return {self.get_data_info(index)['img_id'] for index in range(len(self))}

    def prepare_data(self, idx: int) -> Any:
        """Run the pipeline on one image with its own random numbers."""
        data_info = self.get_data_info(idx)
        if self.meta_labels is not None:
            data_info['gt_meta_level'] = torch.tensor(data_info['gt_meta_level'])
        with self._epoch.rng(data_info['sample_idx']):
            return self.pipeline(data_info)

    def load_data_list(self) -> list[dict]:
        """Match the list with images and annotations, and report the result."""
        self.check_list_file()
        check_classes(self)
        images = self.image_folder
        report = LoadingReport()
        for link in images.unfollowed:
            kind = 'skipped links: broken, to a folder, or out of the image folder'
            report.notes.add(kind, link)
        data_list = []
        rows = 0
        for row in self.read_list():
            rows += 1
            data_info = match_image(self, row, images, report)
            if data_info is None:
                continue
            if self.positives_only and not data_info['gt_label']:
                report.notes.add('skipped images: no positive label', row.name)
            elif self.require_boxes and not data_info['instances']:
                report.notes.add('skipped images: no usable box', row.name)
            elif self.require_boxes and 'unboxed_labels' in data_info:
                report.notes.add('skipped images: an item has no usable box', row.name)
            else:
                data_list.append(data_info)
        for kind, place in self.list_problems():
            report.problems.add(kind, place)
        for kind, place in self.list_notes():
            report.notes.add(kind, place)
        del self.image_folder  # otherwise every worker would copy it

        text = report.text(self, rows, data_list)
        check_loaded(self, data_list, report.problems, text)
        if self.meta_labels is not None:
            add_meta_levels(data_list, self.meta_labels, source_of(self))
        print_log(text, 'current', logging.WARNING if report.problems.counts else logging.INFO)
        return data_list

    def check_list_file(self) -> None:
        """Check that ``ann_file`` exists.

        Raises:
            FileNotFoundError: It does not.
        """
        check_list_exists(self.ann_file)
