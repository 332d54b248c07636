"""Export a trained network to ONNX or OpenVINO, with all that belongs to it in one file.

The file is checked in its own runtime: for 1, 2 and 3 images, scores, level weights and attention
maps must agree with PyTorch. A file that fails the check is not written.
"""

import argparse
import sys
from pathlib import Path

SUFFIXES = {'onnx': '.onnx', 'openvino': '.xml'}


def main() -> None:
    """Export."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='a config file, or the name of a model')
    parser.add_argument(
        'checkpoint',
        help='a checkpoint, or a work directory for the last one of its training, which has no '
        'thresholds of tools/calibrate.py',
    )
    parser.add_argument('out', type=Path, help='the .onnx, or .xml, file to write')
    parser.add_argument('--format', choices=list(SUFFIXES), required=True)
    parser.add_argument(
        '--precision',
        choices=['f32', 'bf16'],
        default='f32',
        help="of OpenVINO's calculations; bf16 is quicker where the processor has it",
    )
    args = parser.parse_args()
    try:
        write(args.config, args.checkpoint, args.out, SUFFIXES[args.format], args.precision)
    except (FileNotFoundError, ImportError, ValueError) as error:
        sys.exit(f'export.py: {error}')


def write(config: str, checkpoint: str, out: Path, suffix: str, precision: str) -> None:
    if out.suffix != suffix:
        raise ValueError(f'{out} has to end in {suffix}, by which its format is known')
    from mmsxm.apis.backends.torch_backend import load_network
    from mmsxm.apis.calibration import Calibration
    from mmsxm.apis.export import export
    from mmsxm.engine.checkpoint_hooks import latest_checkpoint

    checkpoint = latest_checkpoint(checkpoint) or checkpoint
    network, info = load_network(config, checkpoint)
    difference = export(network, info, out, precision)
    if info.calibration == Calibration.default(info.classes):
        thresholds = 'without thresholds of tools/calibrate.py: 0.5 for each class'
    else:
        thresholds = 'with its thresholds'
    print(f'Exported {checkpoint} to {out}, {thresholds}')
    rounded = ' (in bfloat16, if this processor has it)' if precision == 'bf16' else ''
    print(
        f'Checked with 1, 2 and 3 images: differs from PyTorch by at most {difference:.1e}{rounded}'
    )


if __name__ == '__main__':
    main()
