"""The same training step in PyTorch: the peer that train_bench.py measures the trainer against.

    python peer.py RECIPE.json     one line of JSON: {"steps": …, "cpu_s": …, "wall_s": …, "loss": …, "parameters": …}
    python peer.py --compiles      ends with 0 where torch.compile works (it needs a C++ compiler)

The recipe holds a trial's `model` and `train` blocks and the shape of its data. Everything that makes PyTorch fast is on:
scaled_dot_product_attention, fused AdamW, whole-batch indexing of resident uint8 images, no host synchronization in a step;
with `"compile": true` the forward pass and loss go through torch.compile (its compilation is not part of the figures).
"""

import json
import sys
import time

import torch
from torch import nn
from torch.nn import functional as F


class Block(nn.Module):
    def __init__(self, dim, heads, hidden):
        super().__init__()
        self.heads = heads
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)
        self.fc1, self.fc2 = nn.Linear(dim, hidden), nn.Linear(hidden, dim)

    def forward(self, x):
        b, t, d = x.shape
        q, k, v = self.qkv(self.norm1(x)).view(b, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4).unbind(0)
        y = F.scaled_dot_product_attention(q, k, v)
        x = x + self.proj(y.transpose(1, 2).reshape(b, t, d))
        return x + self.fc2(F.gelu(self.fc1(self.norm2(x))))


class Vit(nn.Module):
    def __init__(self, model, data):
        super().__init__()
        dim, self.patch = model["dim"], model["patch"]
        tokens = (data["height"] // self.patch) * (data["width"] // self.patch)
        self.embed = nn.Conv2d(data["channels"], dim, self.patch, self.patch)
        self.cls = nn.Parameter(torch.zeros(1, 1, dim)) if model["pool"] == "cls" else None
        self.position = nn.Parameter(torch.randn(1, tokens + (self.cls is not None), dim) * 0.02)
        hidden = round(dim * model["mlp_ratio"])
        self.blocks = nn.Sequential(*[Block(dim, model["heads"], hidden) for _ in range(model["depth"])])
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, data["classes"])

    def forward(self, images):
        x = self.embed(images).flatten(2).transpose(1, 2)
        if self.cls is not None:
            x = torch.cat([self.cls.expand(x.shape[0], -1, -1), x], 1)
        x = self.norm(self.blocks(x + self.position))
        return self.head(x[:, 0] if self.cls is not None else x.mean(1))


class Mae(nn.Module):
    """The masked autoencoder of models-and-recipes.md 2.8: learned positions, no cls token. Returns the loss."""

    def __init__(self, model, data):
        super().__init__()
        dim, inner, self.patch = model["dim"], model["decoder_dim"], model["patch"]
        self.patches = (data["height"] // self.patch) * (data["width"] // self.patch)
        self.kept = int(self.patches * (1 - model["mask_ratio"]))
        self.embed = nn.Conv2d(data["channels"], dim, self.patch, self.patch)
        self.position = nn.Parameter(torch.randn(1, self.patches, dim) * 0.02)
        self.blocks, self.norm = self.stack(model, dim, model["depth"], model["heads"]), nn.LayerNorm(dim)
        self.decoder_embed = nn.Linear(dim, inner)
        self.mask_token = nn.Parameter(torch.randn(1, 1, inner) * 0.02)
        self.decoder_position = nn.Parameter(torch.randn(1, self.patches, inner) * 0.02)
        self.decoder_blocks = self.stack(model, inner, model["decoder_depth"], model["decoder_heads"])
        self.decoder_norm = nn.LayerNorm(inner)
        self.pred = nn.Linear(inner, self.patch * self.patch * data["channels"])

    @staticmethod
    def stack(model, dim, depth, heads):
        return nn.Sequential(*[Block(dim, heads, round(dim * model["mlp_ratio"])) for _ in range(depth)])

    def patchify(self, images):
        b, c, h, w = images.shape
        p = self.patch
        return images.view(b, c, h // p, p, w // p, p).permute(0, 2, 4, 3, 5, 1).reshape(b, self.patches, p * p * c)

    def forward(self, images, noise):
        order = noise.argsort(1)
        places = order.argsort(1)  # of each patch: the kept ones first
        x = self.embed(images).flatten(2).transpose(1, 2) + self.position
        x = x.gather(1, order[:, :self.kept, None].expand(-1, -1, x.shape[2]))
        x = self.decoder_embed(self.norm(self.blocks(x)))
        x = torch.cat([x, self.mask_token.expand(x.shape[0], self.patches - self.kept, -1)], 1)
        x = x.gather(1, places[:, :, None].expand(-1, -1, x.shape[2])) + self.decoder_position
        error = self.pred(self.decoder_norm(self.decoder_blocks(x))) - self.patchify(images)
        hidden = (places >= self.kept).to(error.dtype)
        return (error.square().mean(2) * hidden).sum() / hidden.sum()


def make_loss(recipe, images, labels):
    """(model, function from the indices of a batch to its loss)."""
    model_block, train, data = recipe["model"], recipe["train"], recipe["data"]
    if model_block["family"] == "mae":
        model = Mae(model_block, data)
        forward = torch.compile(model) if recipe.get("compile") else model
        return model, lambda index: forward(images[index].float().div_(255.0), torch.rand(len(index), model.patches))
    model = Vit(model_block, data)

    def loss_of(batch, target):
        return F.cross_entropy(model(batch), target, label_smoothing=train["label_smoothing"])

    loss = torch.compile(loss_of) if recipe.get("compile") else loss_of
    return model, lambda index: loss(images[index].float().div_(127.5).sub_(1.0), labels[index])


def main(path):
    recipe = json.load(open(path))
    torch.set_num_threads(1)
    torch.manual_seed(0)
    train, data = recipe["train"], recipe["data"]
    images = torch.randint(0, 256, (data["samples"], data["channels"], data["height"], data["width"]), dtype=torch.uint8)
    labels = torch.randint(0, data["classes"], (data["samples"],))
    model, loss_of = make_loss(recipe, images, labels)
    optimizer = torch.optim.AdamW(model.parameters(), lr=train["lr"], weight_decay=train["weight_decay"], fused=True)
    steps_per_epoch = -(-data["samples"] // train["batch"])
    total = torch.zeros(())

    def step(index):
        nonlocal total
        optimizer.zero_grad(set_to_none=True)
        loss = loss_of(index)
        loss.backward()
        if train["clip"] > 0:
            torch.nn.utils.clip_grad_norm_(model.parameters(), train["clip"])
        optimizer.step()
        total += loss.detach()

    def epoch():
        for index in torch.randperm(data["samples"]).split(train["batch"]):
            step(index)

    epoch()  # compilation, allocator, first touches
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(recipe["epochs"]):
        epoch()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    steps = recipe["epochs"] * steps_per_epoch
    print(json.dumps({"steps": steps, "cpu_s": cpu, "wall_s": wall, "loss": total.item() / (steps + steps_per_epoch),
                      "parameters": sum(p.numel() for p in model.parameters())}))


def check_compilation():
    torch.compile(lambda x: torch.tanh(x) + 1)(torch.ones(4))


if __name__ == "__main__":
    check_compilation() if sys.argv[1:] == ["--compiles"] else main(sys.argv[1])
