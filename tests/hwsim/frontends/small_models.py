"""Small networks as files of other programs, each written in the layout of its own kind, and what they compute."""

import io
import json
import zipfile
from itertools import pairwise

import h5py
import numpy as np
from onnx import TensorProto, helper, numpy_helper

SIZES = (16, 8, 4)


def arrays(seed=3, sizes=SIZES):
    """Weights [outputs, inputs] and biases of every layer, float32."""
    rng = np.random.default_rng(seed)
    return [
        (rng.normal(0, 0.5, (n, m)).astype(np.float32), rng.normal(0, 0.2, n).astype(np.float32)) for m, n in pairwise(sizes)
    ]


def signals(layers, inputs, activations=("relu", "sigmoid")):
    """What leaves the network, float64."""
    functions = {
        "relu": lambda s: np.maximum(s, 0),
        "sigmoid": lambda s: 1 / (1 + np.exp(-s)),
        "tanh": np.tanh,
        None: lambda s: s,
    }
    for (weight, bias), name in zip(layers, activations, strict=True):
        inputs = functions[name](inputs @ weight.T.astype(np.float64) + bias)
    return inputs


def node(op, inputs, output, **more):
    return helper.make_node(op, inputs, [output], name=output, **more)


def model(nodes, constants, path=None, shape=("batch", 16), output=None, domains=("",), opset=17):
    """An ONNX model of the nodes, from ``x`` to the output of the last of them."""
    end = output or nodes[-1].output[0]
    initializers = [
        a if isinstance(a, TensorProto) else numpy_helper.from_array(np.asarray(a), n) for n, a in constants.items()
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info(end, TensorProto.FLOAT, None)],
        initializers,
    )
    opsets = [helper.make_opsetid(d, 1 if d else opset) for d in domains]
    made = helper.make_model(graph, opset_imports=opsets, ir_version=8)
    if path is not None:
        path.write_bytes(made.SerializeToString())
    return made


def gemms(layers, activations=("Relu", None)):
    """Nodes and constants as PyTorch exports them."""
    nodes, constants, at = [], {}, "x"
    for i, ((weight, bias), name) in enumerate(zip(layers, activations, strict=True), 1):
        constants |= {f"fc{i}.weight": weight, f"fc{i}.bias": bias}
        nodes.append(node("Gemm", [at, f"fc{i}.weight", f"fc{i}.bias"], f"fc{i}", transB=1))
        at = f"fc{i}"
        if name:
            nodes.append(node(name, [at], f"act{i}"))
            at = f"act{i}"
    return nodes, constants


def dense(name, units, activation="linear", **more):
    """A Dense layer as Keras 3 configures it, as far as it matters for what it computes."""
    config = {
        "name": name,
        "trainable": True,
        "dtype": "float32",
        "units": units,
        "activation": activation,
        "use_bias": True,
    }
    return layer("Dense", **config | more)


def layer(kind, **config):
    return {"module": "keras.layers", "class_name": kind, "config": config, "registered_name": None}


def sequential(*layers):
    first = layer("InputLayer", batch_shape=[None, 16], dtype="float32", sparse=False, name="input_layer")
    return {
        "module": "keras",
        "class_name": "Sequential",
        "config": {"name": "sequential", "trainable": True, "dtype": "float32", "layers": [first, *layers]},
        "registered_name": None,
    }


def functional(*layers, sources=None):
    """The layers in one line, or with the sources given by name."""
    model = sequential(*layers)
    made, before = model["config"]["layers"], None
    for one in made:
        name = one["config"]["name"]
        of = (sources or {}).get(name, [before] if before else [])
        tensors = [
            {
                "class_name": "__keras_tensor__",
                "config": {"shape": [None, 1], "dtype": "float32", "keras_history": [n, 0, 0]},
            }
            for n in of
        ]
        one |= {"name": name, "inbound_nodes": [{"args": tensors, "kwargs": {}}] if of else []}
        before = name
    return model | {"class_name": "Functional"}


def keras(path, config, weights):
    """A ``.keras`` or ``.h5`` file; ``weights`` has by name of the layer its arrays by name, in the order of Keras."""
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file.attrs["model_config"] = json.dumps(config).encode()
            file.attrs["keras_version"], file.attrs["backend"] = b"3.9.0", b"tensorflow"
            group = file.create_group("model_weights")
            group.attrs["layer_names"] = [name.encode() for name in weights]
            for name, own in weights.items():
                inner = group.create_group(name)
                inner.attrs["weight_names"] = [f"sequential/{name}/{part}".encode() for part in own]
                for part, array in own.items():
                    inner.create_dataset(f"sequential/{name}/{part}", data=array)
        return path
    whole, counted = io.BytesIO(), {}
    snake = {"Dense": "dense", "BatchNormalization": "batch_normalization"}
    with h5py.File(whole, "w") as file:
        file.create_group("vars")
        for one in config["config"]["layers"]:
            kind = snake.get(one.get("class_name"))
            if kind is None:
                continue
            n = counted[kind] = counted.get(kind, -1) + 1
            group = file.create_group(f"layers/{kind}{f'_{n}' if n else ''}").create_group("vars")
            for i, array in enumerate(weights.get(one["config"]["name"], {}).values()):
                group[str(i)] = array
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("metadata.json", json.dumps({"keras_version": "3.9.0", "date_saved": "2026-01-01@00:00:00"}))
        archive.writestr("config.json", json.dumps(config))
        archive.writestr("model.weights.h5", whole.getvalue())
    return path


def kernels(layers, names=("dense", "dense_1")):
    """Weights of Dense layers as Keras has them."""
    return {name: {"kernel": weight.T, "bias": bias} for name, (weight, bias) in zip(names, layers, strict=True)}
