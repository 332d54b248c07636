# ours: a short Stage I with the learning rate of the paper
_base_ = './stage1_350e.py'

param_scheduler = dict(milestones=[20, 27])
train_cfg = dict(max_epochs=30, val_interval=5)
