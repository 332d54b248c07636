# bags of mmsxm simulate in SIXray's layout, with small images: 128 pixels, cropped to 112.
# Includes harmless bags, because a network trained without them raises many false alarms on them.
_base_ = './sixray.py'

data_root = '{{$DEMO_ROOT:data/demo}}'

# images of this size are unchanged; others, such as a user's own, are resized to it
resize = [dict(type='Resize', scale=(128, 128), interpolation='area', clip_object_border=False)]
augment = [dict(type='mmsxm.RandomCrop', crop_size=112), *_base_.augment[1:]]
pack = [dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level'))]
stage1_pipeline = _base_.load + resize + augment + _base_.heatmap + pack
stage2_pipeline = _base_.load + resize + augment + pack
center_crop = [dict(type='mmsxm.CenterCrop', crop_size=112)]
test_pipeline = _base_.load + resize + center_crop + pack

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    pin_memory=False,
    dataset=dict(
        data_root=data_root, image_set='10', positives_only=False, pipeline=stage2_pipeline
    ),
)
val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    pin_memory=False,
    dataset=dict(data_root=data_root, image_set='10', positives_only=False, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
