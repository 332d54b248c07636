"""Conversion of a scanner image to network input, and of results back to image coordinates.

Screening uses the whole image: the center crop of the test, as in the paper's tables, would hide a
quarter of the bag. The image is resized as in the test but not cropped, so that items have the size
that the network was trained on. All backends share this code.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import cv2
import numpy as np

from mmsxm.imaging.foreground import BACKGROUND, MARGIN, foreground_window
from mmsxm.imaging.pixel_mapping import SETTINGS as MAPPING_SETTINGS
from mmsxm.imaging.pixel_mapping import UPPER_BITS, PixelMapping

if TYPE_CHECKING:
    from mmengine.config import Config

__all__ = ['Preprocessing', 'View', 'boxes_to_image', 'map_to_image']

INTERPOLATIONS = {
    'nearest': cv2.INTER_NEAREST,
    'bilinear': cv2.INTER_LINEAR,
    'bicubic': cv2.INTER_CUBIC,
    'area': cv2.INTER_AREA,
    'lanczos': cv2.INTER_LANCZOS4,
}

LARGEST = 10_000  # pixels, the longest allowed side of the network input

# Allowed transforms of a test pipeline. For each argument: the values that this module reproduces,
# or ANY if the value is read here or does not change pixels. All others raise an error.
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
    'LoadXrayImage': {'window': ANY, 'pseudo_color': ANY, 'backend_args': ANY},
    'LoadAnnotations': ANY,
    'CropBackground': {'background': ANY, 'margin': ANY},
    'Resize': {
        'scale': ANY,
        'keep_ratio': (False,),
        'interpolation': ANY,
        'backend': ('cv2',),
        'clip_object_border': ANY,
    },
    # the crop of the paper's protocol; screening uses the whole image instead
    'CenterCrop': {'crop_size': ANY, 'auto_pad': (False,)},
    'IntuitiveMetaLevel': ANY,
    'ClassHeatmap': ANY,
    'EllipseHeatmap': ANY,
    'PackInputs': ANY,
}


class View(NamedTuple):
    """Part of an image that the network sees.

    ``image_size`` is the (h, w) of the image. ``window`` is the part that the network input shows,
    xyxy in image pixels.
    """

    image_size: tuple[int, int]
    window: tuple[int, int, int, int]


@dataclass(frozen=True)
class Preprocessing:
    """Preprocessing of an image: crop white margins if training did, then resize.

    Args:
        size: (h, w) of the network input.
        interpolation: A key of :data:`INTERPOLATIONS`.
        background: Pixels whose darkest channel is at least this are margin. None disables the
            crop.
        margin: Background to keep on every side, in pixels.
        mapping: Mapping of what a file contains to 8-bit pixels, which its reader applies first.

    Raises:
        ValueError: A value is invalid.
    """

    size: tuple[int, int]
    interpolation: str = 'area'
    background: int | None = None
    margin: int = MARGIN
    mapping: PixelMapping = UPPER_BITS

    def __post_init__(self) -> None:
        numbers = [*self.size, 0 if self.background is None else self.background, self.margin]
        if (
            len(self.size) != 2
            or self.interpolation not in tuple(INTERPOLATIONS)
            or not all(type(number) is int and 0 <= number <= LARGEST for number in numbers)
            or 0 in self.size
        ):
            raise ValueError(
                f'{self} is invalid. Use a size and margin of at most {LARGEST} pixels and an '
                f'interpolation of {", ".join(INTERPOLATIONS)}.'
            )

    @classmethod
    def from_config(cls, cfg: 'Config') -> 'Preprocessing':
        """Read the preprocessing from the test pipeline of a config, without its center crop.

        Raises:
            ValueError: The pipeline contains a transform whose effect on the pixels is not
                reproduced here, or no ``Resize`` to a fixed size.
        """
        place = f'{cfg.filename or "the config"}: the test pipeline'
        dataset = (cfg.get('test_dataloader') or {}).get('dataset') or {}
        if 'pipeline' not in dataset:
            raise ValueError(
                f'{cfg.filename or "the config"} has no test_dataloader with a pipeline of its '
                'own, so the preprocessing of images is unknown. Name one data set there.'
            )
        return cls.from_pipeline(dataset['pipeline'], place)

    @classmethod
    def from_pipeline(cls, pipeline: Iterable[Mapping[str, Any]], place: str) -> 'Preprocessing':
        """Read a pipeline, see :meth:`from_config`; ``place`` names it in error messages."""
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
            if name == 'LoadXrayImage':
                settings['mapping'] = PixelMapping.from_dict(transform)
            elif name == 'CropBackground':
                settings |= {
                    'background': transform.get('background', BACKGROUND),
                    'margin': transform.get('margin', MARGIN),
                }
            elif name == 'Resize' and 'scale' in transform:
                scale = transform['scale']
                sides = [scale, scale] if isinstance(scale, int) else scale
                if not (isinstance(sides, list | tuple) and len(sides) == 2):
                    raise ValueError(
                        f'{place} has Resize with scale={scale!r}. Use (width, height).'
                    )
                width, height = sides
                settings['size'] = (height, width)
                settings['interpolation'] = transform.get('interpolation', 'bilinear')
            seen.add(name)
        if 'size' not in settings:
            raise ValueError(
                f"{place} has no dict(type='Resize', scale=(w, h)), so the input size is unknown. "
                'Add one.'
            )
        return cls(**settings)

    @classmethod
    def from_dict(cls, settings: Mapping[str, Any]) -> 'Preprocessing':
        """Create an instance from :meth:`to_dict`, also after a JSON round trip.

        Raises:
            KeyError, TypeError, ValueError: The settings are invalid.
        """
        settings = dict(settings)  # an error for what is not a mapping
        others = {key: value for key, value in settings.items() if key not in MAPPING_SETTINGS}
        mapping = PixelMapping.from_dict(settings)
        return cls(**{**others, 'size': tuple(settings['size']), 'mapping': mapping})

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for the metadata of an exported network.

        The settings of the mapping are among them if they differ from their defaults.
        """
        settings = asdict(self)
        del settings['mapping']
        return settings | self.mapping.to_dict()

    def __call__(self, image: np.ndarray) -> tuple[np.ndarray, View]:
        """Preprocess one image.

        Args:
            image: BGR ``(H, W, 3)`` uint8.

        Returns:
            The network input, BGR ``(h, w, 3)`` uint8, and the part of the image that it shows.
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
        )  # (h, w, 3)
        return resized, View((height, width), window)


ADVICE = (
    'Screening and export cannot reproduce it, so the network would see different pixels than in '
    'the test. Use the transforms of configs/_base_/datasets, or preprocess the image files.'
)


def _checked_name(transform: Mapping[str, Any], place: str) -> str:
    """Return the name of a transform without its scope.

    Raises:
        ValueError: The effect of the transform is not reproduced here.
    """
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
    """Convert boxes ``(n, 4)``, xyxy, from pixels of the input of size (h, w) to image pixels."""
    left, top, right, bottom = view.window
    scale = np.array([(right - left) / input_size[1], (bottom - top) / input_size[0]] * 2)  # (4,)
    return (np.asarray(boxes, dtype=np.float32).reshape(-1, 4) * scale + [left, top] * 2).astype(
        np.float32
    )


def map_to_image(attention_map: np.ndarray, view: View) -> np.ndarray:
    """Resize a map ``(h, w)`` of the input to the image; pixels outside the view are 0."""
    left, top, right, bottom = view.window
    result = np.zeros(view.image_size, dtype=np.float32)  # (H, W)
    result[top:bottom, left:right] = cv2.resize(
        attention_map.astype(np.float32),
        (right - left, bottom - top),
        interpolation=cv2.INTER_LINEAR,
    )
    return result
