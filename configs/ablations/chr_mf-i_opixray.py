# CHR with Meta Fusion supervised by boxes (MF-I, Table 8)
_base_ = '../baselines/chr_opixray.py'

model = dict(head=dict(type='mmsxm.MetaFusionHead', loss_meta_weight=0.1))
train_dataloader = dict(dataset=dict(pipeline={{_base_.chr_mf_i_pipeline}}))
