"""Whether a network fits its data set: told from the data set's sizes, before anything is loaded or trained."""

from dataclasses import replace
from math import prod
from pathlib import Path

from hwsim.configuration.configuration import Configuration
from models.data import catalogue, selection
from models.data.catalogue import Outline
from models.data.morse import MorseOptions
from models.data.pooling import pooled_image
from models.errors import InputError
from models.torch_layers.front_ends import FRONT_ENDS


def check(config: Configuration, data_dir: Path | None = None) -> list[str]:
    """Refuse a configuration that cannot be trained on the data set it names.

    Of a name in the catalogue the sizes are known without its files. The default is not held against a configuration that
    says nothing about data, as it may be about hardware alone.

    Returns
    -------
    list of str
        What could not be checked, and why: the file of a data set that is not there may be on another machine.

    Raises
    ------
    InputError
        If the data set is unknown, its file is none, or it does not fit the network.
    """
    found = outline(config, data_dir)
    if found is None:
        return [f"data.name = {config.data.name}: is not here, so that its features, classes and samples are not checked"]
    try:
        check_outline(config, found)
    except InputError as e:
        if config.states_data:
            raise
        return [f"the default data set does not fit, and samples are only there for one that does: {e}"]
    return []


def outline(config: Configuration, data_dir: Path | None = None) -> Outline | None:
    """Sizes of the configuration's data set, pooled and selected; ``None`` if it is a file that is not there.

    Raises
    ------
    InputError
        If the data set is unknown, its file is none, its pixels cannot be pooled, or it lacks inputs to select.
    """
    found = catalogue.outline(config.data.name, data_dir, morse_options=morse_options(config))
    if found is None:
        return None
    if config.data.pool != 1:
        image = pooled_image(found.name, found.image, config.data.pool)
        assert image is not None
        found = replace(found, features=prod(image), image=image)
    return selected(config, found)


def selected(config: Configuration, data: Outline) -> Outline:
    """Sizes of a data set of which the configuration keeps some inputs, or all.

    Raises
    ------
    InputError
        If it lacks an input to select.
    """
    chosen = config.data.select
    if chosen is None:
        return data
    selection.check(data.name, data.features, chosen.count, chosen.inputs)
    if chosen.order == "blocks" and chosen.inputs is None and data.image is None:
        raise InputError("data.select.order", "blocks", f"is that of pixels, and {data.name} has no images", ["rows"])
    return replace(data, features=chosen.kept, image=None)


def check_outline(config: Configuration, data: Outline) -> None:
    """Refuse a network, a validation split or a number of samples that a data set of these sizes does not have."""
    _check_inputs(config, data)
    if data.classes > config.classes:
        rule = f"does not cover the {data.classes} classes of {data.name}"
        raise InputError("network.classes", config.classes, rule, [data.classes])
    train, validation, _ = data.counts
    held_out = config.data.validation
    if held_out and validation:
        raise InputError("data.validation", held_out, f"{data.name} has {validation} validation samples of its own", [0])
    if held_out >= train:
        raise InputError("data.validation", held_out, f"must leave a training sample: 0..{train - 1}", [train - 1])
    samples, there = config.training.samples, train - held_out
    if samples is not None and samples > there:
        raise InputError("training.samples", samples, f"exceeds the {there} training samples of {data.name}", [there])


def _check_inputs(config: Configuration, data: Outline) -> None:
    n_inputs, f = config.network.layers[0], config.frontend
    if f is None:
        if data.features > n_inputs:
            what = f"features of {data.name}" if config.data.select is None else "inputs that data.select keeps"
            rule = f"has fewer neurons than the {data.features} {what}"
            raise InputError("network.layers[0]", n_inputs, rule, [data.features])
        return
    if data.image is None:
        raise InputError("data.name", config.data.name, "has no images, which a front end needs")
    features = FRONT_ENDS[f.network].features(data.image)
    if features != n_inputs:
        size = "×".join(map(str, data.image))
        rule = f"must be the {features} features that the front end {f.network} makes of an image of {size}"
        raise InputError("network.layers[0]", n_inputs, rule, [features])


def morse_options(config: Configuration) -> MorseOptions | None:
    """Which Morse data set a configuration asks for, if it asks for one."""
    m = config.data.morse
    return MorseOptions(m.family, m.sigma, m.black_and_white, m.per_class) if m else None
