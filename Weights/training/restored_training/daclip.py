"""The image side of degradation-aware CLIP (arXiv 2310.01018): controller and controlled image encoder.

Attribute names are the keys of published checkpoints. The text tower is not here: labels have fixed features.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_DEVIATION = (0.26862954, 0.26130258, 0.27577711)


class SelfAttention(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.zeros(3 * width))
        self.out_proj = nn.Linear(width, width)
        nn.init.xavier_uniform_(self.in_proj_weight)
        nn.init.zeros_(self.out_proj.bias)

    def forward(self, x: Tensor) -> Tensor:
        qkv = F.linear(x, self.in_proj_weight, self.in_proj_bias)
        q, k, v = qkv.unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        # Written out: over some fifty tokens the fused kernel's backward pass takes longer than everything around it.
        weights = (q @ k.transpose(-1, -2) * q.shape[-1] ** -0.5).softmax(dim=-1).to(v.dtype)
        return self.out_proj((weights @ v).transpose(1, 2).flatten(2))


class MLP(nn.Module):
    def __init__(self, width: int):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        return self.c_proj(F.gelu(self.c_fc(x)))


class TransformerBlock(nn.Module):
    def __init__(self, width: int, heads: int):
        super().__init__()
        self.ln_1 = nn.LayerNorm(width)
        self.attn = SelfAttention(width, heads)
        self.ln_2 = nn.LayerNorm(width)
        self.mlp = MLP(width)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class Transformer(nn.Module):
    def __init__(self, width: int, layers: int, heads: int):
        super().__init__()
        self.resblocks = nn.ModuleList(TransformerBlock(width, heads) for _ in range(layers))

    def forward(self, x: Tensor, control: list[Tensor] | None = None) -> Tensor:
        """Adds the recorded outputs of the controller, from the end of the list."""
        for index, block in enumerate(self.resblocks):
            x = block(x)
            if control is not None:
                x = x + control[-1 - index]
        return x


class ControlTransformer(nn.Module):
    """Blocks whose outputs are recorded, each through a dense layer that starts at zero."""

    def __init__(self, width: int, layers: int, heads: int):
        super().__init__()
        self.transformer = Transformer(width, layers, heads)
        self.zero_modules = nn.ModuleList(nn.Linear(width, width) for _ in range(layers))
        for layer in self.zero_modules:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, list[Tensor]]:
        recorded = []
        for block, zero in zip(self.transformer.resblocks, self.zero_modules):
            x = block(x)
            recorded.append(zero(x))
        return x, recorded


class Bottleneck(nn.Module):
    """A residual block over a grid of features; it starts as the identity (He et al., arXiv 1603.05027)."""

    def __init__(self, width: int):
        super().__init__()
        self.reduce = nn.Conv2d(width, width // 2, 1)
        self.mix = nn.Conv2d(width // 2, width // 2, 3, padding=1)
        self.expand = nn.Conv2d(width // 2, width, 1)
        nn.init.zeros_(self.expand.weight)
        nn.init.zeros_(self.expand.bias)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.expand(F.gelu(self.mix(F.gelu(self.reduce(F.gelu(x))))))


def patch_embedding(width: int, patch_size: int, stem: list[int] | None, stem_blocks: list[int] | None) -> nn.Module:
    """One patch convolution, or convolutions that halve the side each, with residual blocks behind each."""
    if not stem:
        return nn.Conv2d(3, width, patch_size, stride=patch_size, bias=False)
    widths = [3, *stem, width]
    layers: list[nn.Module] = []
    for inputs, outputs, blocks in zip(widths, widths[1:], stem_blocks or [0] * (len(stem) + 1)):
        layers += [nn.Conv2d(inputs, outputs, 3, stride=2, padding=1), *(Bottleneck(outputs) for _ in range(blocks)), nn.GELU()]
    return nn.Sequential(*layers[:-1])


class VisionTower(nn.Module):
    """Prepared pictures (B, 3, S, S) to embeddings (B, embed_dim), which are read from the class token or, with
    `pool` "patches", from the mean and the maximum over all patches.
    """

    def __init__(
        self, embed_dim: int, image_size: int, layers: int, width: int, patch_size: int, head_width: int = 64,
        stem: list[int] | None = None, stem_blocks: list[int] | None = None, pool: str = "class", is_controller: bool = False,
    ):
        super().__init__()
        heads = width // head_width
        tokens = (image_size // patch_size) ** 2 + 1
        self.pools_patches = pool == "patches"
        pooled = 2 * width if self.pools_patches else width
        self.conv1 = patch_embedding(width, patch_size, stem, stem_blocks)
        self.class_embedding = nn.Parameter(torch.randn(width) * width**-0.5)
        self.positional_embedding = nn.Parameter(torch.randn(tokens, width) * width**-0.5)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = (ControlTransformer if is_controller else Transformer)(width, layers, heads)
        self.ln_post = nn.LayerNorm(pooled)
        self.proj = nn.Parameter(torch.randn(pooled, embed_dim) * pooled**-0.5)

    def tokens(self, picture: Tensor) -> Tensor:
        x = self.conv1(picture).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_embedding.to(x.dtype).expand(x.shape[0], 1, -1), x], dim=1)
        return self.ln_pre(x + self.positional_embedding)

    def pool(self, tokens: Tensor) -> Tensor:
        patches = tokens[:, 1:]
        pooled = torch.cat([patches.mean(dim=1), patches.amax(dim=1)], dim=-1) if self.pools_patches else tokens[:, 0]
        return self.ln_post(pooled) @ self.proj


class DegradationAwareCLIP(nn.Module):
    """`controller_cfg` is what the controller has otherwise than the image encoder."""

    def __init__(
        self, embed_dim: int, vision_cfg: dict, label_count: int | None = None, controller_cfg: dict | None = None, **_,
    ):
        super().__init__()
        self.shape = {"embed_dim": embed_dim, "vision_cfg": vision_cfg, "controller_cfg": controller_cfg}
        self.clip = nn.Module()
        self.clip.visual = VisionTower(embed_dim, **vision_cfg)
        self.visual_control = VisionTower(embed_dim, **{**vision_cfg, **(controller_cfg or {})}, is_controller=True)
        if label_count is not None:
            self.register_buffer("label_features", torch.zeros(label_count, embed_dim))

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        """The degradation and the content embedding, not normalised."""
        degradation, control = self.degradation(picture)
        return degradation, self.content(picture, control)

    def degradation(self, picture: Tensor) -> tuple[Tensor, list[Tensor]]:
        """The degradation embedding, and what the controller's blocks have to say to the image encoder's."""
        tokens, control = self.visual_control.transformer(self.visual_control.tokens(picture))
        return self.visual_control.pool(tokens), control

    def content(self, picture: Tensor, control: list[Tensor] | None = None) -> Tensor:
        """The content embedding; without control that of the bare image encoder."""
        visual = self.clip.visual
        return visual.pool(visual.transformer(visual.tokens(picture), control))

    def probabilities(self, degradation: Tensor, logit_scale: float = 100) -> Tensor:
        cosine = F.normalize(degradation, dim=-1) @ F.normalize(self.label_features, dim=-1).T
        return (logit_scale * cosine).softmax(dim=-1)

    def load_checkpoint(self, state: dict[str, Tensor]) -> None:
        """Loads a state dict strictly, less what this class leaves out: text tower, scales, the `visual.*` alias."""
        state = state.get("state_dict", state)
        state = {key.removeprefix("module."): value.float() for key, value in state.items()}
        kept = ("clip.visual.", "visual_control.", "label_features")
        self.load_state_dict({key: value for key, value in state.items() if key.startswith(kept)}, strict=True)
