"""Reading of the image of a data info."""

from typing import Any

from mmcv.transforms import BaseTransform
from mmengine import fileio

from mmsxm.imaging.images import ImageError, decode_image, read_image
from mmsxm.imaging.pixel_mapping import PixelMapping, Window
from mmsxm.registry import TRANSFORMS


@TRANSFORMS.register_module()
class LoadXrayImage(BaseTransform):
    """Read an image as inference and screening do, including 16-bit files and DICOM.

    Configs leave the arguments out: ``window`` and ``pseudo_color`` in a config set them in all of
    its pipelines.

    **Required Keys:** img_path.

    **Modified Keys:** none.

    **Added Keys:** img (BGR, ``(H, W, 3)`` uint8), img_shape, ori_shape.

    Args:
        window: See :class:`~mmsxm.imaging.pixel_mapping.PixelMapping`.
        pseudo_color: See :class:`~mmsxm.imaging.pixel_mapping.PixelMapping`.
        backend_args: Storage of the files, see :func:`mmengine.fileio.get`. By default, they are
            local files.

    Raises:
        ValueError: The window or the pseudo-color is invalid.
    """

    def __init__(
        self,
        window: Window | list[float] | None = None,
        pseudo_color: str = 'sixray_white',
        backend_args: dict[str, Any] | None = None,
    ) -> None:
        self.mapping = PixelMapping.from_dict({'window': window, 'pseudo_color': pseudo_color})
        self.backend_args = backend_args

    def transform(self, results: dict) -> dict:
        """Read an image.

        Raises:
            ImageError: The file cannot be read as an image.
            OSError: The file cannot be opened.
        """
        path = results['img_path']
        try:
            if self.backend_args is None:
                image = read_image(path, mapping=self.mapping)
            else:
                data = fileio.get(path, backend_args=self.backend_args)
                image = decode_image(data, mapping=self.mapping)
        except ImageError as error:
            raise ImageError(f'{path}: {error}. Replace the file or unlist it.') from error
        results['img'] = image  # (H, W, 3)
        results['img_shape'] = results['ori_shape'] = image.shape[:2]
        return results

    def __repr__(self) -> str:
        settings = ', '.join(f'{key}={value!r}' for key, value in self.mapping.to_dict().items())
        return f'{type(self).__name__}({settings})'
