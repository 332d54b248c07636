# threat image projection: half of the images get an item from the bank of mmsxm threat-bank
_base_ = '../sxmnet_sixray_stage2.py'

pipeline = _base_.load + _base_.threats + _base_.stage2_steps + _base_.pack
train_dataloader = dict(dataset=dict(pipeline=pipeline))
