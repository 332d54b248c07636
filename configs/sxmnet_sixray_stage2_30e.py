# ours: a short schedule with the learning rates of the full one
_base_ = './sxmnet_sixray_stage2.py'

param_scheduler = dict(milestones=[20, 27])
train_cfg = dict(max_epochs=30)
load_from = 'work_dirs/sxmnet_sixray_stage1_30e'
default_hooks = dict(handover=dict(first='configs/sxmnet_sixray_stage1_30e.py'))
