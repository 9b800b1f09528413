"""The kernels of the tuned backend: how numerical libraries get their speed, in Numba.

To be read in this order, each file a technique:

1. `machine.py`: what the processor offers, and the sizes that follow from it;
2. `micro.py`: the one inner loop of all products, held in the vector registers;
3. `matmul.py`: the matrix product around it: panels and blocks for the caches;
4. `conv.py`: convolution as that product, over shifted views of padded images, and
   `conv_strided.py`, with strides and dilation, over phases of them;
5. `elementwise.py`: maps and zips without index arithmetic;
6. `vector_math.py`: exponentials and logarithms that vectorise;
7. `reduce.py`: sums in lanes, as precise as they are fast;
8. `pool.py`, `windows.py`, `softmax.py`, `batch_norm.py` and the rest: what a LeNet or a ResNet
   needs in one pass over memory;
9. `cuda_tiles.py`, `cuda_matmul.py`, `cuda_conv.py`: products on a GPU, held in its registers, and
   `cuda_elementwise.py`, `cuda_reduce.py`: the rest, at the speed of its memory.

They take flat arrays and numbers. Nothing here knows of tensors; shapes are checked above.
"""
