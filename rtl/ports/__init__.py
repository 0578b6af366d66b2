"""The accelerator's ports: samples, results, registers."""
