"""Crops that also shift the boxes.

mmpretrain's crops leave boxes where they were, and mmcv's center crop clips them. The ellipse of a
clipped box is a different ellipse, so boxes are shifted here and never clipped.
"""

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmsxm.imaging.foreground import BACKGROUND, MARGIN, foreground_window
from mmsxm.registry import TRANSFORMS


def crop(results: dict, left: int, top: int, height: int, width: int) -> dict:
    """Crop ``img`` to a window and shift ``gt_bboxes`` with it, in place.

    Raises:
        ValueError: The window leaves the image.
    """
    img_height, img_width = results['img'].shape[:2]
    if top < 0 or left < 0 or top + height > img_height or left + width > img_width:
        raise ValueError(
            f'A crop of {height} x {width} at ({top}, {left}) leaves the image of '
            f'{img_height} x {img_width} ({results.get("img_path", "no path")}). Resize the image '
            'to a larger size first.'
        )
    results['img'] = results['img'][top : top + height, left : left + width]  # (height, width, 3)
    results['img_shape'] = (height, width)
    if 'gt_bboxes' in results:
        boxes = results['gt_bboxes'] - np.array([left, top] * 2)
        results['gt_bboxes'] = boxes.astype(np.float32)
    return results


class _Crop(BaseTransform):
    def __init__(self, crop_size: int | tuple[int, int]) -> None:
        self.crop_size = (crop_size, crop_size) if isinstance(crop_size, int) else crop_size

    def __repr__(self) -> str:
        return f'{type(self).__name__}(crop_size={self.crop_size})'


@TRANSFORMS.register_module()
class CenterCrop(_Crop):
    """Crop the center of the image and shift the boxes.

    **Required Keys:** img.

    **Modified Keys:** img, img_shape, gt_bboxes (optional).

    **Added Keys:** none.

    Args:
        crop_size: (h, w), or one number for both.
    """

    def transform(self, results: dict) -> dict:
        """Crop an image.

        Raises:
            ValueError: The image is smaller than the crop.
        """
        height, width = self.crop_size
        img_height, img_width = results['img'].shape[:2]
        return crop(results, (img_width - width) // 2, (img_height - height) // 2, height, width)


@TRANSFORMS.register_module()
class RandomCrop(_Crop):
    """Crop a window of fixed size at a random position and shift the boxes.

    **Required Keys:** img.

    **Modified Keys:** img, img_shape, gt_bboxes (optional).

    **Added Keys:** none.

    Args:
        crop_size: (h, w), or one number for both.
    """

    @cache_randomness
    def _draw(self, room_y: int, room_x: int) -> tuple[int, int]:
        # mmcv's transforms draw from the same generator, which the dataset seeds
        y, x = np.random.randint(0, (room_y + 1, room_x + 1))  # noqa: NPY002
        return int(y), int(x)

    def transform(self, results: dict) -> dict:
        """Crop an image.

        Raises:
            ValueError: The image is smaller than the crop.
        """
        height, width = self.crop_size
        img_height, img_width = results['img'].shape[:2]
        top, left = self._draw(max(img_height - height, 0), max(img_width - width, 0))
        return crop(results, left, top, height, width)


@TRANSFORMS.register_module()
class CropBackground(BaseTransform):
    """Crop the white margins and shift the boxes (Sec. 4.1: "we crop each image").

    The paper does not describe its crop. This one keeps everything darker than white, plus a
    margin.

    **Required Keys:** img.

    **Modified Keys:** img, img_shape, gt_bboxes (optional).

    **Added Keys:** none.

    Args:
        background: Pixels whose darkest channel is at least this value are background, 0..255.
        margin: Background to keep on every side, in pixels.
    """

    def __init__(self, background: int = BACKGROUND, margin: int = MARGIN) -> None:
        self.background = background
        self.margin = margin

    def transform(self, results: dict) -> dict:
        """Crop to the foreground."""
        left, top, right, bottom = foreground_window(results['img'], self.background, self.margin)
        return crop(results, left, top, bottom - top, right - left)

    def __repr__(self) -> str:
        return f'{type(self).__name__}(background={self.background}, margin={self.margin})'
