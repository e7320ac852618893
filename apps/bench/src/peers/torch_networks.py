"""The networks of networks.ts as modules of PyTorch."""

import os

import torch
import torch.nn.functional as F
from torch import nn


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


def gradients(request):
    """In float64, in the order of the parameters; images and weights have their channels last in the file."""
    model, batch = sequential(request["network"]["layers"]).double(), request["batch"]
    file = request["file"]
    values = torch.from_file(file, size=os.path.getsize(file) // 8, dtype=torch.float64).clone()

    def take(shape):
        nonlocal values
        count = torch.Size(shape).numel()
        taken, values = values[:count].reshape(shape), values[count:]
        return taken

    parameters = list(model.parameters())
    for parameter in parameters:
        shape = parameter.shape
        with torch.no_grad():
            if len(shape) == 4:
                outputs, inputs, height, width = shape
                parameter.copy_(take((height, width, inputs, outputs)).permute(3, 2, 0, 1))
            else:
                parameter.copy_(take(shape))
    x = take((batch, *request["network"]["input"])).permute(0, 3, 1, 2)
    loss = F.cross_entropy(model(x), take((batch,)).long())
    loss.backward()
    found = [loss.detach()]
    for parameter in parameters:
        grad = parameter.grad
        found.append(grad.permute(2, 3, 1, 0) if grad.dim() == 4 else grad)
    with open(file, "wb") as written:
        for tensor in found:
            written.write(tensor.contiguous().numpy().tobytes())
    return {}
