# ours: a short schedule with the learning rates of the full one
_base_ = './sxmnet_sixray_stage1.py'

param_scheduler = dict(milestones=[20, 27])
train_cfg = dict(max_epochs=30, val_interval=5)
