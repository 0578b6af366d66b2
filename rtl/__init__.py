"""The hardware: Amaranth components, Verilog emission, co-simulation, synthesis and place-and-route.

The package is the top of the layering (``models`` below ``hwsim`` below ``rtl``); its components are not part of this
release yet.
"""
