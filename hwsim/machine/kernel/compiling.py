"""How the loops of the machine are compiled.

Nothing in them allocates, so the compiler may leave out reference counts: they took a third of the time. The hot loops over
lanes are functions of their own, so that their pointers stay in registers; calls with many arrays cost more than that, so
the rest is inlined. Inlined, a group costs nothing to run, but each of its arrays takes the compiler time: functions take
the groups that they need, not the whole state.
"""

from models.compiled import njit

compiled = njit(cache=True, error_model="numpy", _nrt=False)
inlined = njit(cache=True, error_model="numpy", _nrt=False, forceinline=True)
