"""Thresholds of an exported OpenVINO file."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

from mmsxm.inference.backends.exported import METADATA, PRECISION, read_description
from mmsxm.inference.backends.openvino_backend import read_metadata
from mmsxm.inference.calibration import Calibration
from mmsxm.inference.export import write_openvino_model

__all__ = ['require_other_file', 'store_thresholds']


def require_other_file(source: Path, out: Path) -> None:
    """Raise ValueError unless the output is another ``.xml`` file."""
    if out.suffix != '.xml' or out.resolve() == source.resolve():
        raise ValueError(f'{out} cannot be the output. Use another .xml file than {source}.')


def store_thresholds(source: Path, calibration: Calibration, out: Path) -> None:
    """Write an ``.xml`` file with other thresholds and an otherwise unchanged network.

    The scaling of scores is part of the graph, so it stays as it was exported. The config digest
    changes, so that no screening mixes results of two sets of thresholds.

    Args:
        source: File from mmsxm export.
        calibration: Thresholds for the scores of this file.
        out: Output file. It must be another file, because OpenVINO reads weights when it runs.

    Raises:
        ImportError: OpenVINO is not installed.
        ValueError: ``source`` is not an exported network, has other classes, or is ``out``.
    """
    require_other_file(source, out)
    try:
        import openvino as ov
    except ImportError:
        raise ImportError(f"{source} needs OpenVINO: pip install 'mmsxm[openvino]'") from None
    try:
        model = ov.Core().read_model(source)
        description = read_metadata(model, METADATA)
        precision = read_metadata(model, PRECISION) or 'f32'
    except RuntimeError as error:
        raise ValueError(
            f'{source} is not a network that OpenVINO can read. Export it again with mmsxm export.'
        ) from error
    info = read_description(description, str(source))
    Calibration.from_dict(calibration.to_dict(), info.classes)
    fitted = replace(calibration, slope=info.calibration.slope, offset=info.calibration.offset)
    settings = json.dumps([info.config_digest, fitted.to_dict()], sort_keys=True)
    digest = hashlib.sha256(settings.encode()).hexdigest()
    info = replace(info, calibration=fitted, config_digest=digest)
    write_openvino_model(model, info, out, precision)
