"""Export a trained network, with its classes and thresholds, to ONNX or OpenVINO.

The exported file is checked in its own runtime: for batches of 1, 2 and 3 images, scores, level
weights and maps must match PyTorch. A file that fails the check is not written. A file in 8-bit
integers cannot match exactly: the average change of its scores is limited and printed.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mmsxm.cli.arguments import make_parser

if TYPE_CHECKING:
    import numpy as np

    from mmsxm.imaging.preprocessing import Preprocessing

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml'}
MAX_IMAGES = 400  # for int8; three quarters of them set the ranges of activations


def main(argv: Sequence[str] | None = None) -> None:
    """Parse the arguments and export."""
    parser = make_parser('export', __doc__)
    parser.add_argument('config', help='config file, or name of a model')
    parser.add_argument(
        'checkpoint',
        help='checkpoint, or a work directory to use its latest one. Checkpoints saved during '
        'training have no thresholds from mmsxm calibrate',
    )
    parser.add_argument('out', type=Path, help='output file, .onnx or .xml')
    parser.add_argument('--format', choices=list(SUFFIXES), required=True, help='file format')
    parser.add_argument(
        '--precision',
        choices=['f32', 'bf16', 'int8'],
        default='f32',
        help='precision of OpenVINO; bf16 is faster on processors that support it, and int8 on '
        'those with 8-bit instructions (VNNI). An int8 file needs thresholds of its own: run '
        'mmsxm calibrate on it',
    )
    parser.add_argument(
        '--images',
        type=Path,
        help='for int8: folder or list (.txt) of training images. They need no labels; at most '
        f'{MAX_IMAGES} are used',
    )
    args = parser.parse_args(argv)
    if (args.precision == 'int8') != (args.images is not None):
        parser.error('--precision int8 and --images must be used together.')
    if args.precision == 'int8' and args.format != 'openvino':
        parser.error('--precision int8 needs --format openvino.')
    suffix = SUFFIXES[args.format]
    if args.images is None:
        write(args.config, args.checkpoint, args.out, suffix, args.precision)
    else:
        write_int8(args.config, args.checkpoint, args.out, suffix, args.images)


def write(config: str, checkpoint: str, out: Path, suffix: str, precision: str) -> None:
    """Export a checkpoint and print which one was used."""
    require_suffix(out, suffix)
    from mmsxm.engine.checkpoints import find_checkpoint
    from mmsxm.inference.backends.torch_backend import load_network
    from mmsxm.inference.calibration import Calibration
    from mmsxm.inference.export import export

    checkpoint = find_checkpoint(checkpoint)
    network, info = load_network(config, checkpoint)
    difference = export(network, info, out, precision)
    if info.calibration == Calibration.default(info.classes):
        thresholds = 'without thresholds from mmsxm calibrate: 0.5 for each class'
    else:
        thresholds = 'with its thresholds'
    print(f'Exported {checkpoint} to {out}, {thresholds}')
    rounded = ' (in bfloat16, if this processor supports it)' if precision == 'bf16' else ''
    print(
        f'Checked with batches of 1, 2 and 3 images: differs from PyTorch by at most '
        f'{difference:.1e}{rounded}'
    )


def write_int8(config: str, checkpoint: str, out: Path, suffix: str, source: Path) -> None:
    """Export a checkpoint in 8-bit integers and print how much the scores change."""
    require_suffix(out, suffix)
    from mmsxm.engine.checkpoints import find_checkpoint
    from mmsxm.inference.backends.torch_backend import load_network
    from mmsxm.inference.int8_export import export_int8

    checkpoint = find_checkpoint(checkpoint)
    network, info = load_network(config, checkpoint)
    change = export_int8(network, info, out, read_images(source, info.preprocessing))
    print(
        f'Exported {checkpoint} to {out} in 8-bit integers, without thresholds: 0.5 for each '
        f'class. Run mmsxm calibrate on {out}; thresholds of the checkpoint do not fit it'
    )
    print(
        f'Checked with {change.images} images that set no ranges: scores differ from PyTorch by '
        f'{change.mean:.3f} on average, 99% of them by at most {change.percentile_99:.3f}, all '
        f'by at most {change.largest:.3f}'
    )


def read_images(source: Path, preprocessing: 'Preprocessing') -> 'np.ndarray':
    """Read and preprocess images evenly spaced in a folder or list: ``(N, h, w, 3)`` uint8.

    Files that are not readable are printed and skipped.

    Raises:
        FileNotFoundError: The folder or list does not exist.
    """
    import numpy as np

    from mmsxm.imaging.images import MAX_PIXELS
    from mmsxm.imaging.reading import Unreadable, preprocess_file
    from mmsxm.screening.image_sources import find_paths

    if not source.exists():
        raise FileNotFoundError(f'There is no {source}. Name a folder or list of training images.')
    paths = list(find_paths(source))
    chosen = np.linspace(0, len(paths) - 1, min(len(paths), MAX_IMAGES)).round().astype(int)
    images = []
    for index in chosen:
        file = preprocess_file(paths[index], preprocessing, MAX_PIXELS)
        if isinstance(file, Unreadable):
            print(f'Skipped {file.path}: {file.error}')
        else:
            images.append(file.image)
    return np.stack(images) if images else np.empty((0, *preprocessing.size, 3), np.uint8)


def require_suffix(out: Path, suffix: str) -> None:
    """Raise ValueError if the output does not have the suffix of its format."""
    if out.suffix != suffix:
        raise ValueError(f'{out} has the wrong suffix for its format. Use {suffix}.')
