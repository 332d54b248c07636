# threat image projection: half of the images get an item of mmsxm threat-bank's bank
_base_ = '../sxmnet_sixray_stage2.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.stage2_tip_pipeline}}))
