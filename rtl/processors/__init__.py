"""Edge and neuron processors."""
