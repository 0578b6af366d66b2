"""Co-simulation: the generated Verilog in a simulator, compared in every clock with the machine and with a protocol."""
