"""Published numbers of images in the releases (docs/data.md)."""

__all__ = ['PUBLISHED']

# positives by dataset type and list; list paths are relative to the data root
PUBLISHED = {
    'SIXray': {
        f'ImageSet/{image_set}/{split}.csv': count
        for image_set in ('10', '100', '1000')
        for split, count in (('train', 7496), ('test', 1433))
    },
    'OPIXray': {
        'train/train_knife.txt': 7109,
        'test/test_knife.txt': 1776,
        'test/test_knife-1.txt': 922,
        'test/test_knife-2.txt': 548,
        'test/test_knife-3.txt': 306,
    },
}
