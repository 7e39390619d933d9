"""What others do with the same clips, texts and judges: the baselines of the comparison table.

*T2M-GPT-style* (Zhang et al., CVPR 2023): a VQ-VAE with one codebook for both hands, and a decoder-only
transformer over its codes that begins with the sentence's vector. *HumanMDM-style* (Tevet et al., ICLR 2023):
a transformer encoder over noisy frames that tells the clean ones. ``python -m train.baselines run=RUN``
trains what is missing and writes ``RUN/baselines.md``.
"""
