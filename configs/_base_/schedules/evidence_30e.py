# ours: the rates of Stage II, for fewer epochs, with a bound on the gradient
_base_ = './stage2_150e.py'

optim_wrapper = dict(clip_grad=dict(max_norm=10))
param_scheduler = dict(milestones=[18, 25])
train_cfg = dict(max_epochs=30)
