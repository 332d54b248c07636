# SIXray, positives only, as in the paper (Sec. 4.1); this base uses labels only
data_root = '{{$SIXRAY_ROOT:data/sixray}}'
image_set = '{{$SIXRAY_SET:10}}'

load = [
    dict(type='mmsxm.LoadXrayImage'),
    dict(type='LoadAnnotations', with_bbox=True, with_label=False),
]
# the paper does not give sizes; these are from the authors' code
resize = [dict(type='Resize', scale=(256, 256), interpolation='area', clip_object_border=False)]
augment = [
    dict(type='mmsxm.RandomCrop', crop_size=224),
    dict(type='RandomFlip', prob=0.5, direction='horizontal'),
    dict(type='RandomFlip', prob=0.5, direction='vertical'),
]
threats = [dict(type='mmsxm.ThreatImageProjection', bank='{{$THREAT_BANK:data/threat_bank.npz}}')]
# CHR's code flips only horizontally
chr_augment = augment[:2]
center_crop = [dict(type='mmsxm.CenterCrop', crop_size=224)]
meta_level = [dict(type='mmsxm.IntuitiveMetaLevel')]  # before the crop: a property of the image
heatmap = [dict(type='mmsxm.EllipseHeatmap', stride=4)]
pack = [
    dict(type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_heatmap', 'gt_meta_level', 'img_id'))
]

# class-wise maps and item crops also need the class of each box
num_classes = 5
load_items = [dict(type='mmsxm.LoadXrayImage'), dict(type='LoadAnnotations', with_bbox=True)]
item_crop = [dict(type='mmsxm.ItemCrop', num_classes=num_classes)]
class_heatmap = [dict(type='mmsxm.ClassHeatmap', num_classes=num_classes)]
fine_class_heatmap = [dict(type='mmsxm.ClassHeatmap', num_classes=num_classes, stride=4)]
pack_items = [
    dict(
        type='PackInputs', algorithm_keys=('gt_bboxes', 'gt_bboxes_labels', 'gt_heatmap', 'img_id')
    )
]

# transforms between loading and packing, which differ between datasets
train_steps = resize + augment
stage1_steps = train_steps + heatmap
stage2_steps = meta_level + train_steps
chr_steps = resize + chr_augment
chr_mf_i_steps = meta_level + chr_steps
test_steps = resize + center_crop
evidence_steps = train_steps + class_heatmap

# A pipeline does not follow its parts: a data set that changes a part builds all of these again.
# So a pipeline that only one config uses is built there.
train_pipeline = load + train_steps + pack
stage1_pipeline = load + stage1_steps + pack
stage2_pipeline = load + stage2_steps + pack
chr_pipeline = load + chr_steps + pack
chr_mf_i_pipeline = load + chr_mf_i_steps + pack
test_pipeline = load + test_steps + pack
evidence_pipeline = load_items + evidence_steps + pack_items
evidence_test_pipeline = load_items + test_steps + pack_items

train_dataloader = dict(
    batch_size=64,  # Sec. 4.2
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=True),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmsxm.SIXray',
        data_root=data_root,
        image_set=image_set,
        split='train',
        positives_only=True,
        pipeline=train_pipeline,
    ),
)
val_dataloader = dict(
    batch_size=64,
    num_workers=4,
    persistent_workers=True,
    pin_memory=True,
    sampler=dict(type='DefaultSampler', shuffle=False),
    collate_fn=dict(type='default_collate'),
    dataset=dict(
        type='mmsxm.SIXray',
        data_root=data_root,
        image_set=image_set,
        split='test',
        positives_only=True,
        test_mode=True,
        pipeline=test_pipeline,
    ),
)
test_dataloader = val_dataloader
