# the level of MF-I is that of the crop
_base_ = '../sxmnet_sixray_stage2.py'

pipeline = _base_.load_items + _base_.item_crop + _base_.stage2_steps + _base_.pack
train_dataloader = dict(dataset=dict(pipeline=pipeline))
load_from = 'work_dirs/sxmnet_item-crops_sixray_stage1'
default_hooks = dict(handover=dict(first='configs/ablations/sxmnet_item-crops_sixray_stage1.py'))
