# ours: a short Stage II with the learning rates of the paper, except for the attention head
_base_ = './sxmnet_stage2_150e.py'

param_scheduler = dict(milestones=[20, 27])
train_cfg = dict(max_epochs=30, val_interval=5)
