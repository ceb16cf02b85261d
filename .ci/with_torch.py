"""Bring networks of the real PyTorch in, and compare outputs. Needs torch and safetensors; nobody imports this file."""

import itertools
import tempfile
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_file
from torch import nn

import tinygrad_ed as tg

X = np.random.default_rng(0).normal(size=(20, 3)) * 3
ACTIVATIONS = [nn.Identity(), nn.Sigmoid(), nn.Tanh(), nn.ReLU(), nn.LeakyReLU(), nn.Softplus(), nn.ELU(), nn.SiLU()]

torch.manual_seed(0)
worst = {torch.float64: 0.0, torch.float32: 0.0}
for phi, dtype in itertools.product([*ACTIVATIONS, nn.GELU(approximate="tanh")], worst):
    end = nn.Sequential(nn.Linear(5, 4, bias=False), nn.Linear(4, 2), nn.Sigmoid())
    there = nn.Sequential(nn.Flatten(), nn.Linear(3, 5), phi, nn.Dropout(), end).to(dtype).eval()
    wanted = there(torch.tensor(X, dtype=dtype)).detach().numpy()
    worst[dtype] = max(worst[dtype], np.abs(tg.nn.MLP.from_torch(there).predict(X) - wanted).max())
there = nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2)).double()
with tempfile.TemporaryDirectory() as folder:
    save_file(there.state_dict(), Path(folder) / "net.safetensors")
    for source in (there.state_dict(), Path(folder) / "net.safetensors"):
        mlp = tg.nn.MLP.from_torch(source, "tanh")
        worst[torch.float64] = max(
            worst[torch.float64], np.abs(mlp.predict(X) - there(torch.tensor(X)).detach().numpy()).max()
        )
refused = [nn.GELU(), nn.LeakyReLU(0.1), nn.ReLU6(), nn.Softplus(2), nn.BatchNorm1d(5), nn.LayerNorm(5), nn.Mish()]
for phi in refused:
    try:
        tg.nn.MLP.from_torch(nn.Sequential(nn.Linear(3, 5), phi, nn.Linear(5, 1)))
    except tg.InvalidValue:
        continue
    raise SystemExit(f"{phi} was taken")
print(f"PyTorch {torch.__version__}: worst differences {worst}; {len(refused)} refused")
if worst[torch.float64] > 1e-12 or worst[torch.float32] > 1e-6:
    raise SystemExit("outputs differ")
