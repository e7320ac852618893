"""Runs works in PyTorch for the benchmarks: one JSON object a line in, one a line out.

{"do": "hello"}                              -> {"version", "threads"}
{"do": "make", "id", "task", "variant"}      -> {} or {"reason"}
{"do": "turn", "id", "threads", "ms"}        -> {"times": [ms, ...]}
{"do": "drop", "id"}                         -> {}
"""

import gc
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

torch.manual_seed(1)


class Residual(nn.Module):
    def __init__(self, body, shortcut):
        super().__init__()
        self.body = sequential(body)
        self.shortcut = sequential(shortcut)

    def forward(self, x):
        return F.relu(self.body(x) + self.shortcut(x))


class GlobalAvgPool(nn.Module):
    def forward(self, x):
        return x.mean((2, 3))


def layer(at):
    kind = at["type"]
    if kind == "conv":
        return nn.Conv2d(
            at["inputs"], at["outputs"], at["kernel"], at["stride"], at["padding"], bias=at["bias"]
        )
    if kind == "batchNorm":
        return nn.BatchNorm2d(at["channels"])
    if kind == "relu":
        return nn.ReLU()
    if kind == "maxPool":
        return nn.MaxPool2d(at["size"], at.get("stride"), at.get("padding", 0))
    if kind == "globalAvgPool":
        return GlobalAvgPool()
    if kind == "flatten":
        return nn.Flatten()
    if kind == "linear":
        return nn.Linear(at["inputs"], at["outputs"])
    if kind == "residual":
        return Residual(at["body"], at["shortcut"])
    raise ValueError(f"there is no layer {kind}")


def sequential(layers):
    return nn.Sequential(*[layer(at) for at in layers])


def images(batch, shape):
    """A batch in PyTorch's order of axes, channels first."""
    if len(shape) == 3:
        height, width, channels = shape
        return torch.rand(batch, channels, height, width)
    return torch.rand(batch, *shape)


def training(task, _variant):
    network = task["network"]
    model = sequential(network["layers"])
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    x = images(task["batch"], network["input"])
    label = torch.randint(0, 10, (task["batch"],))

    def run():
        optimizer.zero_grad()
        loss = F.cross_entropy(model(x), label)
        loss.backward()
        optimizer.step()
        return loss.item()

    return run


def inference(task, _variant):
    network = task["network"]
    model = sequential(network["layers"]).eval()
    x = images(task["batch"], network["input"])

    @torch.inference_mode()
    def run():
        return model(x)

    return run


def matmul(task, _variant):
    a = torch.rand(task["size"], task["size"])
    b = torch.rand(task["size"], task["size"])
    return lambda: a @ b


def conv2d(task, _variant):
    size, inputs, outputs = task["size"], task["inputs"], task["outputs"]
    kernel, stride, both = task["kernel"], task["stride"], task["pass"] == "both"
    x = torch.rand(1, inputs, size, size, requires_grad=both)
    weight = torch.randn(outputs, inputs, kernel, kernel, requires_grad=both)
    dy = torch.rand(1, outputs, size // stride, size // stride)

    def run():
        y = F.conv2d(x, weight, stride=stride, padding=(kernel - 1) // 2)
        return torch.autograd.grad(y, (x, weight), dy) if both else y

    return run


def with_gradient(forward, leaves, both):
    """The forward pass alone, or with the gradients of all leaves for a gradient of ones."""
    if not both:

        @torch.inference_mode()
        def run():
            return forward()

        return run
    for leaf in leaves:
        leaf.requires_grad_()
    dy = torch.ones_like(forward())
    return lambda: torch.autograd.grad(forward(), leaves, dy)


def elementwise(task, _variant):
    x = torch.rand(task["length"])
    return with_gradient(lambda: F.gelu(x * 1.5 + 0.5), [x], task["pass"] == "both")


def reduction(task, _variant):
    x = torch.rand(task["rows"], task["columns"])
    return lambda: x.sum(task["axis"])


def softmax(task, _variant):
    x = torch.rand(task["rows"], task["columns"])
    return with_gradient(lambda: F.softmax(x, 1), [x], task["pass"] == "both")


def layer_norm(task, _variant):
    x, columns = torch.rand(task["rows"], task["columns"]), task["columns"]
    weight, bias = torch.rand(columns), torch.rand(columns)
    return with_gradient(
        lambda: F.layer_norm(x, (columns,), weight, bias), [x, weight, bias], task["pass"] == "both"
    )


def batch_norm(task, _variant):
    channels = task["channels"]
    x = torch.rand(task["batch"], channels, task["size"], task["size"])
    weight, bias = torch.rand(channels), torch.rand(channels)
    return with_gradient(
        lambda: F.batch_norm(x, None, None, weight, bias, training=True),
        [x, weight, bias],
        task["pass"] == "both",
    )


def additions(task, _variant):
    a = torch.tensor([1.0], requires_grad=task["recorded"])
    b = torch.tensor([2.0])

    def run():
        y = a
        for _ in range(task["count"]):
            y = y + b
        if task["walk"]:
            y.backward()
            a.grad = None

    return run


def optimizer(task, variant):
    parameters = [nn.Parameter(torch.randn(shape)) for shape in task["shapes"]]
    for parameter in parameters:
        parameter.grad = torch.randn(parameter.shape)
    how = {"fused": True} if variant == "fused" else {"foreach": True}
    made = {
        "sgd": lambda: torch.optim.SGD(parameters, lr=1e-3, momentum=0.9, **how),
        "adam": lambda: torch.optim.Adam(parameters, lr=1e-3, **how),
        "adamw": lambda: torch.optim.AdamW(parameters, lr=1e-3, weight_decay=0.01, **how),
    }[task["method"]]()
    return made.step


class Digits(torch.utils.data.Dataset):
    """Bytes of images, as the files of MNIST hold them."""

    def __init__(self, length):
        self.images = torch.randint(0, 256, (length, 1, 28, 28), dtype=torch.uint8)
        self.labels = torch.randint(0, 10, (length,))

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        return self.images[i].float() / 255, self.labels[i]


def loading(task, _variant):
    loader = torch.utils.data.DataLoader(
        Digits(task["samples"]), batch_size=task["batch"], shuffle=True
    )

    def run():
        for _ in loader:
            pass

    return run


makers = {
    "training": training,
    "inference": inference,
    "matmul": matmul,
    "conv2d": conv2d,
    "elementwise": elementwise,
    "reduction": reduction,
    "softmax": softmax,
    "layerNorm": layer_norm,
    "batchNorm": batch_norm,
    "additions": additions,
    "optimizer": optimizer,
    "loading": loading,
}

works = {}


def turn(run, milliseconds):
    times, end = [], time.perf_counter_ns() + milliseconds * 1e6
    while not times or time.perf_counter_ns() < end:
        begin = time.perf_counter_ns()
        run()
        times.append((time.perf_counter_ns() - begin) / 1e6)
    return times


def answer(request):
    what, name = request["do"], request.get("id")
    if what == "hello":
        return {"version": torch.__version__, "threads": os.cpu_count()}
    if what == "make":
        task = request["task"]
        if task["kind"] not in makers:
            return {"reason": f"the PyTorch side has no {task['kind']}"}
        works[name] = makers[task["kind"]](task, request.get("variant"))
        return {}
    if what == "turn":
        torch.set_num_threads(request["threads"])
        return {"times": turn(works[name], request["ms"])}
    if what == "drop":
        works.pop(name, None)
        gc.collect()
        return {}
    raise ValueError(f"there is nothing called {what}")


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
    print(json.dumps(reply), flush=True)
