"""Runs works in PyTorch for the benchmarks: one JSON object a line in, one a line out.

{"do": "hello"}                                       -> {"version", "threads", "gpu"}
{"do": "make", "id", "task", "variant"?, "device"?}   -> {} or {"reason"}
{"do": "turn", "id", "threads"?, "ms"}                -> {"times": [ms, ...], "peakBytes"?}
{"do": "drop", "id"}                                  -> {}
{"do": "gradients", "network", "batch", "file"}       -> {}

A work that is made for a `device` is warmed up, and then timed over many runs at once, since a GPU
queues them: the host waits before the clock is read. The others are timed run by run.
`gradients` reads parameters, images and labels from the file, and puts the loss and the gradients there.
"""

import contextlib
import gc
import json
import os
import sys
import time

import torch
import torch.nn.functional as F
from torch import nn
from torch_networks import gradients, images, sequential

torch.manual_seed(1)


halves = {"f16": torch.float16, "bf16": torch.bfloat16}


def mixed(precision, device):
    """Products and convolutions in 16 bits, where the precision is one."""
    if precision not in halves:
        return contextlib.nullcontext()
    return torch.autocast(torch.device(device).type, halves[precision])


def training(task, variant):
    network, precision = task["network"], task.get("precision")
    model = sequential(network["layers"])
    x = images(task["batch"], network["input"])
    label = torch.randint(0, 10, (task["batch"],))
    if variant == "channels last":
        model = model.to(memory_format=torch.channels_last)
        x = x.contiguous(memory_format=torch.channels_last)
    optimizer = {
        "adam": lambda: torch.optim.Adam(model.parameters(), lr=1e-3),
        "sgd": lambda: torch.optim.SGD(model.parameters(), lr=1e-3, momentum=0.9),
    }[task.get("optimizer", "adam")]()

    def run():
        optimizer.zero_grad()
        with mixed(precision, x.device):
            loss = F.cross_entropy(model(x), label)
        loss.backward()
        optimizer.step()

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
    dtype = halves.get(task.get("precision"), torch.float32)
    a = torch.rand(task["size"], task["size"]).to(dtype)
    b = torch.rand(task["size"], task["size"]).to(dtype)
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


def stream(task, _variant):
    x, y, z = (torch.rand(task["rows"], task["columns"]) for _ in range(3))
    return {
        "copy": lambda: z.copy_(x),
        "add": lambda: x + y,
        "mulAdd": lambda: torch.addcmul(x, y, z),
        "gelu": lambda: F.gelu(x),
        "sum": lambda: x.sum(),
        "sumRows": lambda: x.sum(1),
        "sumColumns": lambda: x.sum(0),
        "softmax": lambda: F.softmax(x, 1),
    }[task["op"]]


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
    "stream": stream,
}

works = {}


class Queued:
    """A work on a device that queues what it is told, or that stands in for one."""

    # So long is a batch of runs at least, for the wait at its end to be a small part of it.
    shortest = 20

    def __init__(self, task, variant, device):
        self.on_gpu = torch.device(device).type == "cuda"
        self.precision = task.get("precision")
        # The time of the calls alone: what the host needs to say what shall be done.
        self.host = task.get("host", False)
        self.runs = 1
        before = self.allocated()
        self.prepare()
        with torch.device(device):
            self.run = makers[task["kind"]](task, variant)
        # Three runs at least, for 100 ms at least.
        runs, end = 0, time.perf_counter_ns() + 100e6
        while runs < 3 or time.perf_counter_ns() < end:
            self.batch()
            runs += 1
        while not self.host and self.runs * self.batch() < self.shortest and self.runs < 1024:
            self.runs *= 2
        # What it holds between its runs.
        self.own = self.allocated() - before

    def prepare(self):
        allowed = self.precision == "tf32"
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        torch.backends.cudnn.allow_tf32 = allowed
        torch.backends.cudnn.benchmark = True

    def allocated(self):
        return torch.cuda.memory_allocated() if self.on_gpu else 0

    def synchronize(self):
        if self.on_gpu:
            torch.cuda.synchronize()

    def batch(self):
        """Milliseconds of a run."""
        begin = time.perf_counter_ns()
        for _ in range(self.runs):
            self.run()
        if self.host:
            end = time.perf_counter_ns()
            self.synchronize()
        else:
            self.synchronize()
            end = time.perf_counter_ns()
        return (end - begin) / 1e6 / self.runs

    def turn(self, milliseconds):
        self.prepare()
        others = self.allocated() - self.own
        if self.on_gpu:
            torch.cuda.reset_peak_memory_stats()
        times, end = [], time.perf_counter_ns() + milliseconds * 1e6
        while not times or time.perf_counter_ns() < end:
            times.append(self.batch())
        if not self.on_gpu:
            return {"times": times}
        return {"times": times, "peakBytes": torch.cuda.max_memory_allocated() - others}


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
        gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
        return {"version": torch.__version__, "threads": os.cpu_count(), "gpu": gpu}
    if what == "make":
        task = request["task"]
        if task["kind"] not in makers:
            return {"reason": f"the PyTorch side has no {task['kind']}"}
        if "device" in request:
            works[name] = Queued(task, request.get("variant"), request["device"])
        else:
            works[name] = makers[task["kind"]](task, request.get("variant"))
        return {}
    if what == "turn":
        if isinstance(works[name], Queued):
            return works[name].turn(request["ms"])
        torch.set_num_threads(request["threads"])
        return {"times": turn(works[name], request["ms"])}
    if what == "drop":
        works.pop(name, None)
        gc.collect()
        torch.cuda.empty_cache()
        return {}
    if what == "gradients":
        return gradients(request)
    raise ValueError(f"there is nothing called {what}")


for line in sys.stdin:
    try:
        reply = answer(json.loads(line))
    except Exception as error:
        reply = {"error": f"{type(error).__name__}: {error}"}
        gc.collect()
    print(json.dumps(reply), flush=True)
