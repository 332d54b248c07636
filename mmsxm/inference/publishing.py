"""Make a checkpoint fit to hand on: weights alone, with a digest in the file's name."""

import hashlib
from pathlib import Path

import torch
from mmengine.runner import CheckpointLoader

import mmsxm.registry  # noqa: F401, makes loading safe
from mmsxm.engine.checkpoints import latest_checkpoint
from mmsxm.inference.calibration import KEY as CALIBRATION

__all__ = ['publish']

KEPT = ('dataset_meta', 'cfg', 'epoch', CALIBRATION)  # of the meta


def publish(source: Path, out: Path) -> Path:
    """Write weights, class names and calibration of ``source`` to ``out``, named by digest.

    Optimizer, schedules and logs are left out. The digest is of the file's content, its first
    eight digits, as OpenMMLab's model zoo does.

    Args:
        source: A checkpoint, or a work directory for its latest one.
        out: The file to write; the digest joins its name.

    Returns:
        The path of the written file.

    Raises:
        FileNotFoundError: There is no checkpoint.
        ValueError: The checkpoint was not written by a training.
    """
    if source.is_dir():
        latest = latest_checkpoint(source)
        if latest is None:
            raise FileNotFoundError(
                f'{source} is a folder without a checkpoint. Name a checkpoint, or the folder that '
                'a training wrote them to.'
            )
        source = Path(latest)
    checkpoint = CheckpointLoader.load_checkpoint(str(source), map_location='cpu')
    if 'state_dict' not in checkpoint:
        raise ValueError(f'{source} has no state_dict: it is not a checkpoint of a training.')
    meta = checkpoint.get('meta', {})
    kept = {key: meta[key] for key in KEPT if key in meta}
    out.parent.mkdir(parents=True, exist_ok=True)
    torch.save({'state_dict': checkpoint['state_dict'], 'meta': kept}, out)
    digest = hashlib.sha256(out.read_bytes()).hexdigest()[:8]
    return out.rename(out.with_name(f'{out.stem}-{digest}{out.suffix}'))
