_base_ = '../sxmnet_sixray_stage1.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.stage1_item_crop_pipeline}}))
