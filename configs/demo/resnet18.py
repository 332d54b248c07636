# plain network for simulated bags, for mmsxm cross-scanner
_base_ = [
    '../_base_/models/resnet50.py',
    '../_base_/datasets/simulated.py',
    '../_base_/schedules/stage2_150e.py',
    '../_base_/default_runtime.py',
]

model = dict(backbone=dict(depth=18, init_cfg=None), head=dict(in_channels=[512]))
optim_wrapper = dict(type='mmsxm.AutocastOptimWrapper')
param_scheduler = dict(milestones=[8, 11])
train_cfg = dict(max_epochs=12, val_interval=12)
