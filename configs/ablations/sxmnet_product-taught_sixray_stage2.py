# ours: published product, plus a thousandth of the loss of Stage I for images with boxes
_base_ = './sxmnet_product_sixray_stage2.py'

model = dict(attention_head=dict(loss_weight=1e-3))
train_dataloader = dict(dataset=dict(pipeline={{_base_.stage1_pipeline}}))
