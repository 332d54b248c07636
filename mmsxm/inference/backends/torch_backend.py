"""Backend that runs a checkpoint with PyTorch."""

from mmsxm import registry  # noqa: F401  applies the fixes that importing mmpretrain may need

# isort: split

from pathlib import Path
from typing import Any

import numpy as np
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.runner import CheckpointLoader
from mmpretrain.apis.model import ModelHub

from mmsxm.datasets.class_names import configured_classes
from mmsxm.engine.checkpoints import ADVICE, checkpoint_classes, find_checkpoint, missing_keys
from mmsxm.engine.input_size import set_input_size
from mmsxm.engine.network_settings import (
    complete_model,
    require_no_unused_weights,
    require_same_settings,
    settings_digest,
    trained_model,
    without_pretrained_weights,
)
from mmsxm.engine.pixel_mapping import adopt_trained_mapping, set_pixel_mapping
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.inference.backends.base import ModelInfo, Prediction
from mmsxm.inference.calibration import KEY, Calibration
from mmsxm.io.files import sha256
from mmsxm.models import ScreeningNetwork, SXMNet
from mmsxm.registry import MODELS
from mmsxm.training.config import load_config

__all__ = ['TorchBackend', 'load_network']


def load_network(
    model: str | Path | Config, checkpoint: str | Path | None, calibrated: bool = True
) -> tuple[ScreeningNetwork, ModelInfo]:
    """Build a trained network on the CPU.

    Args:
        model: A config, its path, or the name of a model.
        checkpoint: The weights: a file, or a work directory to use its latest checkpoint. By
            default the weights of the named model.
        calibrated: Use the calibration of the checkpoint, if it has one.

    Raises:
        FileNotFoundError: The config or checkpoint does not exist.
        ValueError: The weights are of another network, or of Stage I, which has no classes.
    """
    cfg, default_weights = _find_config(model)
    path = _find_checkpoint(checkpoint or default_weights, cfg)
    loaded = CheckpointLoader.load_checkpoint(path, map_location='cpu', logger='silent')
    init_default_scope(cfg.get('default_scope', 'mmpretrain'))
    settings = complete_model(cfg)
    network: SXMNet = MODELS.build(without_pretrained_weights(settings))
    state_dict = loaded.get('state_dict', loaded)
    meta = loaded.get('meta', {})
    if missing := missing_keys(network, state_dict):
        raise ValueError(
            f'{path} does not match the network of {_name(cfg)}: {len(missing)} of its tensors are '
            f'missing or have another shape, first {missing[0]}. Use the config of the checkpoint.'
        )
    require_no_unused_weights(network, state_dict, _name(cfg), path)
    adopt_trained_mapping(cfg, meta, _name(cfg), path)
    if trained := trained_model(meta):
        require_same_settings(settings, trained, _name(cfg), path)
    network.load_state_dict(state_dict, strict=False)
    classes = _find_classes(meta, cfg)
    calibration = (
        Calibration.from_dict(meta[KEY], classes)
        if calibrated and KEY in meta
        else Calibration.default(classes)
    )
    slope, offset = (
        [values[name] for name in classes] for values in (calibration.slope, calibration.offset)
    )
    preprocessing = Preprocessing.from_config(cfg)
    info = ModelInfo(
        name=_name(cfg),
        classes=classes,
        preprocessing=preprocessing,
        calibration=calibration,
        digest=sha256(path),
        config_digest=settings_digest(settings, preprocessing.to_dict()),
    )
    return ScreeningNetwork(network, slope, offset).requires_grad_(False), info


def _find_config(model: str | Path | Config) -> tuple[Config, str | None]:
    if isinstance(model, Config):
        cfg = model.copy()
        set_input_size(cfg)
        set_pixel_mapping(cfg)
        return cfg, None
    if not Path(model).is_file() and ModelHub.has(str(model)):
        entry = ModelHub.get(str(model))
        return load_config(entry.config.filename), entry.weights
    return load_config(model), None


def _name(cfg: Config) -> str:
    return Path(cfg.filename).stem if cfg.filename else 'the config'


def _find_checkpoint(checkpoint: str | Path | None, cfg: Config) -> str:
    if checkpoint is None:
        raise FileNotFoundError(f'{_name(cfg)} has no weights. {ADVICE}')
    return find_checkpoint(checkpoint)


def _find_classes(meta: dict[str, Any], cfg: Config) -> tuple[str, ...]:
    classes = checkpoint_classes(meta)
    if classes is None:  # weights only, as mmsxm publish may write them
        classes = configured_classes(cfg.test_dataloader.dataset)
    return tuple(classes)


class TorchBackend:
    """Network from a checkpoint, run with PyTorch.

    Args:
        model: See :func:`load_network`.
        checkpoint: See :func:`load_network`.
        device: ``'cpu'``, ``'cuda'``...; by default a GPU if there is one.
        threads: Number of CPU threads, for the whole process.
        calibrated: See :func:`load_network`.
    """

    def __init__(
        self,
        model: str | Path | Config,
        checkpoint: str | Path | None = None,
        device: str | None = None,
        threads: int | None = None,
        calibrated: bool = True,
    ) -> None:
        if threads is not None:
            torch.set_num_threads(threads)
        self.device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        network, self.info = load_network(model, checkpoint, calibrated)
        self.network = network.to(self.device)

    @torch.inference_mode()
    def __call__(self, images: np.ndarray) -> Prediction:
        """Predict a batch of preprocessed images, BGR ``(N, h, w, 3)`` uint8."""
        outputs = self.network(torch.from_numpy(images).to(self.device))
        return Prediction.from_outputs(*(output.cpu().numpy() for output in outputs))
