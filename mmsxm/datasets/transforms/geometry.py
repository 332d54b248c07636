"""Crops that take boxes along.

mmpretrain's crops leave boxes where they were, and mmcv's centre crop clips them; the ellipse of
a clipped box is another ellipse. Boxes are shifted here and never clipped.
"""

import numpy as np
from mmcv.transforms import BaseTransform
from mmcv.transforms.utils import cache_randomness

from mmsxm.imaging.foreground import BACKGROUND, MARGIN, foreground_window
from mmsxm.registry import TRANSFORMS


def crop(results: dict, left: int, top: int, height: int, width: int) -> dict:
    """Cut ``img`` to a window and shift ``gt_bboxes`` with it, in place.

    Raises:
        ValueError: the window leaves the image.
    """
    img_height, img_width = results['img'].shape[:2]
    if top < 0 or left < 0 or top + height > img_height or left + width > img_width:
        raise ValueError(
            f'A crop of {height} x {width} at ({top}, {left}) leaves the image of '
            f'{img_height} x {img_width} ({results.get("img_path", "no path")}); resize it to a '
            'larger size first.'
        )
    results['img'] = results['img'][top : top + height, left : left + width]
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
    """Cut the centre of the image, boxes shifted along.

    **Required Keys:** img. **Modified Keys:** img, img_shape, gt_bboxes (optional).

    Args:
        crop_size: (h, w), or one number for both.
    """

    def transform(self, results: dict) -> dict:
        """Crop; ValueError if the image is smaller than the crop."""
        height, width = self.crop_size
        img_height, img_width = results['img'].shape[:2]
        return crop(results, (img_width - width) // 2, (img_height - height) // 2, height, width)


@TRANSFORMS.register_module()
class RandomCrop(_Crop):
    """Cut a window of fixed size from a random place, boxes shifted along.

    **Required Keys:** img. **Modified Keys:** img, img_shape, gt_bboxes (optional).

    Args:
        crop_size: (h, w), or one number for both.
    """

    @cache_randomness
    def _draw(self, room_y: int, room_x: int) -> tuple[int, int]:
        # mmcv's transforms draw from the same generator, which the data set seeds
        y, x = np.random.randint(0, (room_y + 1, room_x + 1))  # noqa: NPY002
        return int(y), int(x)

    def transform(self, results: dict) -> dict:
        """Crop; ValueError if the image is smaller than the crop."""
        height, width = self.crop_size
        img_height, img_width = results['img'].shape[:2]
        top, left = self._draw(max(img_height - height, 0), max(img_width - width, 0))
        return crop(results, left, top, height, width)


@TRANSFORMS.register_module()
class CropBackground(BaseTransform):
    """Cut the white margins, boxes shifted along (Sec. 4.1: "we crop each image").

    The paper does not say how its crop was made; this one keeps what is darker than white, with
    a margin.

    **Required Keys:** img. **Modified Keys:** img, img_shape, gt_bboxes (optional).

    Args:
        background: Pixels whose darkest channel is at least this are background, 0..255.
        margin: Of background that stays on every side, in pixels.
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
