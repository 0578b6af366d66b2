"""The loops of the machine, compiled; :mod:`hwsim.machine.arrays` builds the arrays that they work on.

In every clock all reads come first, then all writes: a word written in one clock can be read in the next. Nothing is shared
with the reference engine: this is a second implementation of the contract's arithmetic, on the words that the modelled
memories hold. Every access is checked against its port and against what the word should hold; the first violation is noted
and, unless told otherwise, ends the loop.

What belongs to a junction stands in one row of integers, ``p``; what belongs to a clock of its pass in another, ``k``; what
it works on now in a third, ``now``. :mod:`hwsim.machine.columns` names their columns.

The same source runs uncompiled with the environment variable NUMBA_DISABLE_JIT=1, except for :mod:`.vectors`, without which
junction cycles are repeated in the plain loops that longer integers take.
"""
