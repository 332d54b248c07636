# the pyramid without maps, which uses boxes for item crops only
_base_ = './resnet50_fpn_sixray.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.item_crop_pipeline}}))
