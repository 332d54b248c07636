"""Say what is installed, what is broken, and the command that mends it.

Only the standard library is imported here, so that it runs where nothing else does.
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

from mmsxm.paths import CONFIGS, MIM, PACKAGE

ONEDL = ('onedl-mmengine', 'onedl-mmcv', 'onedl-mmpretrain')
OPENMMLAB = ('mmengine', 'mmcv-lite', 'mmpretrain')
OTHER_BUILDS = {'mmcv': 'mmcv-lite', 'mmengine-lite': 'mmengine'}  # the same packages
REINSTALL = "pip install -e '.[onedl]'"  # in a clone
EXTRAS = {
    'demo': 'the review page',
    'onnx': 'exported networks, by ONNX Runtime',
    'openvino': 'exported networks, by OpenVINO',
    'probe': 'telling simulated bags from real ones',
    'ray': 'screening on many machines',
    'station': 'screening without PyTorch, by ONNX Runtime',
    'station-openvino': 'screening without PyTorch, by OpenVINO',
    'station-review': 'the review page without PyTorch',
    'timm': 'backbones from timm',
}


class Finding(NamedTuple):
    """One line of the report; ``mend`` is a command, empty where all is well."""

    name: str
    found: str
    mend: str = ''


def installed_versions() -> dict[str, str]:
    """Versions of the installed distributions by normalised name."""
    found = ((dist.metadata['Name'], dist.version) for dist in metadata.distributions())
    return {re.sub(r'[-_.]+', '-', name).lower(): version for name, version in found if name}


def check_python(version: tuple[int, ...] = sys.version_info[:3]) -> Finding:
    """Python 3.10 or newer."""
    mend = '' if version >= (3, 10) else 'make env PYTHON=python3.11'
    return Finding('python', '.'.join(map(str, version)), mend)


def needed(requires: Iterable[str], extra: str = '') -> dict[str, str]:
    """Requirements of ours, of an extra or else those without one, by the distribution's name."""
    found = {}
    for line in requires:
        need, _, marker = line.partition(';')
        if (re.findall(r'extra == [\'"](.+?)[\'"]', marker) or ['']) == [extra]:
            name = re.split(r'[^\w.-]', need)[0]
            found[re.sub(r'[-_.]+', '-', name).lower()] = need.strip()
    return found


def missing_of(needs: Mapping[str, str], versions: Mapping[str, str]) -> tuple[list[str], str]:
    """Names of requirements that are not installed, and the command for them."""
    missing = [name for name in needs if name not in versions]
    return missing, f'pip install {shlex.join(needs[name] for name in missing)}'


def check_mmsxm(versions: Mapping[str, str], requires: Iterable[str]) -> Finding:
    """Our own installation, and whether all that it requires is there."""
    if 'mmsxm' not in versions:
        return Finding('mmsxm', 'not installed', REINSTALL)
    missing, command = missing_of(needed(requires), versions)
    if missing:
        return Finding('mmsxm', f'lacks {", ".join(missing)}', command)
    return Finding('mmsxm', versions['mmsxm'])


def check_configs(package: Path) -> Finding:
    """Configs and tools, which the installation puts into the package."""
    configs = package / MIM.name / CONFIGS.name
    if any(configs.glob('*.py')):
        return Finding('configs', str(configs))
    return Finding('configs', f'none in {configs}', REINSTALL)


def describe_extra(extra: str, versions: Mapping[str, str], requires: Iterable[str]) -> Finding:
    """What is installed of an extra, or the command for it; that it is not there is no fault."""
    needs = needed(requires, extra)
    missing, command = missing_of(needs, versions)
    if missing:
        return Finding(f'[{extra}]', f'not here; for {EXTRAS[extra]}: {command}')
    return Finding(f'[{extra}]', ', '.join(f'{name} {versions[name]}' for name in needs))


def is_station(versions: Mapping[str, str]) -> bool:
    """Whether an environment can only screen with exported networks: a runtime, no PyTorch."""
    names = {OTHER_BUILDS.get(name, name) for name in versions}
    return bool(names & {'onnxruntime', 'openvino'}) and not names & {'torch', *ONEDL, *OPENMMLAB}


def check_stack(versions: Mapping[str, str]) -> Finding:
    """Which of the two stacks is installed: exactly one, and all of it."""
    here = {OTHER_BUILDS.get(name, name): name for name in versions}
    onedl = [here[name] for name in ONEDL if name in here]
    openmmlab = [here[name] for name in OPENMMLAB if name in here]
    found = ', '.join(f'{name} {versions[name]}' for name in onedl + openmmlab)
    if onedl and openmmlab:
        mend = f'pip uninstall -y {" ".join(onedl + openmmlab)} && pip install {" ".join(ONEDL)}'
        return Finding('stack', f'two that overwrite each other: {found}', mend)
    if not found:
        return Finding('stack', 'none', f'pip install {" ".join(ONEDL)}')
    label = 'onedl' if onedl else 'openmmlab'
    if len(onedl + openmmlab) < 3:
        return Finding(
            'stack',
            f'{label}, incomplete: {found}',
            f'pip install {" ".join(ONEDL if onedl else OPENMMLAB)}',
        )
    return Finding('stack', f'{label}: {found}')


def check_import(module: str, mend: str) -> Finding:
    """Whether a module imports, and if not, the first line of why."""
    try:
        version = getattr(importlib.import_module(module), '__version__', 'imports')
    except Exception as error:  # a broken installation raises anything
        reason = str(error).strip().split('\n', 1)[0]
        return Finding(module, f'{type(error).__name__}: {reason}', mend)
    return Finding(module, version)


def check_torchvision(torch_version: str) -> Finding:
    """Whether torchvision imports, as it is or after the repair in :mod:`mmsxm.compat`."""
    pair = re.match(r'2\.(\d+)', torch_version)  # torch 2.x goes with torchvision 0.(x + 15)
    finding = check_import(
        'torchvision',
        f'pip install --no-deps --force-reinstall torchvision==0.{int(pair[1]) + 15}.*'
        if pair
        else 'pip install torchvision',
    )
    if not finding.mend:
        return finding
    try:
        importlib.import_module('mmsxm.compat').repair_torchvision()
    except Exception:  # the first error is the one that tells
        return finding
    version = importlib.import_module('torchvision').__version__
    return Finding('torchvision', f'{version}, its Python parts only, repaired by mmsxm.compat')


def check_opencv(versions: Mapping[str, str]) -> Finding:
    """OpenCV, whose wheel expects two libraries of the system."""
    there = any(name.startswith('opencv-') for name in versions)
    return check_import(
        'cv2', 'apt-get install libgl1 libglib2.0-0' if there else 'pip install opencv-python'
    )


def describe_devices() -> Finding:
    """The GPUs that torch can use; none is no fault."""
    try:
        cuda = importlib.import_module('torch').cuda
        names = [cuda.get_device_name(index) for index in range(cuda.device_count())]
    except Exception:  # torch is missing or broken, and its own line says so
        names = []
    if names:
        return Finding('cuda', ', '.join(names))
    if shutil.which('nvidia-smi'):
        return Finding('cuda', 'none that this torch can use, although nvidia-smi is there')
    return Finding('cuda', 'none, everything runs on the CPU')


def examine() -> list[Finding]:
    """All findings; the stack is imported only where nothing else is wrong."""
    versions = installed_versions()
    requires = (metadata.requires('mmsxm') if 'mmsxm' in versions else None) or []
    findings = [
        check_python(),
        check_mmsxm(versions, requires),
        check_configs(PACKAGE),
    ]
    if is_station(versions):
        findings += [
            Finding('stack', 'none: this environment screens with exported networks only'),
            check_opencv(versions),
        ]
    else:
        findings += _examine_training(versions)
    if requires:
        findings += [describe_extra(extra, versions, requires) for extra in EXTRAS]
    return findings


def _examine_training(versions: Mapping[str, str]) -> list[Finding]:
    findings = [
        check_stack(versions),
        check_import('torch', 'pip install torch'),
        check_torchvision(versions.get('torch', '')),
        check_opencv(versions),
        describe_devices(),
    ]
    if not any(finding.mend for finding in findings):
        stack = [name for name in versions if name in ONEDL + OPENMMLAB + tuple(OTHER_BUILDS)]
        mend = f'pip install --no-deps --force-reinstall {" ".join(stack)}'
        findings += [check_import(name, mend) for name in ('mmengine', 'mmcv', 'mmpretrain')]
    return findings


def main(argv: Sequence[str] | None = None) -> int:
    """Print the report; 1 where something has to be mended."""
    findings = examine()
    print(f'{platform.platform()}, {sys.executable}')
    for finding in findings:
        print(f'{finding.name:12} {finding.found}')
        if finding.mend:
            print(f'{"":12} mend it with: {finding.mend}')
    return int(any(finding.mend for finding in findings))


if __name__ == '__main__':
    sys.exit(main())
