"""Workarounds fix what is broken, and change nothing otherwise."""

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from mmsxm import compat

# ---------------------------------------------------------------------------- imports


@pytest.mark.parametrize('missing', ['mmengine', 'mmcv', 'mmpretrain'])
def test_a_missing_stack_is_reported_with_both_install_commands(
    missing: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(
        importlib.util, 'find_spec', lambda name: None if name == missing else find_spec(name)
    )
    with pytest.raises(ImportError, match=rf'{missing} is not .*onedl-mmengine.*mmcv-lite'):
        compat.require_stack()


def run_beside(torchvision: str, code: str, path: Path) -> None:
    """Run code in another process, with a stand-in for torchvision."""
    package = path / 'torchvision'
    package.mkdir()
    (package / 'part.py').write_text('')
    (package / '__init__.py').write_text(f'import torch\nfrom . import part\n{torchvision}')
    done = subprocess.run(
        [sys.executable, '-c', code],
        env=os.environ | {'PYTHONPATH': str(path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_a_working_torchvision_is_not_changed(tmp_path: Path) -> None:
    code = """
import sys
from mmsxm import compat
import torchvision
compat.repair_torchvision()
assert compat._torchvision_schemas == []
assert sys.modules['torchvision'] is torchvision
assert sys.modules['torchvision.part'] is torchvision.part
"""
    run_beside('', code, tmp_path)


def test_a_torchvision_without_operators_can_be_imported(tmp_path: Path) -> None:
    """Fails half imported, as a CUDA build of torchvision does with a CPU build of torch."""
    torchvision = """
@torch.library.register_fake('torchvision::nms')
def fake_nms(dets, scores, iou_threshold):
    return dets.new_empty(len(dets), dtype=torch.int64)
"""
    code = """
from mmsxm import compat
try:
    import torchvision
except RuntimeError as error:
    assert 'torchvision::nms' in str(error), error
else:
    raise SystemExit('the stand-in imports by itself')
compat.repair_torchvision()
import torchvision.part
assert len(compat._torchvision_schemas) == 1
"""
    run_beside(torchvision, code, tmp_path)


def test_other_import_errors_of_torchvision_are_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(name: str) -> None:
        raise RuntimeError('something else')

    monkeypatch.setattr(importlib, 'import_module', fail)
    with pytest.raises(RuntimeError, match='something else'):
        compat.repair_torchvision()


# ---------------------------------------------------------------------------- processes


def test_the_process_group_starts_only_without_a_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[str] = []
    monkeypatch.setattr(torch.distributed, 'init_process_group', started.append)
    monkeypatch.setattr(torch.cuda, 'is_available', lambda: True)
    cfg = Config(dict(find_unused_parameters=True))
    compat.init_cpu_process_group(cfg)
    assert started == []
    assert 'model_wrapper_cfg' not in cfg

    monkeypatch.setattr(torch.cuda, 'is_available', lambda: False)
    compat.init_cpu_process_group(cfg)
    assert started == ['gloo']
    assert cfg.model_wrapper_cfg.device_ids is None
    assert cfg.model_wrapper_cfg.find_unused_parameters

    # in the second stage of a job, the group exists, but the wrapper is not set yet
    monkeypatch.setattr(torch.distributed, 'is_initialized', lambda: True)
    second = Config({})
    compat.init_cpu_process_group(second)
    assert started == ['gloo']
    assert second.model_wrapper_cfg.device_ids is None
    assert not second.model_wrapper_cfg.find_unused_parameters
