"""Measure the environment of a station: its size, and the seconds to the first answer.

The seconds count from the start of the process of mmsxm serve to the first record. Without an
environment, one is made, with the wheel of this clone and the extras [station,serve]. An
environment with PyTorch or OpenMMLab is an error. With --environment, --model and --image, this
script needs only Python.

python tools/benchmarks/station.py
python tools/benchmarks/station.py --environment station --model demo.onnx --image bag.jpg
"""

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import tempfile
import time
import urllib.request
import venv
from pathlib import Path

from service_output import printed_address

ROOT = Path(__file__).resolve().parents[2]
CONFIG = 'configs/evidence_mobilenet-v2_sixray.py'
TRAINING = ('torch', 'mmengine', 'mmcv', 'mmpretrain')
# runs in the environment
INSPECT = f"""
import importlib.metadata, importlib.util, json, os, sysconfig
site = sysconfig.get_path('purelib')
sizes = [os.path.getsize(os.path.join(folder, name))
         for folder, _, names in os.walk(site) for name in names]
print(json.dumps({{
    'packages': len({{d.metadata['Name'] for d in importlib.metadata.distributions(path=[site])}}),
    'site_packages_megabytes': round(sum(sizes) / 1e6, 1),
    'found': [name for name in {TRAINING} if importlib.util.find_spec(name)],
}}))
"""


def python_of(environment: Path) -> Path:
    """Return the interpreter of a virtual environment."""
    windows = environment / 'Scripts' / 'python.exe'
    return windows if windows.exists() else environment / 'bin' / 'python'


def install(environment: Path, extras: str) -> None:
    """Make an environment with the wheel of this clone."""
    venv.create(environment, with_pip=True)
    pip = [str(python_of(environment)), '-m', 'pip', '--disable-pip-version-check']
    wheels = environment / 'wheels'
    shutil.rmtree(ROOT / 'build', ignore_errors=True)  # a wheel would contain what is left there
    subprocess.run([*pip, 'wheel', '-q', '--no-deps', '-w', wheels, ROOT], check=True)
    (wheel,) = wheels.iterdir()
    subprocess.run([*pip, 'install', '-q', f'{wheel}[{extras}]'], check=True)


def inspect(python: Path) -> dict:
    """Return number and size of the packages, which include pip, and those of PyTorch's world."""
    # from the root of the disk: a package in the current folder does not count
    done = subprocess.run(
        [python, '-I', '-c', INSPECT], cwd=python.anchor, stdout=subprocess.PIPE, check=True
    )
    return json.loads(done.stdout)


def seconds_to_first_answer(python: Path, model: Path, body: bytes) -> float:
    """Start the service, screen an image, and stop the service."""
    begin = time.perf_counter()
    process = subprocess.Popen(
        [python, '-I', '-m', 'mmsxm', 'serve', model, '--port', '0'],
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr is not None
    try:
        address = printed_address(process.stderr)
        with urllib.request.urlopen(f'{address}/v1/screen', body, timeout=120) as answer:
            (record,) = json.load(answer)['records']
        seconds = time.perf_counter() - begin
        if 'error' in record:
            raise SystemExit(record['error'])
        return seconds
    finally:
        process.send_signal(signal.SIGTERM)  # on Windows, this ends it
        process.communicate(timeout=120)


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument('--environment', type=Path, help='virtual environment; default: a new one')
    parser.add_argument('--extras', default='station,serve', help='default: %(default)s')
    parser.add_argument('--model', type=Path, help='exported network; default: one is exported')
    parser.add_argument(
        '--config',
        default=CONFIG,
        help='network to export, with random weights; default: %(default)s',
    )
    parser.add_argument(
        '--input-size', type=int, default=192, help='of the exported network; default: %(default)s'
    )
    parser.add_argument('--image', type=Path, help='default: a simulated bag')
    parser.add_argument('--starts', type=int, default=3, help='default: %(default)s')
    args = parser.parse_args()

    os.environ.pop('PYTHONPATH', None)  # the environment alone counts
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        environment = (args.environment or scratch / 'environment').absolute()
        if args.environment is None:
            install(environment, args.extras)
        result = inspect(python_of(environment))
        if found := result.pop('found'):
            raise SystemExit(f'{environment}: a station should not have {", ".join(found)}')
        image, model = args.image, args.model
        if model is None or image is None:
            import serving  # simulates and exports with PyTorch

            image = image or Path(serving.find_images(None, scratch, 1)[0])
            model = model or serving.export_network(args.config, scratch, args.input_size)
        python, body = python_of(environment), image.read_bytes()
        seconds = [seconds_to_first_answer(python, model, body) for _ in range(args.starts)]
        result['model_megabytes'] = round(model.stat().st_size / 1e6, 1)
        result['first_start_seconds'] = round(seconds[0], 2)  # files may not be in memory yet
        result['median_seconds'] = round(statistics.median(seconds), 2)
    print(json.dumps(result))


if __name__ == '__main__':
    main()
