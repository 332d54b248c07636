"""Export a trained network, with its classes and thresholds, to ONNX or OpenVINO.

The exported file is checked in its own runtime: for batches of 1, 2 and 3 images, scores, level
weights and maps must match PyTorch. A file that fails the check is not written.
"""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml'}


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
        choices=['f32', 'bf16'],
        default='f32',
        help='precision of OpenVINO; bf16 is faster on processors that support it',
    )
    args = parser.parse_args(argv)
    write(args.config, args.checkpoint, args.out, SUFFIXES[args.format], args.precision)


def write(config: str, checkpoint: str, out: Path, suffix: str, precision: str) -> None:
    """Export a checkpoint and print which one was used."""
    if out.suffix != suffix:
        raise ValueError(f'{out} has the wrong suffix for its format. Use {suffix}.')
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
