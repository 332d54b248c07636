"""Error and size limit of all readers of image files."""

__all__ = ['MAX_PIXELS', 'ImageError', 'ImageTooLargeError', 'require_size']

MAX_PIXELS = 100_000_000  # a small file can expand to an image that fills the memory


class ImageError(ValueError):
    """Error of a file that cannot be read completely as an image; the message is the reason."""


class ImageTooLargeError(ImageError):
    """Error of an image with too many pixels; only its header was read."""


def require_size(size: tuple[int, int], max_pixels: int) -> None:
    """Check the size (h, w) in the header of an image.

    Raises:
        ImageTooLargeError: The image is too large.
    """
    height, width = size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f'{width} x {height} pixels exceed the limit of {max_pixels}: only the header was read'
        )
