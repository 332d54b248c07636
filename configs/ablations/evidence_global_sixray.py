# class evidence and the global average in one network
_base_ = '../evidence_sixray.py'

model = dict(head=dict(type='mmsxm.GlobalEvidenceHead'))
optim_wrapper = dict(paramwise_cfg=dict(custom_keys={'head.global_fcs': dict(lr_mult=5)}))
