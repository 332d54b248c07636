"""A window from the gray values of training images."""

import os
from collections.abc import Iterable

import numpy as np

from mmsxm.imaging.image_error import ImageError
from mmsxm.imaging.images import read_gray_values
from mmsxm.imaging.pixel_mapping import Window

__all__ = ['percentile_window']

SAMPLES = 10_000  # per image, which then all weigh the same
SEED = 0  # the same files always give the same window


def percentile_window(
    paths: Iterable[str | os.PathLike[str]], percentiles: tuple[float, float] = (0.1, 99.9)
) -> Window:
    """Return the percentiles of the gray values of images, as the ``window`` of a config.

    Use training images only. The window must not depend on the images that it is tested on.

    Args:
        paths: Files with gray values of more than 8 bits.
        percentiles: The values that become black and white.

    Raises:
        ImageError, OSError: A file cannot be read.
        ValueError: There are no files, a file has only 8 bits, all values are equal, or the
            percentiles are invalid.
    """
    if not 0 <= percentiles[0] < percentiles[1] <= 100:
        raise ValueError(f'percentiles={percentiles} must be ascending and between 0 and 100.')
    samples = []
    for path in paths:
        try:
            image = read_gray_values(path)
        except ImageError as error:
            raise ImageError(f'{os.fspath(path)}: {error}') from error
        if image is None:
            raise ValueError(
                f'{os.fspath(path)} does not contain gray values of more than 8 bits, so no window '
                'applies to it. Leave it out.'
            )
        samples.append(_sample(image.stored) * image.slope + image.intercept)
    if not samples:
        raise ValueError('There are no images. Name the images of the training list.')
    low, high = np.percentile(np.concatenate(samples), percentiles)
    if low == high:
        raise ValueError(f'All gray values between the percentiles are {low:g}. Widen them.')
    return float(low), float(high)


def _sample(stored: np.ndarray) -> np.ndarray:
    """Return stored values at random places, ``(SAMPLES,)``, or all of them if there are fewer.

    A constant step would take whole columns, which can all be in the margin.
    """
    flat = stored.ravel()
    if flat.size <= SAMPLES:
        return flat
    places = np.random.default_rng(SEED).choice(flat.size, SAMPLES, replace=False)
    return flat[places]
