"""Error and size limit of all readers of image files."""

__all__ = ['MAX_PIXELS', 'ImageError', 'require_size']

MAX_PIXELS = 100_000_000  # a small file can expand to an image that fills the memory


class ImageError(ValueError):
    """Error of a file that cannot be read completely as an image; the message is the reason."""


def require_size(size: tuple[int, int], max_pixels: int) -> None:
    """Check the size (h, w) in the header of an image.

    Raises:
        ImageError: The image is too large.
    """
    height, width = size
    if width * height > max_pixels:
        raise ImageError(
            f'{width} x {height} pixels exceed the limit of {max_pixels}: only the header was read'
        )
