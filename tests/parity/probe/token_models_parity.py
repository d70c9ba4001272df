"""FT-Transformer and T2T-ViT against formulas written from their published code."""
from model_compare import block, compare, linear, norm, ten_steps
from probe import main
import torch
import torch.nn.functional as F


def reglu_ffn(x, p, name):
    a, b = linear(x, p, name + ".linear0").chunk(2, -1)
    return linear(a * F.relu(b), p, name + ".linear1")


def ft_attention(q, kv, p, name, heads):
    b, t, d = kv.shape
    split = lambda y: y.reshape(b, -1, heads, d // heads).transpose(1, 2)
    q, k, v = split(linear(q, p, name + ".q")), split(linear(kv, p, name + ".k")), split(linear(kv, p, name + ".v"))
    mixed = (q @ k.transpose(-1, -2) / (d // heads) ** 0.5).softmax(-1) @ v
    return linear(mixed.transpose(1, 2).reshape(b, -1, d), p, name + ".out")


def ft_transformer(x, p, depth, heads, prenorm):
    x = torch.cat([torch.ones(len(x), 1, dtype=x.dtype), x.flatten(1)], 1)
    bias = torch.cat([torch.zeros_like(p["tokenizer.bias"][:1]), p["tokenizer.bias"]])
    x = p["tokenizer.weight"][None] * x[:, :, None] + bias
    for i in range(depth):
        name = f"blocks.{i}"
        inner = norm(x, p, name + ".pre_attn")
        last = slice(0, 1) if i + 1 == depth else slice(None)
        x = norm(x[:, last] + ft_attention(inner[:, last], inner, p, name + ".attn", heads), p, name + ".post_attn")
        x = norm(x + reglu_ffn(norm(x, p, name + ".pre_ffn"), p, name + ".ffn"), p, name + ".post_ffn")
    return linear(F.relu(norm(x[:, 0], p, "final")), p, "head")


def ft_transformer_forms(probe):
    for prenorm in (True, False):
        config = {"family": "ft_transformer", "dim": 24, "depth": 3, "heads": 4, "prenorm": prenorm}
        out = compare(probe, config, lambda x, p: ft_transformer(x, p, 3, 4, prenorm), (6, 1, 1, 8), classes=1, loss="mse", mode="eval")
        assert ("param.blocks.0.pre_attn.weight" in out, "param.blocks.1.pre_attn.weight" in out) == (False, prenorm)
        assert ("param.final.weight" in out) == prenorm
        assert out["param.blocks.0.ffn.linear1.weight"].shape == (24, int(24 * 1.333333333333333))


def ft_transformer_trains_as_it_evaluates_without_dropout(probe):
    config = {"family": "ft_transformer", "dim": 16, "depth": 2, "heads": 2, "attention_dropout": 0.0, "ffn_dropout": 0.0}
    compare(probe, config, lambda x, p: ft_transformer(x, p, 2, 2, True), (4, 1, 2, 3), mode="train")


def performer(k, q, v, w):
    def kernel(u):
        return (torch.einsum("bti,mi->btm", u, w) - u.square().sum(-1, keepdim=True) / 2).exp() / w.shape[0] ** 0.5

    kp, qp = kernel(k), kernel(q)
    d = torch.einsum("bti,bi->bt", qp, kp.sum(1))[..., None]
    return torch.einsum("bti,bni->btn", qp, torch.einsum("bin,bim->bnm", v, kp)) / (d + 1e-8)


def token_layer(x, p, name, kind):
    width = x.shape[-1]
    parts = linear(norm(x, p, name + ".norm1"), p, name + ".attn.kqv").chunk(3, -1)
    if kind == "performer":
        k, q, v = parts
        mixed = performer(k, q, v, p[name + ".features"])
    else:
        q, k, v = parts
        mixed = (q * width**-0.5 @ k.transpose(1, 2)).softmax(-1) @ v
    x = v + linear(mixed, p, name + ".attn.proj")
    return x + linear(F.gelu(linear(norm(x, p, name + ".norm2"), p, name + ".mlp.fc1")), p, name + ".mlp.fc2")


def sinusoid(tokens, dim):
    angle = torch.tensor([[t / 10000 ** (2 * (c // 2) / dim) for c in range(dim)] for t in range(tokens)], dtype=torch.float64)
    angle[:, 0::2], angle[:, 1::2] = angle[:, 0::2].sin(), angle[:, 1::2].cos()
    return angle


def t2t_vit(x, p, depth, heads, kind):
    side = [(n + 4 - 7) // 4 + 1 for n in x.shape[2:]]
    x = token_layer(F.unfold(x, 7, stride=4, padding=2).transpose(1, 2), p, "tokens.0", kind)
    x = F.unfold(x.transpose(1, 2).reshape(len(x), -1, *side), 3, stride=2, padding=1).transpose(1, 2)
    side = [(n + 2 - 3) // 2 + 1 for n in side]
    x = token_layer(x, p, "tokens.1", kind)
    x = F.unfold(x.transpose(1, 2).reshape(len(x), -1, *side), 3, stride=2, padding=1).transpose(1, 2)
    x = linear(x, p, "tokens.project")
    x = torch.cat([p["cls_token"].expand(len(x), -1, -1), x], 1) + p["pos_embed"]
    for i in range(depth):
        x = block(x, p, f"blocks.{i}", heads)
    return linear(norm(x, p, "final")[:, 0], p, "head")


def t2t_vit_forms(probe):
    for kind, fixed in (("performer", ("pos_embed", "tokens.0.features", "tokens.1.features")), ("transformer", ("pos_embed",))):
        config = {"family": "t2t_vit", "dim": 24, "depth": 2, "heads": 3, "token_dim": 8, "token_layer": kind}
        out = compare(probe, config, lambda x, p: t2t_vit(x, p, 2, 3, kind), (2, 3, 28, 20), fixed=fixed)
        ours = out["param.pos_embed"][0].double()
        assert (ours - sinusoid(*ours.shape)).abs().max() < 1e-6
        if kind == "performer":
            w = out["param.tokens.0.features"].double()
            assert (w @ w.T - w.shape[0] * torch.eye(w.shape[0])).abs().max() < 1e-5, "orthogonal rows of length √m"


def t2t_vit_14_has_21_5_million_parameters(probe):
    lines = probe.names({"op": "model", "config": {"family": "t2t_vit"}, "input": {"channels": 3, "height": 224, "width": 224, "classes": 1000}})
    shapes = [line[line.index("[") + 1 : line.index("]")].split(",") for line in lines if line.startswith("param.") and line.endswith("trainable")]
    count = 0
    for shape in shapes:
        size = 1
        for n in shape:
            size *= int(n)
        count += size
    assert abs(count / 1e6 - 21.5) < 0.05, count


def ten_training_steps(probe):
    config = {"family": "t2t_vit", "dim": 24, "depth": 2, "heads": 3, "token_dim": 8}
    fixed = ("pos_embed", "tokens.0.features", "tokens.1.features")
    ten_steps(probe, config, lambda x, p: t2t_vit(x, p, 2, 3, "performer"), (4, 1, 12, 12), fixed=fixed)


if __name__ == "__main__":
    main([ft_transformer_forms, ft_transformer_trains_as_it_evaluates_without_dropout, t2t_vit_forms,
          t2t_vit_14_has_21_5_million_parameters, ten_training_steps])
