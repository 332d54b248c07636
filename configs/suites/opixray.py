# settings of the paper: OPIXray, ResNet-50 (CHR: ResNet-101), 350 + 150 epochs
family = 'opixray'
