# threat image projection: half of the images get an item from the bank of mmsxm threat-bank
_base_ = '../sxmnet_sixray_stage2.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.stage2_tip_pipeline}}))
