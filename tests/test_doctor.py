import re
import subprocess
import sys
from pathlib import Path

import pytest

from mmsxm import doctor

ROOT = Path(__file__).resolve().parents[1]
ONEDL = {'onedl-mmengine': '0.10.12', 'onedl-mmcv': '2.3.6', 'onedl-mmpretrain': '1.3.6'}
OPENMMLAB = {'mmengine': '0.10.7', 'mmcv-lite': '2.2.0', 'mmpretrain': '1.2.0'}


def test_this_environment_is_healthy(capsys: pytest.CaptureFixture[str]) -> None:
    code = doctor.main()
    report = capsys.readouterr().out
    assert code == 0, report
    assert 'fix it with' not in report
    names = {'python', 'mmsxm', 'stack', 'cv2'}
    if not doctor.is_station(doctor.installed_versions()):
        names |= {'torch', 'torchvision', 'mmpretrain'}
    for name in names:
        assert f'\n{name} ' in report


def test_doctor_runs_in_an_empty_environment() -> None:
    done = subprocess.run(
        [sys.executable, '-S', '-m', 'mmsxm.doctor'],  # -S: without site-packages
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    assert f'pip install {" ".join(ONEDL)}' in done.stdout
    assert 'pip install torch\n' in done.stdout


def test_an_old_python_is_reported() -> None:
    assert doctor.check_python((3, 9, 18)).fix
    assert not doctor.check_python((3, 10, 0)).fix


@pytest.mark.parametrize(
    'versions', [ONEDL, OPENMMLAB, {'mmengine-lite': '0.10.7', 'mmcv': '2.2.0', 'mmpretrain': '1'}]
)
def test_either_stack_is_accepted(versions: dict[str, str]) -> None:
    diagnosis = doctor.check_stack(versions | {'numpy': '2.0'})
    assert diagnosis.fix == ''
    assert all(f'{name} {version}' in diagnosis.found for name, version in versions.items())


def test_a_station_needs_no_fix(monkeypatch: pytest.MonkeyPatch) -> None:
    versions = {'mmsxm': '0.1.0', 'onnxruntime': '1.32.0', 'opencv-python': '5.0.0'}
    assert doctor.is_station(versions)
    assert not doctor.is_station(versions | {'torch': '2.13.0'})
    assert not doctor.is_station({'numpy': '2.0'})
    monkeypatch.setattr(doctor, 'installed_versions', lambda: versions)
    monkeypatch.setattr(doctor.metadata, 'requires', lambda _: ['opencv-python'])
    diagnoses = {each.name: each for each in doctor.examine()}
    assert not any(each.fix for each in diagnoses.values())
    assert 'exported networks only' in diagnoses['stack'].found
    assert 'torch' not in diagnoses


def test_a_missing_stack_is_reported() -> None:
    assert doctor.check_stack({'numpy': '2.0'}).fix == f'pip install {" ".join(ONEDL)}'


@pytest.mark.parametrize('stack', [ONEDL, OPENMMLAB])
def test_incomplete_stack_is_completed_with_its_own_packages(stack: dict[str, str]) -> None:
    diagnosis = doctor.check_stack(dict(list(stack.items())[:2]))
    assert 'incomplete' in diagnosis.found
    assert diagnosis.fix == f'pip install {" ".join(stack)}'


def test_mixed_stacks_are_all_removed_first() -> None:
    diagnosis = doctor.check_stack(ONEDL | {'mmcv': '2.2.0'})
    removal, installation = diagnosis.fix.split(' && ')
    assert removal.split()[3:] == [*ONEDL, 'mmcv']
    assert installation == f'pip install {" ".join(ONEDL)}'


def test_a_missing_requirement_is_reported() -> None:
    requires = ['numpy', 'torch>=2.0', 'onedl-mmcv; extra == "onedl"']
    assert doctor.check_mmsxm({'mmsxm': '1', 'numpy': '2', 'torch': '2.1'}, requires).fix == ''
    diagnosis = doctor.check_mmsxm({'mmsxm': '1', 'numpy': '2'}, requires)
    assert diagnosis.fix == "pip install 'torch>=2.0'"
    assert doctor.check_mmsxm({'numpy': '2'}, []).fix == "pip install -e '.[onedl]'"


def test_broken_module_is_reported_by_its_first_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / 'broken_module.py').write_text("raise RuntimeError('no libGL.so.1\\nmore')")
    monkeypatch.syspath_prepend(tmp_path)
    diagnosis = doctor.check_import('broken_module', 'apt-get install libgl1')
    assert diagnosis == ('broken_module', 'RuntimeError: no libGL.so.1', 'apt-get install libgl1')


def test_an_installation_without_configs(tmp_path: Path) -> None:
    assert doctor.check_configs(tmp_path).fix == "pip install -e '.[onedl]'"
    (tmp_path / '.mim/configs').mkdir(parents=True)
    (tmp_path / '.mim/configs/leaf.py').touch()
    assert doctor.check_configs(tmp_path).fix == ''


def test_missing_extras_are_described_and_are_not_errors() -> None:
    requires = ['numpy', 'ray[data]; extra == "ray"', 'onnx; extra == "onnx"', 'Pytest>=8']
    absent = doctor.describe_extra('ray', {'numpy': '2'}, requires)
    assert absent.fix == ''
    assert "pip install 'ray[data]'" in absent.found
    assert doctor.describe_extra('ray', {'ray': '2.60'}, requires) == ('[ray]', 'ray 2.60', '')


def test_every_user_extra_is_described() -> None:
    section = (ROOT / 'pyproject.toml').read_text().split('optional-dependencies]')[1]
    extras = set(re.findall(r'^([\w-]+) = ', section.split('[tool.')[0], re.MULTILINE))
    assert set(doctor.EXTRAS) == extras - {'docs', 'onedl', 'openmmlab', 'tests'}
