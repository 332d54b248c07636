# the paper's attention with one map per class, in one stage
_base_ = '../evidence_sixray.py'

model = dict(
    attention_head=dict(
        _delete_=True,
        type='mmsxm.BottomUpAttentionHead',
        num_maps=5,
        # the loss is summed over pixels, and the rate is a thousand times that of Stage I
        loss_weight=0.05,
    ),
    refinement=dict(type='mmsxm.ClassAttentionPooling'),
    head=dict(type='mmsxm.ClassAttentionHead'),
)
pipeline = _base_.load_items + _base_.train_steps + _base_.fine_class_heatmap + _base_.pack_items
train_dataloader = dict(dataset=dict(pipeline=pipeline))
