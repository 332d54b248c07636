"""What a station would score: a labelled data set's images, read and prepared as there."""

import numpy as np
from rich.progress import track
from torch.utils.data import DataLoader, Dataset

from mmsxm.datasets import XrayDataset
from mmsxm.engine.checkpoints import require_same_classes
from mmsxm.evaluation import Scores
from mmsxm.imaging.images import MAX_PIXELS
from mmsxm.imaging.preparation import Preparation
from mmsxm.imaging.reading import Prepared, Unreadable, prepare_file
from mmsxm.inference.backends import Backend

__all__ = ['station_scores']


class _Files(Dataset):
    """Images as the network's input."""

    def __init__(self, paths: np.ndarray, preparation: Preparation) -> None:
        self.paths = paths
        self.preparation = preparation

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, index: int) -> Prepared | Unreadable:
        return prepare_file(str(self.paths[index]), self.preparation, MAX_PIXELS)


def station_scores(
    backend: Backend, dataset: XrayDataset, batch_size: int = 32, workers: int = 2
) -> Scores:
    """Score whole images, unlike a test, which crops their centre; the scores are the backend's.

    Args:
        backend: The network.
        dataset: Of which labels and files are used and the pipeline is not.
        batch_size: Images that the network sees at once.
        workers: Processes that read images.

    Raises:
        ValueError: The network knows other classes, an image can't be read, or the images are a
            prepared copy's, which no station sees.
    """
    classes = tuple(dataset.CLASSES)
    require_same_classes(classes, backend.info.classes)
    if dataset.prepared is not None:
        raise ValueError(
            f'the images in {dataset.data_root} are prepared ({dataset.prepared.size} pixels), and '
            'a station sees them in full size: name the folder of the release'
        )
    targets = np.zeros((len(dataset), len(classes)), dtype=np.int64)
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
    files = _Files(paths, backend.info.preparation)
    loader = DataLoader(files, batch_size=batch_size, num_workers=workers, collate_fn=list)
    scores = [
        backend(np.stack([_input(file) for file in batch])).scores
        for batch in track(loader, 'Scoring whole images')
    ]
    return Scores(tuple(names), classes, np.concatenate(scores), targets)


def _input(file: Prepared | Unreadable) -> np.ndarray:
    if isinstance(file, Unreadable):
        raise ValueError(f'{file.path}: {file.error}')
    return file.image
