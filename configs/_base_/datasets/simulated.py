# simulated bags of tools/simulate.py in SIXray's layout, small: 128 pixels, cropped to 112
_base_ = './sixray.py'

data_root = '{{$DEMO_ROOT:data/demo}}'

load = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadAnnotations', with_bbox=True, with_label=False),
]
# bags of that size stay as they are; others, and those of a user, come to it
resize = [dict(type='Resize', scale=(128, 128), interpolation='area', clip_object_border=False)]
augment = [
    dict(type='mmsxm.RandomCrop', crop_size=112),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
]
heatmap = [dict(type='mmsxm.EllipseHeatmap', stride=4)]
pack = [dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level'))]
stage1_pipeline = load + resize + augment + heatmap + pack
stage2_pipeline = load + resize + augment + pack
test_pipeline = [*load, *resize, dict(type='mmsxm.CenterCrop', crop_size=112), *pack]

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    pin_memory=False,
    dataset=dict(data_root=data_root, image_set='10', pipeline=stage2_pipeline),
)
val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    pin_memory=False,
    dataset=dict(data_root=data_root, image_set='10', pipeline=test_pipeline),
)
test_dataloader = val_dataloader
