"""Diagnose the environment: what is installed, what is broken, and the command that fixes it.

Import only the standard library here, so that it runs in a broken environment.
"""

from __future__ import annotations

import importlib
import platform
import re
import shlex
import shutil
import sys
from collections.abc import Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from mmsxm import CONFIGS, MIM, PACKAGE

ONEDL = ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmpretrain')
OPENMMLAB = ('mmengine', 'mmcv-lite', 'mmpretrain')
# other names of the same packages
OTHER_BUILDS = {'mmcv': 'mmcv-lite', 'mmengine-lite': 'mmengine'}
REINSTALL = "pip install -e '.[onedl]'"  # in a clone
EXTRAS = {
    'dicos': 'DICOM and DICOS files',
    'int8': 'quantization of exported networks to 8-bit integers',
    'onnx': 'exported networks, with ONNX Runtime',
    'openvino': 'exported networks, with OpenVINO',
    'probe': 'telling simulated bags and real ones apart',
    'ray': 'screening on many machines',
    'review': 'the review page',
    'serve': 'the HTTP service',
    'serve-ray': 'the HTTP service on many machines',
    'station': 'screening without PyTorch, with ONNX Runtime',
    'station-openvino': 'screening without PyTorch, with OpenVINO',
    'station-review': 'the review page without PyTorch',
    'timm': 'backbones from timm',
}


class Diagnosis(NamedTuple):
    """Line of the report; ``fix`` is a command, empty if nothing is wrong."""

    name: str
    found: str
    fix: str = ''


def installed_versions() -> dict[str, str]:
    """Return the versions of the installed distributions, by normalized name."""
    found = ((dist.metadata['Name'], dist.version) for dist in metadata.distributions())
    return {re.sub(r'[-_.]+', '-', name).lower(): version for name, version in found if name}


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Diagnosis:
    """Check for Python 3.10 or newer."""
    fix = '' if version >= (3, 10) else 'make env PYTHON=python3.11'
    return Diagnosis('python', '.'.join(map(str, version)), fix)


def requirements_of(requires: Iterable[str], extra: str = '') -> dict[str, str]:
    """Return the requirements of an extra, or of the package itself, by distribution name."""
    found = {}
    for line in requires:
        requirement, _, marker = line.partition(';')
        if (re.findall(r'extra == [\'"](.+?)[\'"]', marker) or ['']) == [extra]:
            name = re.split(r'[^\w.-]', requirement)[0]
            found[re.sub(r'[-_.]+', '-', name).lower()] = requirement.strip()
    return found


def missing_of(required: Mapping[str, str], versions: Mapping[str, str]) -> tuple[list[str], str]:
    """Return the names of missing requirements, and the command that installs them."""
    missing = [name for name in required if name not in versions]
    return missing, f'pip install {shlex.join(required[name] for name in missing)}'


def check_mmsxm(versions: Mapping[str, str], requires: Iterable[str]) -> Diagnosis:
    """Check the installation of this package and its requirements."""
    if 'mmsxm' not in versions:
        return Diagnosis('mmsxm', 'not installed', REINSTALL)
    missing, command = missing_of(requirements_of(requires), versions)
    if missing:
        return Diagnosis('mmsxm', f'missing requirements: {", ".join(missing)}', command)
    return Diagnosis('mmsxm', versions['mmsxm'])


def check_configs(package: Path) -> Diagnosis:
    """Check for the configs and tools that the installation links into the package."""
    configs = package / MIM.name / CONFIGS.name
    if any(configs.glob('*.py')):
        return Diagnosis('configs', str(configs))
    return Diagnosis('configs', f'none in {configs}', REINSTALL)


def describe_extra(extra: str, versions: Mapping[str, str], requires: Iterable[str]) -> Diagnosis:
    """Describe an extra, or how to install it; a missing extra is not an error."""
    required = requirements_of(requires, extra)
    missing, command = missing_of(required, versions)
    if missing:
        return Diagnosis(f'[{extra}]', f'not installed; for {EXTRAS[extra]}: {command}')
    return Diagnosis(f'[{extra}]', ', '.join(f'{name} {versions[name]}' for name in required))


def is_station(versions: Mapping[str, str]) -> bool:
    """Return whether the environment can only run exported networks: a runtime, no PyTorch."""
    names = {OTHER_BUILDS.get(name, name) for name in versions}
    return bool(names & {'onnxruntime', 'openvino'}) and not names & {'torch', *ONEDL, *OPENMMLAB}


def check_stack(versions: Mapping[str, str]) -> Diagnosis:
    """Check that exactly one of the two stacks is installed, and completely."""
    installed = {OTHER_BUILDS.get(name, name): name for name in versions}
    onedl = [installed[name] for name in ONEDL if name in installed]
    openmmlab = [installed[name] for name in OPENMMLAB if name in installed]
    found = ', '.join(f'{name} {versions[name]}' for name in onedl + openmmlab)
    if onedl and openmmlab:
        fix = f'pip uninstall -y {" ".join(onedl + openmmlab)} && pip install {" ".join(ONEDL)}'
        return Diagnosis('stack', f'two stacks that overwrite each other: {found}', fix)
    if not found:
        return Diagnosis('stack', 'none', f'pip install {" ".join(ONEDL)}')
    label = 'onedl' if onedl else 'openmmlab'
    if len(onedl + openmmlab) < 3:
        return Diagnosis(
            'stack',
            f'{label}, incomplete: {found}',
            f'pip install {" ".join(ONEDL if onedl else OPENMMLAB)}',
        )
    return Diagnosis('stack', f'{label}: {found}')


def check_import(module: str, fix: str) -> Diagnosis:
    """Check whether a module imports; otherwise report the first line of the error."""
    try:
        version = getattr(importlib.import_module(module), '__version__', 'imports')
    except Exception as error:  # a broken installation can raise anything
        reason = str(error).strip().split('\n', 1)[0]
        return Diagnosis(module, f'{type(error).__name__}: {reason}', fix)
    return Diagnosis(module, version)


def check_torchvision(torch_version: str) -> Diagnosis:
    """Check whether torchvision imports, as is or with the workaround of :mod:`mmsxm.compat`."""
    pair = re.match(r'2\.(\d+)', torch_version)  # torch 2.x matches torchvision 0.(x + 15)
    diagnosis = check_import(
        'torchvision',
        f'pip install --no-deps --force-reinstall torchvision==0.{int(pair[1]) + 15}.*'
        if pair
        else 'pip install torchvision',
    )
    if not diagnosis.fix:
        return diagnosis
    try:
        importlib.import_module('mmsxm.compat').repair_torchvision()
    except Exception:  # the first error is the informative one
        return diagnosis
    version = importlib.import_module('torchvision').__version__
    return Diagnosis('torchvision', f'{version}, only its Python parts, repaired by mmsxm.compat')


def check_opencv(versions: Mapping[str, str]) -> Diagnosis:
    """Check OpenCV, whose wheel needs two system libraries."""
    is_installed = any(name.startswith('opencv-') for name in versions)
    return check_import(
        'cv2',
        'apt-get install libgl1 libglib2.0-0' if is_installed else 'pip install opencv-python',
    )


def describe_devices() -> Diagnosis:
    """Describe the GPUs that torch can use; having none is not an error."""
    try:
        cuda = importlib.import_module('torch').cuda
        names = [cuda.get_device_name(index) for index in range(cuda.device_count())]
    except Exception:  # torch is missing or broken, which its own line reports
        names = []
    if names:
        return Diagnosis('cuda', ', '.join(names))
    if shutil.which('nvidia-smi'):
        return Diagnosis('cuda', 'none that this torch can use, although nvidia-smi is installed')
    return Diagnosis('cuda', 'none: everything runs on the CPU')


def examine() -> list[Diagnosis]:
    """Return all diagnoses; import the stack only if nothing else is wrong."""
    versions = installed_versions()
    requires = (metadata.requires('mmsxm') if 'mmsxm' in versions else None) or []
    diagnoses = [
        check_python(),
        check_mmsxm(versions, requires),
        check_configs(PACKAGE),
    ]
    if is_station(versions):
        diagnoses += [
            Diagnosis('stack', 'none: this environment screens with exported networks only'),
            check_opencv(versions),
        ]
    else:
        diagnoses += _examine_training(versions)
    if requires:
        diagnoses += [describe_extra(extra, versions, requires) for extra in EXTRAS]
    return diagnoses


def _examine_training(versions: Mapping[str, str]) -> list[Diagnosis]:
    diagnoses = [
        check_stack(versions),
        check_import('torch', 'pip install torch'),
        check_torchvision(versions.get('torch', '')),
        check_opencv(versions),
        describe_devices(),
    ]
    if not any(diagnosis.fix for diagnosis in diagnoses):
        stack = [name for name in versions if name in ONEDL + OPENMMLAB + tuple(OTHER_BUILDS)]
        fix = f'pip install --no-deps --force-reinstall {" ".join(stack)}'
        diagnoses += [check_import(name, fix) for name in ('mmengine', 'mmcv', 'mmpretrain')]
    return diagnoses


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; return 1 if something needs fixing."""
    diagnoses = examine()
    print(f'{platform.platform()}, {sys.executable}')
    for diagnosis in diagnoses:
        print(f'{diagnosis.name:12} {diagnosis.found}')
        if diagnosis.fix:
            print(f'{"":12} fix it with: {diagnosis.fix}')
    return int(any(diagnosis.fix for diagnosis in diagnoses))


if __name__ == '__main__':
    sys.exit(main())
