"""Convolutional front ends, and networks trained in PyTorch, on their way to the accelerator."""
