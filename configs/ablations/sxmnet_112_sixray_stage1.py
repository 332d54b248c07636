# maps of 112 x 112 for 224 (Table 6, Fig. 6): two Upsample Modules
_base_ = '../sxmnet_sixray_stage1.py'

heatmap = [dict(type='mmsxm.EllipseHeatmap', stride=2)]
pipeline = _base_.load + _base_.resize + _base_.augment + heatmap + _base_.pack
model = dict(attention_head=dict(stride=2))
train_dataloader = dict(dataset=dict(pipeline=pipeline))
