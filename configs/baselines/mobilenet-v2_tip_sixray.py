# threat image projection: half of the images get an item of mmsxm threat-bank's bank
_base_ = './mobilenet-v2_sixray.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.tip_pipeline}}))
