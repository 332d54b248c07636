"""Make a checkpoint fit for handing on: weights alone, with a digest in the file's name."""

import hashlib
from collections.abc import Sequence
from pathlib import Path

from mmsxm.cli.arguments import make_parser

KEPT = ('dataset_meta', 'cfg', 'epoch', 'calibration')  # of the meta


def publish(source: Path, out: Path) -> Path:
    """Write weights, classes' names and calibration of ``source`` to ``out``, named by digest.

    Optimizer, schedules and logs are left out. The digest is of the file's content, its first
    eight digits, as OpenMMLab's model zoo does.
    """
    import torch
    from mmengine.runner import CheckpointLoader

    import mmsxm.registry  # noqa: F401  makes loading safe

    checkpoint = CheckpointLoader.load_checkpoint(str(source), map_location='cpu')
    if 'state_dict' not in checkpoint:
        raise ValueError(f'{source} holds no state_dict: it is no checkpoint of a training.')
    meta = checkpoint.get('meta', {})
    kept = {key: meta[key] for key in KEPT if key in meta}
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'state_dict': checkpoint['state_dict'], 'meta': kept}, out)
    digest = hashlib.sha256(out.read_bytes()).hexdigest()[:8]
    return out.rename(out.with_name(f'{out.stem}-{digest}{out.suffix}'))


def main(argv: Sequence[str] | None = None) -> None:
    """Publish."""
    parser = make_parser('publish', __doc__)
    parser.add_argument('checkpoint', type=Path, help='a checkpoint of a training')
    parser.add_argument('out', type=Path, help='the file to write; a digest joins its name')
    args = parser.parse_args(argv)
    print(f'Published as {publish(args.checkpoint, args.out)}')
