"""Scores of a labeled dataset, with images read and prepared as at a station."""

import numpy as np
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from mmsxm.datasets import XrayDataset
from mmsxm.engine.checkpoints import require_same_classes
from mmsxm.evaluation import Scores
from mmsxm.imaging.images import MAX_PIXELS
from mmsxm.imaging.preprocessing import Preprocessing
from mmsxm.imaging.reading import PreprocessedFile, Unreadable, preprocess_file
from mmsxm.inference.backends import Backend

__all__ = ['station_scores']


class _Files(Dataset):
    """Dataset of images as input of the network."""

    def __init__(self, paths: np.ndarray, preprocessing: Preprocessing) -> None:
        self.paths = paths
        self.preprocessing = preprocessing

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> PreprocessedFile | Unreadable:
        return preprocess_file(str(self.paths[index]), self.preprocessing, MAX_PIXELS)


def station_scores(
    backend: Backend, dataset: XrayDataset, batch_size: int = 32, workers: int = 2
) -> Scores:
    """Score whole images, unlike a test, which crops their center.

    The scores come from the backend.

    Args:
        backend: Network.
        dataset: Dataset whose labels and files are used. Its pipeline is not.
        batch_size: Number of images per batch.
        workers: Number of processes that read images.

    Raises:
        ValueError: The network has other classes, an image is unreadable, or the images belong to a
            prepared copy, which no station sees.
    """
    classes = tuple(dataset.CLASSES)
    require_same_classes(classes, backend.info.classes)
    if dataset.prepared is not None:
        raise ValueError(
            f'The images in {dataset.data_root} are prepared ({dataset.prepared.size} pixels), but '
            'a station sees them in full size. Use the folder of the release.'
        )
    targets = np.zeros((len(dataset), len(classes)), dtype=np.int64)  # (n, C)
    paths = np.empty(len(dataset), dtype=object)
    names = []
    for index in range(len(dataset)):
        data_info = dataset.get_data_info(index)
        paths[index] = data_info['img_path']
        names.append(data_info['img_id'])
        if 'gt_score' in data_info:
            targets[index] = data_info['gt_score']
        else:
            targets[index, data_info['gt_label']] = 1
    files = _Files(paths, backend.info.preprocessing)
    loader = DataLoader(files, batch_size=batch_size, num_workers=workers, collate_fn=list)
    scores = [
        backend(np.stack([_input(file) for file in batch])).scores
        for batch in track(loader, 'Scoring whole images')
    ]
    return Scores(tuple(names), classes, np.concatenate(scores), targets)  # (n, C) both


def _input(file: PreprocessedFile | Unreadable) -> np.ndarray:
    if isinstance(file, Unreadable):
        raise ValueError(f'{file.path}: {file.error}. Replace the file or remove it from the list.')
    return file.image
