"""Co-simulation: the generated Verilog under cocotb, compared with the machine at every clock."""
