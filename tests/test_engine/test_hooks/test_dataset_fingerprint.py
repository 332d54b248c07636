import copy

from mmengine.dataset import BaseDataset, ConcatDataset

from mmsxm.engine.hooks.dataset_fingerprint import data_digest


class Listed(BaseDataset):
    """Stand-in for XrayDataset."""

    METAINFO = {'classes': ('Gun', 'Knife')}

    def __init__(self, infos: list[dict]) -> None:
        self.infos = infos
        super().__init__()

    def load_data_list(self) -> list[dict]:
        return copy.deepcopy(self.infos)

    def set_epoch(self, seed: int, epoch: int) -> None:
        """Mark this as one of our datasets."""


def infos() -> list[dict]:
    return [
        {
            'img_path': f'/data/P{number}.jpg',
            'img_id': f'P{number}',
            'gt_label': [number],
            'instances': [{'bbox': [0.5, 1.0, 8.0, 9.0], 'bbox_label': number}],
        }
        for number in (0, 1)
    ]


def digest_of(changed: list[dict]) -> str:
    return data_digest(Listed(changed))


def test_the_digest_does_not_depend_on_the_folder() -> None:
    moved = infos()
    for info in moved:
        info['img_path'] = info['img_path'].replace('/data', '/other/disk')
    assert digest_of(moved) == digest_of(infos())


def test_runs_from_before_unboxed_labels_can_be_resumed() -> None:
    assert digest_of([info | {'unboxed_labels': [0]} for info in infos()]) == digest_of(infos())


def test_the_digest_depends_on_names_labels_boxes_and_order() -> None:
    renamed, labelled, moved = infos(), infos(), infos()
    renamed[1]['img_id'] = 'P7'
    labelled[1]['gt_label'] = [0]
    moved[1]['instances'][0]['bbox'][2] = 8.1
    ignored = [info | {'gt_score': [1, -1]} for info in infos()]
    others = [renamed, labelled, moved, ignored, infos()[::-1], infos()[:1]]
    assert len({digest_of(other) for other in [infos(), *others]}) == 7


def test_the_digest_covers_all_parts_of_a_joined_set() -> None:
    whole, part = Listed(infos()), Listed(infos()[:1])
    assert data_digest(ConcatDataset([whole, part])) != data_digest(whole)
