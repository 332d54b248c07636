# ours: the published product, and a thousandth of Stage I's loss where there are boxes
_base_ = './sxmnet_product_sixray_stage2.py'

model = dict(attention_head=dict(loss_weight=1e-3))
train_dataloader = dict(dataset=dict(pipeline={{_base_.stage1_pipeline}}))
