# gated fusion (Table 4): level weights have no labels, so Stage II does not need boxes
_base_ = '../sxmnet_sixray_stage2.py'

model = dict(head=dict(loss_meta_weight=0.0))
train_dataloader = dict(dataset=dict(pipeline={{_base_.train_pipeline}}))
