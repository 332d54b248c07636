# class evidence on simulated bags, small enough for two CPU cores
_base_ = [
    '../_base_/models/evidence_r50.py',
    '../_base_/datasets/simulated.py',
    '../_base_/schedules/evidence_30e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=[128, 256, 512], out_channels=128),
    head=dict(in_channels=[128, 128, 128]),
)
train_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_pipeline}}))
val_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_test_pipeline}}))
test_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_test_pipeline}}))
optim_wrapper = dict(type='mmsxm.AutocastOptimWrapper', optimizer=dict(lr=1e-2))
param_scheduler = dict(milestones=[10, 14])
train_cfg = dict(max_epochs=16, val_interval=16)
work_dir = 'work_dirs/demo/evidence'
