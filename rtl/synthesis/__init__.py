"""From Verilog to an FPGA with open tools: cells, clock frequency, bitstream."""
