# threat image projection: half of the images get an item from the bank of mmsxm threat-bank
_base_ = './mobilenet-v2_sixray.py'

pipeline = _base_.load + _base_.threats + _base_.train_steps + _base_.pack
train_dataloader = dict(dataset=dict(pipeline=pipeline))
