"""What a study can measure of a network with a convolutional front end, trained together."""

from hwsim.figure import FED, JUDGED, Figure, Figures

FRONTEND_FIGURES = Figures(
    "frontend",
    {
        **JUDGED,
        "train_accuracy": Figure(
            "1", "share of training samples predicted right before they were learned from, last epoch", "more"
        ),
        "train_loss": FED["train_loss"],
        "features": Figure("features", "that leave the front end, the inputs of the classification layers"),
        "classification_edges": Figure("edges", "of the classification layers, ΣW", "less", "classification edges"),
        "classification_density": Figure(
            "1", "edges of the classification layers over those of fully connected ones", "less", "classification density"
        ),
        "convolution_weights": Figure("weights", "of the front end's convolutions"),
        "network_density": Figure(
            "1",
            "convolution weights and edges over convolution weights and the edges of fully connected classification layers",
            "less",
            "density of the whole network",
        ),
        "parameters": Figure(
            "numbers", "trained: kernels, scales and shifts of batch normalisations, weights of edges, biases", "less"
        ),
        "training_samples": Figure("samples", "of an epoch"),
    },
)
"""By name, as :func:`hwsim.frontends.measure.frontend_figures` finds them; those of validation if samples are held out."""

EXPORTED = Figures(
    "exported",
    {
        "test_accuracy_float": Figure("1", "share of test samples predicted right before quantisation", "more"),
        "test_accuracy": Figure("1", "share of test samples predicted right in fixed point, as exported", "more"),
        "same_predictions": Figure("1", "share of test samples predicted alike by both", "more"),
        "weights_at_limit": Figure("weights", "at either end of their range, by junction"),
        "signal_divisors": Figure("1", "by what the signals of layers 0..L were divided to fit their formats"),
        "layers": Figure("names", "of the layers in the imported file"),
        "front_end": Figure("name", "what made the features"),
    },
)
"""Of a trained network that has become a design."""
