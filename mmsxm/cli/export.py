"""Export a trained network to ONNX or OpenVINO, with all that belongs to it in one file.

The file is checked in its own runtime: for 1, 2 and 3 images, scores, level weights and attention
maps must agree with PyTorch. A file that fails the check is not written.
"""

from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml'}


def main(argv: Sequence[str] | None = None) -> None:
    """Export."""
    parser = make_parser('export', __doc__)
    parser.add_argument('config', help='a config file, or the name of a model')
    parser.add_argument(
        'checkpoint',
        help='a checkpoint, or a work directory for the last one of its training, which has no '
        'thresholds of mmsxm calibrate',
    )
    parser.add_argument('out', type=Path, help='the .onnx, or .xml, file to write')
    parser.add_argument('--format', choices=list(SUFFIXES), required=True)
    parser.add_argument(
        '--precision',
        choices=['f32', 'bf16'],
        default='f32',
        help="of OpenVINO's calculations; bf16 is quicker where the processor has it",
    )
    args = parser.parse_args(argv)
    write(args.config, args.checkpoint, args.out, SUFFIXES[args.format], args.precision)


def write(config: str, checkpoint: str, out: Path, suffix: str, precision: str) -> None:
    """Export and say which checkpoint was taken."""
    if out.suffix != suffix:
        raise ValueError(f'{out} has to end in {suffix}, by which its format is known')
    from mmsxm.engine.checkpoints import latest_checkpoint
    from mmsxm.inference.backends.torch_backend import load_network
    from mmsxm.inference.calibration import Calibration
    from mmsxm.inference.export import export

    checkpoint = latest_checkpoint(checkpoint) or checkpoint
    network, info = load_network(config, checkpoint)
    difference = export(network, info, out, precision)
    if info.calibration == Calibration.default(info.classes):
        thresholds = 'without thresholds of mmsxm calibrate: 0.5 for each class'
    else:
        thresholds = 'with its thresholds'
    print(f'Exported {checkpoint} to {out}, {thresholds}')
    rounded = ' (in bfloat16, if this processor has it)' if precision == 'bf16' else ''
    print(
        f'Checked with 1, 2 and 3 images: differs from PyTorch by at most {difference:.1e}{rounded}'
    )
