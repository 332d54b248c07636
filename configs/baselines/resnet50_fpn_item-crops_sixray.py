# the pyramid without maps, which uses boxes for item crops only
_base_ = './resnet50_fpn_sixray.py'

pipeline = _base_.load_items + _base_.item_crop + _base_.train_steps + _base_.pack
train_dataloader = dict(dataset=dict(pipeline=pipeline))
