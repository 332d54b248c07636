_base_ = '../sxmnet_sixray_stage1.py'

pipeline = _base_.load_items + _base_.item_crop + _base_.stage1_steps + _base_.pack
train_dataloader = dict(dataset=dict(pipeline=pipeline))
