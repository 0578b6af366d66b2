"""What is computed: fixed point, connectivity, activations, network state, reference training, data sets.

Nothing in this package knows of clocks or memories; it never imports ``hwsim`` or ``rtl``.
"""
