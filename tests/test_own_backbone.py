"""Your own backbone and input size take a few settings on top of configs/evidence_own.py.

The configs are those of docs/backbones.md.
"""

import ast
import re
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsxm.inference.backends.torch_backend import load_network
from mmsxm.inference.export import export
from mmsxm.inference.inferencer import XrayInferencer
from mmsxm.models import SXMNet
from mmsxm.registry import MODELS
from mmsxm.training.config import load_config
from mmsxm.training.train import train

ROOT = Path(__file__).resolve().parents[1]
PAGE = (ROOT / 'docs/backbones.md').read_text()
CONFIGS = dict(re.findall(r'```python\n# (\S+\.py)\n(.*?)```', PAGE, re.DOTALL))
LOADER = dict(num_workers=0, persistent_workers=False, pin_memory=False)
ONE_STEP = {
    'model.backbone.init_cfg': None,  # no download
    **{f'{name}_dataloader': LOADER for name in ('train', 'val', 'test')},
    'train_dataloader.batch_size': 2,
    'train_dataloader.dataset.indices': 2,
    'val_dataloader.dataset.indices': 1,
    'train_cfg': dict(max_epochs=1, val_interval=1),
    'log_level': 'WARNING',
}


def write(name: str, folder: Path) -> Path:
    """Write a config of the page, with the path of its base."""
    path = folder / name
    path.write_text(CONFIGS[name].replace("'configs/", f"'{ROOT}/configs/"))
    return path


def build(cfg: Config) -> SXMNet:
    cfg.model.backbone.init_cfg = None
    return MODELS.build(dict(cfg.model, _scope_='mmpretrain'))


def test_a_backbone_takes_four_settings_and_an_input_size_one() -> None:
    settings = {name: len(ast.parse(text).body) for name, text in CONFIGS.items()}
    assert settings == {'convnext_own.py': 4, 'mobilenet-v4_own.py': 5}


@pytest.mark.parametrize(('name', 'size'), [('convnext_own.py', 96), ('mobilenet-v4_own.py', 320)])
def test_it_trains_exports_and_screens(
    name: str,
    size: int,
    own_data: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if 'TIMMBackbone' in CONFIGS[name]:
        pytest.importorskip('timm', reason='needs the extra [timm]')
    monkeypatch.setenv('OWN_ROOT', str(own_data['coco']))
    options = {**ONE_STEP, 'experiment_name': name}
    if load_config(write(name, tmp_path)).get('input_size') != size:
        options['input_size'] = size  # faster than 224
    if 'TIMMBackbone' in CONFIGS[name]:  # a small network of timm, which exports faster
        options['model.backbone.model_name'] = 'resnet10t'
        options['model.neck.in_channels'] = [128, 256, 512]
    cfg = load_config(tmp_path / name, work_dir=str(tmp_path / 'run'), options=options)
    train(cfg)

    checkpoint = tmp_path / 'run/epoch_1.pth'
    network, info = load_network(cfg, checkpoint)
    whole = (round(size * 256 / 224),) * 2  # a station sees what training crops from
    assert info.preprocessing.size == whole
    image = next((own_data['coco'] / 'images').iterdir())
    (result,) = XrayInferencer(cfg, str(checkpoint))(str(image))
    assert len(result['pred_scores']) == 5

    pytest.importorskip('onnxscript', reason='needs the extra [onnx]')
    pytest.importorskip('onnxruntime', reason='needs the extra [onnx]')
    file = tmp_path / 'network.onnx'
    export(network, info, file)  # compares it with PyTorch
    (exported,) = XrayInferencer(str(file))(str(image))
    assert exported['pred_scores'] == pytest.approx(result['pred_scores'], abs=1e-4)


@pytest.mark.parametrize('levels', [1, 2, 4])
def test_any_number_of_levels_needs_its_channels_in_neck_and_head(levels: int) -> None:
    cfg = load_config(
        ROOT / 'configs/evidence_own.py',
        options={
            'model.backbone': dict(depth=18, out_indices=tuple(range(4))[-levels:]),
            'model.neck.in_channels': [64, 128, 256, 512][-levels:],
            'model.head.in_channels': levels * [256],
        },
    )
    with torch.no_grad():
        (predicted,) = build(cfg).eval().predict(torch.zeros(1, 3, 64, 64))
    assert predicted.level_weights.shape == (levels,)
    assert predicted.class_maps.shape[0] == 5


def test_wrong_channels_are_answered_with_the_right_ones() -> None:
    options = {'model.backbone.depth': 18}
    network = build(load_config(ROOT / 'configs/evidence_own.py', options=options))
    with pytest.raises(ValueError, match=r'Set neck=dict\(in_channels=\[128, 256, 512\]\)'):
        network(torch.zeros(1, 3, 64, 64))


def test_vectors_are_answered_with_the_setting_for_maps(tmp_path: Path) -> None:
    path = write('convnext_own.py', tmp_path)
    options = {'model.backbone.gap_before_final_norm': True}
    with pytest.raises(ValueError, match='For ConvNeXt set gap_before_final_norm=False'):
        build(load_config(path, options=options))(torch.zeros(1, 3, 64, 64))
