# Stage I learns from boxes
_base_ = './{{$OWN_LAYOUT:coco}}_xray.py'

train_dataloader = dict(dataset=dict(require_boxes=True, pipeline={{_base_.stage1_pipeline}}))
val_evaluator = [dict(type='mmsxm.AttentionLocalization')]
test_evaluator = val_evaluator
