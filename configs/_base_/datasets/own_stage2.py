# Stage II learns from labels; MF-I takes the level to trust from boxes where there are some
_base_ = './{{$OWN_LAYOUT:coco}}_xray.py'

train_dataloader = dict(dataset=dict(pipeline={{_base_.stage2_pipeline}}))
val_evaluator = [dict(type='mmsxm.MeanAveragePrecision'), dict(type='mmsxm.AttentionLocalization')]
test_evaluator = val_evaluator
