# Stage II: the attention head has no loss of its own, only that of classification (Sec. 3.2)
_base_ = './sxmnet_r50_stage1.py'

model = dict(
    backbone=dict(init_cfg=None),  # weights of Stage I are loaded
    attention_head=dict(loss_weight=0.0),
    # ours; with the published product, attention vanishes (see the docstring of the module)
    refinement=dict(type='mmsxm.NormalizedRefinement'),
    head=dict(
        type='mmsxm.MetaFusionHead',
        num_classes=5,
        in_channels=[256, 256, 256],
        loss_meta_weight=0.1,  # lambda (Sec. 4.2)
    ),
)
val_evaluator = [dict(type='mmsxm.MeanAveragePrecision'), dict(type='mmsxm.AttentionLocalization')]
test_evaluator = val_evaluator
find_unused_parameters = False
