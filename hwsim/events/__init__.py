"""One event log for machine and Verilog, as lines, as a waveform, and the first difference of two."""
