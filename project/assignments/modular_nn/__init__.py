"""Assignment 3: a modular neural network, from layers with gradients by hand to ResNets.

`layers`, `grad_compare` (part 1), `optimizers`, `training` (2), `mlp`, `classifier`, `moons` (3),
`cnn` (4), `experiments`, `sweeps` (5), and `answers`: the hyperparameters and what was asked.
"""
