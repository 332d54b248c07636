# threat image projection: half of the images get an item from the bank of mmsxm threat-bank
_base_ = './mobilenet-v2_sixray.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.tip_pipeline}}))
