# class evidence with item crops in half of each batch
_base_ = '../evidence_sixray.py'

pipeline = _base_.load_items + _base_.item_crop + _base_.evidence_steps + _base_.pack_items
train_dataloader = dict(dataset=dict(pipeline=pipeline))
