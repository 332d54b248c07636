# ours: a short schedule with the learning rates of the full one
_base_ = './sxmnet_opixray_stage2.py'

param_scheduler = dict(milestones=[20, 27])
train_cfg = dict(max_epochs=30)
load_from = 'work_dirs/sxmnet_opixray_stage1_30e'
default_hooks = dict(handover=dict(first='configs/sxmnet_opixray_stage1_30e.py'))
