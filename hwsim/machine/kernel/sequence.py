"""Which sample a junction works on in a junction cycle, and what travels with the samples."""

from hwsim.machine.columns import *
from hwsim.machine.kernel.compiling import inlined
from hwsim.vocabulary import BUBBLE, FF, INFERENCE, TRAINING, UP


@inlined
def begin_cycle(p, t, now, samples, works):
    """What a junction does in junction cycle t: nothing unless it ``works`` at all."""
    places = samples.shape[0]
    n_forward, n_back = t - p[FORWARD_LAG], t - p[BACKWARD_LAG]
    feeds = works and n_forward >= 0 and samples[n_forward % places, KIND] != BUBBLE
    learns = works and n_back >= 0 and samples[n_back % places, KIND] == TRAINING
    now[FEEDS], now[LEARNS], now[WORKS] = feeds, learns, feeds or learns
    now[FORWARD_SAMPLE + FF], now[FORWARD_SAMPLE + UP] = n_forward, n_back
    now[FORWARD_BANK + FF], now[FORWARD_BANK + UP] = n_forward % p[LEFT_BANKS], n_back % p[LEFT_BANKS]
    now[NOW_KAPPA] = samples[n_back % places, KAPPA]


@inlined
def enter(place, samples, s, design, illegal):
    """Let sample s into its place of the control pipeline.

    With an illegal learning-rate shift or label it is not for training, whatever it says: it is fed forward only, and
    counted.
    """
    kind, label, kappa = samples.kind[s], samples.label[s], samples.kappa[s]
    if kind == TRAINING:
        kappa_is = design.least_kappa <= kappa <= design.greatest_kappa
        label_is = 0 <= label < design.output_neurons.size
        illegal[0] += not kappa_is
        illegal[1] += not label_is
        if not (kappa_is and label_is):
            kind = INFERENCE
    place[KIND], place[LABEL], place[KAPPA] = kind, label, kappa
