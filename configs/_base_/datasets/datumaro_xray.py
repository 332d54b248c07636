# your own bags, annotated with CVAT or Datumaro and exported as COCO (docs/own_data.md)
_base_ = './voc_xray.py'

train_dataloader = dict(dataset=dict(type='mmsxm.DatumaroXray'))
val_dataloader = dict(dataset=dict(type='mmsxm.DatumaroXray'))
test_dataloader = dict(dataset=dict(type='mmsxm.DatumaroXray'))
