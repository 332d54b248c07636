# class evidence on simulated bags, small enough for two CPU cores
_base_ = [
    '../_base_/models/evidence_r50.py',
    '../_base_/datasets/simulated.py',
    '../_base_/schedules/evidence_30e.py',
    '../_base_/default_runtime.py',
]

# ResNet-18 with half the channels: a step costs 0.4 times as much, so more pixels and epochs fit
model = dict(
    backbone=dict(depth=18, base_channels=32, stem_channels=32, init_cfg=None),
    neck=dict(in_channels=[64, 128, 256], out_channels=64),
    head=dict(in_channels=[64, 64, 64]),
)

# whole bags: crops of the images' size change nothing, but let input_size find where to set it
augment = [dict(type='mmsxm.RandomCrop', crop_size=128), *_base_.augment[1:]]
center_crop = [dict(type='mmsxm.CenterCrop', crop_size=128)]
pipeline = _base_.load_items + _base_.resize + augment + _base_.class_heatmap + _base_.pack_items
test_pipeline = _base_.load_items + _base_.resize + center_crop + _base_.pack_items
train_dataloader = dict(dataset=dict(pipeline=pipeline))
val_dataloader = dict(dataset=dict(pipeline=test_pipeline))
test_dataloader = dict(dataset=dict(pipeline=test_pipeline))

optim_wrapper = dict(
    type='mmsxm.AutocastOptimWrapper',
    optimizer=dict(_delete_=True, type='AdamW', lr=2e-3, weight_decay=0.05, fused=True),
    paramwise_cfg=dict(_delete_=True, norm_decay_mult=0.0, bias_decay_mult=0.0),
)
# an epoch of warm-up, then down to 0
param_scheduler = [
    dict(type='LinearLR', start_factor=0.02, end=1, convert_to_iter_based=True),
    dict(type='CosineAnnealingLR', begin=1, end=8, T_max=7, convert_to_iter_based=True),
]
train_cfg = dict(max_epochs=8, val_interval=8)
work_dir = 'work_dirs/demo/evidence'
