"""DICOM and DICOS files, written by pydicom and pydicos."""

from pathlib import Path
from typing import Any

import numpy as np

DX = '1.2.840.10008.5.1.4.1.1.1.1'  # digital X-ray image for presentation
CR = '1.2.840.10008.5.1.4.1.1.1'
DICOS = '1.2.840.10008.5.1.4.1.1.501.2.2'  # digital X-ray image of a scanner
EXPLICIT = '1.2.840.10008.1.2.1'


def write_dicom(
    path: Path,
    values: np.ndarray,
    kind: str = DX,
    syntax: str = EXPLICIT,
    pixel_data: bytes | None = None,
    **elements: Any,
) -> Path:
    """Write gray values ``(H, W)`` or ``(2, H, W)``, or RGB ``(H, W, 3)`` uint8.

    Args:
        path: The file.
        values: Integers of 8, 16 or 32 bits.
        kind: SOP class.
        syntax: Transfer syntax that the file names.
        pixel_data: Replaces the values in the file.
        elements: Elements to set; None deletes one.
    """
    from pydicom.dataset import FileDataset, FileMetaDataset
    from pydicom.uid import UID, generate_uid

    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = kind
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = UID(syntax)
    dataset = FileDataset(
        str(path),
        {},
        file_meta=meta,
        preamble=b'\0' * 128,
        is_implicit_VR=meta.TransferSyntaxUID.is_implicit_VR,
        is_little_endian=meta.TransferSyntaxUID.is_little_endian,
    )
    dataset.SOPClassUID = kind
    dataset.SOPInstanceUID = meta.MediaStorageSOPInstanceUID
    color = values.ndim == 3 and values.shape[2] == 3
    dataset.Rows, dataset.Columns = values.shape[:2] if color else values.shape[-2:]
    dataset.SamplesPerPixel = 3 if color else 1
    dataset.PhotometricInterpretation = 'RGB' if color else 'MONOCHROME2'
    if color:
        dataset.PlanarConfiguration = 0
    elif values.ndim == 3:
        dataset.NumberOfFrames = len(values)
    bits = 8 * values.dtype.itemsize
    dataset.BitsAllocated, dataset.BitsStored, dataset.HighBit = bits, bits, bits - 1
    dataset.PixelRepresentation = int(np.issubdtype(values.dtype, np.signedinteger))
    dataset.PixelData = values.tobytes() if pixel_data is None else pixel_data
    dataset['PixelData'].VR = 'OW' if bits > 8 else 'OB'
    if dataset.file_meta.TransferSyntaxUID.is_compressed:
        dataset['PixelData'].is_undefined_length = True
    for name, value in elements.items():
        if value is None:
            dataset.pop(name, None)
        else:
            setattr(dataset, name, value)
    dataset.save_as(path, enforce_file_format=True)
    return path


def write_dicos(path: Path, values: np.ndarray, syntax: str = 'enumLittleEndianExplicit') -> Path:
    """Write gray values ``(H, W)`` uint16 with pydicos, as a scanner does.

    By default, pydicos compresses with ``enumLosslessJPEG``.
    """
    import pyDICOS
    import pydicos

    image = pydicos.DX.DXLoader()
    image.Initialize(
        pyDICOS.OBJECT_OF_INSPECTION_TYPE.enumTypeBaggage,
        image.PRESENTATION_INTENT_TYPE.enumProcessing,
    )
    image.SetKVP(160)
    image.SetXRayTubeCurrent(1)
    image.set_data(values)
    errors = pyDICOS.ErrorLog()
    transfer_syntax = getattr(pyDICOS.TRANSFER_SYNTAX, syntax)
    assert image.Write(pyDICOS.Filename(str(path)), errors, transfer_syntax), errors.GetErrorLog()
    return path
