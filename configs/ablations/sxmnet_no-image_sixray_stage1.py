# attention that does not see the raw image (Table 7)
_base_ = '../sxmnet_sixray_stage1.py'

model = dict(attention_head=dict(raw_image=False))
