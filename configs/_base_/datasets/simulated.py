# bags of mmsxm simulate in SIXray's layout, with small images: 128 pixels, cropped to 112.
# Includes harmless bags, because a network trained without them raises many false alarms on them.
_base_ = './sixray.py'

data_root = '{{$DEMO_ROOT:data/demo}}'

# images of this size are unchanged; others, such as a user's own, are resized to it
resize = [dict(type='Resize', scale=(128, 128), interpolation='area', clip_object_border=False)]
augment = [dict(type='mmsxm.RandomCrop', crop_size=112), *_base_.augment[1:]]
chr_augment = augment[:2]
center_crop = [dict(type='mmsxm.CenterCrop', crop_size=112)]
pack = [dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level'))]

train_steps = resize + augment
stage1_steps = train_steps + _base_.heatmap
stage2_steps = _base_.meta_level + train_steps
chr_steps = resize + chr_augment
chr_mf_i_steps = _base_.meta_level + chr_steps
test_steps = resize + center_crop
evidence_steps = train_steps + _base_.class_heatmap

train_pipeline = _base_.load + train_steps + pack
stage1_pipeline = _base_.load + stage1_steps + pack
stage2_pipeline = _base_.load + stage2_steps + pack
chr_pipeline = _base_.load + chr_steps + pack
chr_mf_i_pipeline = _base_.load + chr_mf_i_steps + pack
test_pipeline = _base_.load + test_steps + pack
evidence_pipeline = _base_.load_items + evidence_steps + _base_.pack_items
evidence_test_pipeline = _base_.load_items + test_steps + _base_.pack_items

train_dataloader = dict(
    batch_size=32,
    num_workers=1,
    pin_memory=False,
    dataset=dict(
        data_root=data_root, image_set='10', positives_only=False, pipeline=train_pipeline
    ),
)
val_dataloader = dict(
    batch_size=50,
    num_workers=1,
    pin_memory=False,
    dataset=dict(data_root=data_root, image_set='10', positives_only=False, pipeline=test_pipeline),
)
test_dataloader = val_dataloader
