# class evidence, ours: the pyramid with one map per class, from which the score is read
_base_ = './resnet50_fpn.py'

model = dict(neck=dict(relu=True), head=dict(type='mmsxm.ClassEvidenceHead'))
val_evaluator = [
    dict(type='mmsxm.MeanAveragePrecision'),
    dict(type='mmsxm.AttentionLocalization'),
    dict(type='mmsxm.ClassLocalization'),
]
test_evaluator = val_evaluator
