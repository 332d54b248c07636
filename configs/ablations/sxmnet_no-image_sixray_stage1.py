# attention without the raw image as input (Table 7)
_base_ = '../sxmnet_sixray_stage1.py'

model = dict(attention_head=dict(raw_image=False))
