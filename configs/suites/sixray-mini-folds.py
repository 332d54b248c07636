# sixray-mini in five folds over all its positives, to measure small differences between networks
_base_ = './sixray-mini.py'

about = 'all positives of a subset of SIXray, real bags'
# neighbors show the same bags
folds = dict(count=5, block=25)
# nearly all Pliers and Scissors are inpainted, which a network can learn: see pixels
focus = dict(name='GKW', classes=['Gun', 'Knife', 'Wrench'], group='original')
amp = False  # MobileNetV2 in bfloat16 is slower on CPUs
num_workers = 0  # the processes that train have one core each
val_interval = None
stage2 = dict(max_norm=10)
