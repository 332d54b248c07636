# Stage I on simulated bags, small enough for two CPU cores
_base_ = [
    '../_base_/models/sxmnet_r50_stage1.py',
    '../_base_/datasets/simulated.py',
    '../_base_/schedules/stage1_350e.py',
    '../_base_/default_runtime.py',
]

model = dict(
    backbone=dict(depth=18, init_cfg=None),
    neck=dict(in_channels=[128, 256, 512], out_channels=128),
    attention_head=dict(in_channels=128),
)
train_dataloader = dict(dataset=dict(require_boxes=True, pipeline={{_base_.stage1_pipeline}}))
# a larger learning rate than the paper's and fewer epochs, from random weights and at half the size
optim_wrapper = dict(type='mmsxm.AutocastOptimWrapper', optimizer=dict(lr=1e-4))
param_scheduler = dict(milestones=[5])
train_cfg = dict(max_epochs=6, val_interval=6)
work_dir = 'work_dirs/demo/stage1'
