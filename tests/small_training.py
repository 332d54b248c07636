"""Small versions of the real configs that train in seconds, and a small suite of the paper."""

# a leaf config on top of the real one: only paths and sizes differ
SMALL = """
_base_ = '{base}'

load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_label=False),
]
augment = [
    dict(type='mmsxm.RandomCrop', crop_size=64),
    dict(type='RandomFlip', prob=0.5, direction=['horizontal', 'vertical']),
]
meta_level = [dict(type='mmsxm.IntuitiveMetaLevel')]
heatmap = [dict(type='mmsxm.EllipseHeatmap')]
pack = [dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level'))]
train_pipeline = load + meta_level + augment + heatmap + pack
test_pipeline = load + [dict(type='mmsxm.CenterCrop', crop_size=64)] + pack
loader = dict(num_workers=0, persistent_workers=False, pin_memory=False)
train_dataloader = dict(batch_size=8, dataset=dict(pipeline=train_pipeline), **loader)
val_dataloader = dict(batch_size=4, dataset=dict(pipeline=test_pipeline), **loader)
test_dataloader = val_dataloader

model = dict(
    backbone=dict(depth=18, stem_channels=8, base_channels=8, init_cfg=None),
    neck=dict(in_channels=[16, 32, 64], out_channels=16),
    attention_head=dict(in_channels=16),
)
param_scheduler = dict(milestones=[2])
train_cfg = dict(max_epochs={epochs}, val_interval=1)
log_level = 'WARNING'
"""

TINY_SUITE = """
family = 'sixray'
data = dict(sixray=dict(data_root={root!r}, image_set='10'))
backbone = dict(type='ResNet', depth=18, init_cfg=None)
out_indices = (1, 2, 3)
channels = (128, 256, 512)
pyramid_channels = 64
sizes = (72, 64)
{more}
"""
