"""How an image from a scanner becomes the network's input, and how results find their way back.

A station sees the whole image: the test's centre crop, as of the paper's tables, would hide a
quarter of the bag. The image is resized as for the test and left uncropped, so that items have the
size that the network was trained on. The same code serves every backend.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from mmsxm.imaging.foreground import BACKGROUND, MARGIN, foreground_window

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['Preparation', 'View', 'boxes_to_image', 'map_to_image']

INTERPOLATIONS = {
    'nearest': cv2.INTER_NEAREST,
    'bilinear': cv2.INTER_LINEAR,
    'bicubic': cv2.INTER_CUBIC,
    'area': cv2.INTER_AREA,
    'lanczos': cv2.INTER_LANCZOS4,
}

LARGEST = 10_000  # pixels of a side of the network's input

# What a test pipeline may contain, by type: for each argument the values that this module
# reproduces, ANY where the value is read here or does not change pixels. Others are refused.
ANY: Any = object()
TRANSFORMS: dict[str, Any] = {
    'LoadImageFromFile': {
        'to_float32': (False,),
        'color_type': ('color',),
        'imdecode_backend': ('cv2',),
        'ignore_empty': ANY,
        'backend_args': ANY,
        'file_client_args': ANY,
    },
    'LoadAnnotations': ANY,
    'CropBackground': {'background': ANY, 'margin': ANY},
    'Resize': {
        'scale': ANY,
        'keep_ratio': (False,),
        'interpolation': ANY,
        'backend': ('cv2',),
        'clip_object_border': ANY,
    },
    # the crop of the paper's protocol; a station sees the whole image instead
    'CenterCrop': {'crop_size': ANY, 'auto_pad': (False,)},
    'IntuitiveMetaLevel': ANY,
    'EllipseHeatmap': ANY,
    'PackInputs': ANY,
}


class View(NamedTuple):
    """What of an image the network sees.

    ``image_size`` is (h, w) of the image, ``window`` the part that the input shows, xyxy in its
    pixels.
    """

    image_size: tuple[int, int]
    window: tuple[int, int, int, int]


@dataclass(frozen=True)
class Preparation:
    """Cut white margins where the network was trained without them, then resize.

    Args:
        size: (h, w) of the network's input.
        interpolation: A key of :data:`INTERPOLATIONS`.
        background: Pixels whose darkest channel is at least this are margin; None cuts none.
        margin: Of background that stays on every side, in pixels.

    Raises:
        ValueError: A value is none that can be.
    """

    size: tuple[int, int]
    interpolation: str = 'area'
    background: int | None = None
    margin: int = MARGIN

    def __post_init__(self) -> None:
        numbers = [*self.size, 0 if self.background is None else self.background, self.margin]
        if (
            len(self.size) != 2
            or self.interpolation not in tuple(INTERPOLATIONS)
            or not all(type(number) is int and 0 <= number <= LARGEST for number in numbers)
            or 0 in self.size
        ):
            raise ValueError(f'images can not be prepared by {self}')

    @classmethod
    def from_config(cls, cfg: 'Config') -> 'Preparation':
        """Read what the test pipeline of a config does to images, except for its center crop.

        Raises:
            ValueError: It contains a transform whose effect on the pixels is not reproduced here,
                or no ``Resize`` to a fixed size.
        """
        place = f'{cfg.filename or "the config"}: the test pipeline'
        return cls.from_pipeline(cfg.test_dataloader.dataset.pipeline, place)

    @classmethod
    def from_pipeline(cls, pipeline: Iterable[Mapping[str, Any]], place: str) -> 'Preparation':
        """Read a pipeline; ``place`` names it in error messages, see :meth:`from_config`."""
        settings: dict[str, Any] = {}
        seen: set[str] = set()
        for transform in pipeline:
            name = _checked_name(transform, place)
            if name in seen and name in ('CropBackground', 'Resize'):
                raise ValueError(f'{place} contains {name} twice. {ADVICE}')
            if name == 'CropBackground' and 'Resize' in seen:
                raise ValueError(f'{place} contains CropBackground after Resize. {ADVICE}')
            if name == 'Resize' and 'CenterCrop' in seen:
                raise ValueError(f'{place} contains Resize after CenterCrop. {ADVICE}')
            if name == 'CropBackground':
                settings |= {
                    'background': transform.get('background', BACKGROUND),
                    'margin': transform.get('margin', MARGIN),
                }
            elif name == 'Resize' and 'scale' in transform:
                scale = transform['scale']
                width, height = (scale, scale) if isinstance(scale, int) else scale
                settings['size'] = (height, width)
                settings['interpolation'] = transform.get('interpolation', 'bilinear')
            seen.add(name)
        if 'size' not in settings:
            raise ValueError(
                f"{place} has no dict(type='Resize', scale=(w, h)), so the network's input size is "
                'unknown.'
            )
        return cls(**settings)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> 'Preparation':
        """Undo :meth:`to_dict`, also after a way through JSON."""
        return cls(**{**settings, 'size': tuple(settings['size'])})

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for the metadata of an exported network."""
        return asdict(self)

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, View]:
        """Prepare one image.

        Args:
            image: BGR ``(H, W, 3)`` uint8.

        Returns:
            The input, BGR ``(h, w, 3)`` uint8, and what it shows.
        """
        height, width = image.shape[:2]
        window = (0, 0, width, height)
        if self.background is not None:
            window = foreground_window(image, self.background, self.margin)
        left, top, right, bottom = window
        resized = cv2.resize(
            image[top:bottom, left:right],
            self.size[::-1],
            interpolation=INTERPOLATIONS[self.interpolation],
        )
        return resized, View((height, width), window)


ADVICE = (
    'Screening and export cannot reproduce it, so the network would see other pixels than in its '
    'test. Use the transforms of configs/_base_/datasets, or preprocess the images themselves.'
)


def _checked_name(transform: Mapping[str, Any], place: str) -> str:
    """Return a transform's name without its scope; ValueError if its effect is not reproduced."""
    kind = transform['type']
    name = kind.rsplit('.', 1)[-1] if isinstance(kind, str) else kind.__name__
    allowed = TRANSFORMS.get(name)
    if allowed is None:
        raise ValueError(f'{place} contains {name}. {ADVICE}')
    if allowed is not ANY:
        for key, value in transform.items():
            if key == 'type':
                continue
            values = allowed.get(key, ())
            if values is not ANY and value not in values:
                raise ValueError(f'{place} contains {name} with {key}={value!r}. {ADVICE}')
    return name


def boxes_to_image(boxes: np.ndarray, view: View, input_size: tuple[int, int]) -> np.ndarray:
    """Take boxes ``(n, 4)``, xyxy in pixels of the input of size (h, w), to pixels of the image."""
    left, top, right, bottom = view.window
    scale = np.array([(right - left) / input_size[1], (bottom - top) / input_size[0]] * 2)
    return (np.asarray(boxes, dtype=np.float32).reshape(-1, 4) * scale + [left, top] * 2).astype(
        np.float32
    )


def map_to_image(attention_map: np.ndarray, view: View) -> np.ndarray:
    """Stretch a map ``(h, w)`` of the input over the image; 0 where the network did not look."""
    left, top, right, bottom = view.window
    result = np.zeros(view.image_size, dtype=np.float32)
    result[top:bottom, left:right] = cv2.resize(
        attention_map.astype(np.float32),
        (right - left, bottom - top),
        interpolation=cv2.INTER_LINEAR,
    )
    return result
