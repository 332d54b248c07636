# class evidence with item crops in half of each batch
_base_ = '../evidence_sixray.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.evidence_item_crop_pipeline}}))
