import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]

pytest.importorskip('setuptools', '77', 'no setuptools here that can build without fetching one')


@pytest.fixture(scope='module')
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a copy of the sources, because a build writes files while other tests run."""
    copy = tmp_path_factory.mktemp('source')
    for name in ('configs', 'mmsxm', 'requirements', 'tools'):
        ignore = shutil.ignore_patterns('__pycache__', '.mim')
        shutil.copytree(ROOT / name, copy / name, ignore=ignore)
    for name in ('LICENSE', 'MANIFEST.in', 'model-index.yml', 'pyproject.toml', 'setup.py'):
        shutil.copy(ROOT / name, copy)
    more = ('README.md', 'configs/nested/leaf.py', 'tools/nested/tool.py')
    not_ours = ('data/image.png', 'tools/__pycache__/train.cpython-310.pyc')
    for name in more + not_ours:
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).touch()
    return copy


def build(source: Path, hook: str, target: Path) -> Path:
    """Call a build hook of setuptools as pip does, without downloads."""
    target.mkdir()
    code = (
        # neither torch nor a stack may be needed
        "import sys; sys.modules.update(dict.fromkeys(('torch', 'mmengine', 'mmcv', 'numpy')));"
        f'import setuptools.build_meta as backend; backend.{hook}({str(target)!r})'
    )
    done = subprocess.run(
        [sys.executable, '-c', code], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    (archive,) = target.iterdir()
    return archive


def files_under(folder: str) -> set[str]:
    return {
        str(path.relative_to(ROOT))
        for path in (ROOT / folder).rglob('*')
        if path.is_file() and not {'__pycache__', '.mim'} & set(path.parts)
    }


def test_the_wheel_contains_configs_and_tools(source: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(build(source, 'build_wheel', tmp_path / 'wheel')) as wheel:
        names = set(wheel.namelist())
        metadata = wheel.read(next(name for name in names if name.endswith('/METADATA'))).decode()

        (scripts,) = (wheel.read(name).decode() for name in names if 'entry_points' in name)

    expected = files_under('configs') | files_under('tools')
    expected |= {'configs/nested/leaf.py', 'model-index.yml', 'tools/nested/tool.py'}
    assert {name[len('mmsxm/.mim/') :] for name in names if '.mim' in name} == expected
    assert files_under('mmsxm') <= names
    tops = {name.split('/')[0] for name in names}
    assert {top for top in tops if not top.endswith('.dist-info')} == {'mmsxm'}
    assert any(name.endswith('licenses/LICENSE') for name in names)

    assert scripts.split() == ['[console_scripts]', 'mmsxm', '=', 'mmsxm.cli.main:main']

    (own,) = re.findall(r"__version__ = '(.+)'", (ROOT / 'mmsxm/__init__.py').read_text())
    assert f'\nVersion: {own}\n' in metadata
    required = re.findall(r'^Requires-Dist: (.+)$', metadata, flags=re.MULTILINE)
    always = {name for name in required if 'extra ==' not in name}
    assert always == {'defusedxml', 'numpy>=1.26', 'opencv-python', 'pillow', 'rich'}, (
        'a stack must be the choice of the user, and a station needs no PyTorch'
    )
    for stack in ('onedl', 'openmmlab'):
        assert f'torch>=2.6; extra == "{stack}"' in required


def test_an_installed_wheel_finds_configs_by_name_from_any_folder(
    source: Path, tmp_path: Path
) -> None:
    pytest.importorskip('mmpretrain', reason='the names are given to mmpretrain')
    installed = tmp_path / 'site-packages'
    with zipfile.ZipFile(build(source, 'build_wheel', tmp_path / 'wheel')) as wheel:
        wheel.extractall(installed)
    code = (
        'import mmpretrain, mmsxm.apis\n'
        'from mmsxm.training.config import first_stage, load_config;'
        "hub = mmpretrain.apis.model.ModelHub.get('sxmnet-resnet50_sixray');"
        "cfg = load_config('configs/sxmnet_sixray_stage2.py');"
        "print(hub.config.filename, cfg.filename, first_stage(cfg), sep='\\n')"
    )
    done = subprocess.run(
        [sys.executable, '-c', code],
        cwd=tmp_path,
        env={**os.environ, 'PYTHONPATH': str(installed)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    by_name, by_path, first = map(Path, done.stdout.splitlines()[-3:])
    configs = installed / 'mmsxm/.mim/configs'
    assert by_name.samefile(configs / 'sxmnet_sixray_stage2.py')
    assert by_path.samefile(configs / 'sxmnet_sixray_stage2.py')
    assert first.samefile(configs / 'sxmnet_sixray_stage1.py')


def test_sdist_builds_a_wheel_with_the_same_files(source: Path, tmp_path: Path) -> None:
    with tarfile.open(build(source, 'build_sdist', tmp_path / 'sdist')) as sdist:
        assert not [name for name in sdist.getnames() if '.mim' in name], 'each file once'
        sdist.extractall(tmp_path)
    (unpacked,) = tmp_path.glob('mmsxm-*')
    from_sdist = zipfile.ZipFile(build(unpacked, 'build_wheel', tmp_path / 'from_sdist'))
    from_source = zipfile.ZipFile(build(source, 'build_wheel', tmp_path / 'from_source'))
    assert sorted(from_sdist.namelist()) == sorted(from_source.namelist())


def test_editable_install_links_mim_to_the_sources(source: Path, tmp_path: Path) -> None:
    build(source, 'build_editable', tmp_path / 'editable')
    leaf = source / 'configs/nested/leaf.py'
    assert (source / 'mmsxm/.mim/configs/nested/leaf.py').samefile(leaf)
    assert (source / 'mmsxm/.mim/tools').samefile(source / 'tools')


def test_extras_separate_the_two_stacks() -> None:
    onedl, openmmlab = (
        set(re.findall(r'^[\w-]+', (ROOT / f'requirements/{name}.txt').read_text(), re.MULTILINE))
        for name in ('onedl', 'openmmlab')
    )
    assert not onedl & openmmlab
