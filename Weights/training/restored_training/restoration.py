"""Stage 2: the restoration network learns to give the clean picture from any state of the diffusion."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Callable

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .degradations import CLEAN
from .diffusion import MeanRevertingSDE
from .pool import MIXTURE, Pool
from .precision import half_precision
from .session import Budget, Session
from .unet import ConditionalUNet, LinearAttention, SpatialTransformer

# A step's gradient is the mean over so many batches: a few crops of many labels make a noisy one, and what is learned from
# small differences (JPEG's blocks, motion) drowns in it.
PARTS = 3
# (progress, side): small crops first, of which a batch has many; large ones last, where the statistics are those of use.
CROPS = ((0.0, 96), (0.1, 128), (0.6, 192))
START_SHARE = 0.85  # of the samples stand at t = T, the only time that one step visits
STRANGER_SHARE = 0.05  # get another picture's degradation embedding, so that a wrong label does less harm
# Of clean pictures: one that is called clean is never restored, so what counts is that another label leaves it as it is.
CLEAN_STRANGER_SHARE = 0.7
GRADIENT_WEIGHT = 0.5
ERROR_FLOOR = 3e-4  # there, about 35 dB, a decibel counts half; beyond it less and less
# How often the examples of each label are drawn: those of what is learned slowly more often.
SHARES = {"jpeg-compressed": 2.5, "motion-blurry": 2.5, "raindrop": 2.0, "snowy": 1.2, "shadowed": 2.5, "rainy": 2.0,
          "hazy": 2.0, "low-light": 1.6, "noisy": 1.2, "uncompleted": 1.5, CLEAN: 0.3}
SHARE_OF_REAL = 2.0  # a real pair's examples are drawn so many times as often as others of their label
# What these do to a picture is seen from further off than a crop reaches: half of their examples are shrunk first.
SEEN_FROM_AFAR = frozenset({"shadowed", "hazy"})
AFAR_SHARE = 0.5
KEPT_FROM = 0.5  # a teacher's answer is kept where it leaves at most this part of the squared error
PREDICTS_FROM = 192  # side of the held-out crops that quality is measured on
EXAMPLES_A_LABEL = 8


@torch.no_grad()
def start_as_identity(unet: ConditionalUNet) -> None:
    """Before any training the network returns mu: three channels carry it to the end."""
    width = unet.init_conv.out_channels
    middle = unet.init_conv.kernel_size[0] // 2
    unet.init_conv.weight[:3] = 0
    unet.final_res_block.res_conv.weight[:3] = 0
    unet.final_res_block.block2.proj.weight[:3] = 0
    unet.final_conv.weight.mul_(0.1)
    unet.final_conv.bias.zero_()
    for channel in range(3):
        unet.init_conv.weight[channel, 3 + channel, middle, middle] = 1
        unet.final_res_block.res_conv.weight[channel, width + channel] = 1
        unet.final_conv.weight[channel, :3] = 0
        unet.final_conv.weight[channel, channel, 1, 1] = 1
    for module in unet.modules():
        if isinstance(module, LinearAttention):
            module.to_out[1].g.fill_(0.05)
    # A softmax over this many channels divides the prompt by as many.
    unet.prompt.mul_(unet.prompt.shape[1])


def linear_map(inputs: Tensor, outputs: Tensor) -> Tensor:
    """(inputs, outputs): the least squares' solution, held back where the inputs say little."""
    moments = inputs.T @ inputs
    ridge = 1e-7 * moments.trace() / len(moments) * torch.eye(len(moments), dtype=moments.dtype)
    return torch.linalg.solve(moments + ridge, inputs.T @ outputs)


@torch.no_grad()
def follow_encoder(unet: ConditionalUNet, known: np.ndarray, new: np.ndarray) -> None:
    """Goes on with another encoder: the layers that take content embeddings are refitted, so that from what the new one says of
    some pictures they make what they made of the old one's words, as nearly as least squares can.

    `known` and `new` are both encoders' content embeddings of the same pictures, (examples, C). Keys of attention stay: over
    the one token that the content is they decide nothing.
    """
    known, new = (torch.from_numpy(values).double() for values in (known, new))
    content = linear_map(new, known).float().to(unet.init_conv.weight.device)
    for module in unet.modules():
        if isinstance(module, SpatialTransformer):
            for block in module.transformer_blocks:
                block.attn2.to_v.weight.copy_(block.attn2.to_v.weight @ content.T)


def differences(picture: Tensor) -> tuple[Tensor, Tensor]:
    return picture.diff(dim=-1), picture.diff(dim=-2)


def squared_errors(result: Tensor, clean: Tensor, gradient_weight: float = GRADIENT_WEIGHT) -> Tensor:
    """Mean squares of the pixels' errors and half as much of their differences', a value a sample."""
    def mean(values: Tensor) -> Tensor:
        return values.square().flatten(1).mean(dim=1)

    error = result - clean
    return mean(error) + gradient_weight * sum(mean(part) for part in differences(error)) / 2


def decibel_loss(
    result: Tensor, clean: Tensor, gradient_weight: float = GRADIENT_WEIGHT, error_floor: float = ERROR_FLOOR
) -> Tensor:
    """The mean over the samples of their squared errors' logarithms: a decibel counts alike in a dark picture, of which much
    is missing, and in a JPEG, of which little is (NAFNet's loss, arXiv 2204.04676, with the differences).
    """
    return (squared_errors(result, clean, gradient_weight) + error_floor).log().mean()


def predicted(network: Callable[..., Tensor], state: Tensor, mu: Tensor, time: Tensor, contexts: Tensor) -> Tensor:
    """What the network, compiled or as it is, makes of states and degraded pictures, in float32; contexts (B, 2, C)."""
    inputs = (values.contiguous(memory_format=torch.channels_last) for values in (state, mu))
    with half_precision(state.device):
        return network(*inputs, time.to(state.device).float(), contexts[:, 0], contexts[:, 1]).float()


def kept_where_it_restores(answer: Tensor, clean: Tensor, mu: Tensor) -> Tensor:
    """A teacher's answer where it is much nearer to the clean picture than the degraded one is, else the clean picture: of what it
    can't restore there is nothing to keep.
    """
    answer = answer.clamp(0, 1)
    left, arrived = ((values - clean).square().flatten(1).mean(dim=1) for values in (answer, mu))
    return torch.where((left <= KEPT_FROM * arrived)[:, None, None, None], answer, clean)


class RestorationQuality:
    """Mean gain in PSNR of one step from t = T, over held-out crops of each label, and their mean."""

    examples_a_label = EXAMPLES_A_LABEL

    def __init__(self, held_out: Pool, contexts: np.ndarray):
        self.held_out, self.contexts = held_out, contexts

    def restored(self, network: ConditionalUNet, mu: Tensor, contexts: Tensor, noise: torch.Generator) -> Tensor:
        process = MeanRevertingSDE()
        state = mu + process.lam * torch.randn(mu.shape, generator=noise).to(mu.device)
        return predicted(network, state, mu, torch.tensor([process.steps]), contexts).clamp(0, 1)

    def __call__(self, network: ConditionalUNet) -> dict[str, float]:
        gains: dict[str, list[float]] = {}
        noise = torch.Generator().manual_seed(0)
        device = next(network.parameters()).device
        for index, example in enumerate(self.held_out.examples):
            name = example.shown
            if len(gains.setdefault(name, [])) == self.examples_a_label:
                continue
            top, left = ((size - PREDICTS_FROM) // 2 for size in (example.height, example.width))
            clean, mu = (as_batch([picture[top:top + PREDICTS_FROM, left:left + PREDICTS_FROM]]).to(device)
                         for picture in self.held_out.pictures(index))
            result = self.restored(network, mu, torch.from_numpy(self.contexts[index:index + 1]).to(device), noise)
            # A clean picture counts by what it loses against one part in 255.
            before = max(float((mu - clean).square().mean()), 255.0**-2)
            gains[name].append(10 * np.log10(before / max(float((result - clean).square().mean()), 255.0**-2)))
        means = {name: float(np.mean(values)) for name, values in sorted(gains.items()) if values}
        single = [value for name, value in means.items() if name not in (CLEAN, MIXTURE)]
        return {"gain": float(np.mean(single)), **means}


def as_batch(crops: list[np.ndarray]) -> Tensor:
    """Bytes (height, width, 3) to (B, 3, height, width) in 0...1."""
    return torch.from_numpy(np.ascontiguousarray(np.stack(crops).transpose(0, 3, 1, 2))).float() / 255


@dataclass
class Teacher:
    """A network whose answers are kept for some labels: those whose synthetic pictures are unlike the real ones.

    `contexts` are what its own encoder says of the pool, (examples, 2, C).
    """

    network: ConditionalUNet
    contexts: np.ndarray
    labels: frozenset[str]


class CropDrawing:
    """Parts of drawn examples, turned and mirrored, clean and degraded alike."""

    def __init__(self, pool: Pool, shares: dict[str, float], pixels: int, rng: np.random.Generator):
        self.pool, self.pixels, self.rng = pool, pixels, rng
        self.draws = pool.draws(shares, rng, SHARE_OF_REAL)

    def batch(self, side: int) -> tuple[list[np.ndarray], list[np.ndarray], np.ndarray]:
        """Clean and degraded crops (side, side, 3), and the numbers of the examples that they are cut from."""
        clean_crops, degraded_crops = [], []
        indices = np.fromiter(islice(self.draws, max(1, self.pixels // side**2)), int)
        for index in indices:
            clean, degraded = self.pictures(index, side)
            top, left = (int(self.rng.integers(0, size - side + 1)) for size in clean.shape[:2])
            turn, flip = int(self.rng.integers(4)), self.rng.random() < 0.5
            for picture, crops in ((clean, clean_crops), (degraded, degraded_crops)):
                crop = np.rot90(picture[top:top + side, left:left + side], turn)
                crops.append(crop[:, ::-1] if flip else crop)
        return clean_crops, degraded_crops, indices

    def pictures(self, index: int, side: int) -> tuple[np.ndarray, np.ndarray]:
        """An example as it is or, of what is seen from afar, at times shrunk; never to less than a crop's side."""
        pictures = self.pool.pictures(index)
        if not SEEN_FROM_AFAR & set(self.pool.examples[index].labels) or self.rng.random() >= AFAR_SHARE:
            return pictures
        height, width = pictures[0].shape[:2]
        scale = self.rng.uniform(min(1, side / min(height, width)), 1)
        size = max(side, round(width * scale)), max(side, round(height * scale))
        return tuple(np.asarray(Image.fromarray(picture).resize(size, Image.BOX)) for picture in pictures)


class RestorationTraining:
    quality_type = RestorationQuality

    def __init__(self, unet: ConditionalUNet, data: tuple[Pool, np.ndarray], held_out: tuple[Pool, np.ndarray],
                 pixels: int, seed: int, teacher: Teacher | None = None):
        self.unet = unet
        self.pool, self.contexts = data
        self.quality_of = self.quality_type(*held_out)
        self.device = next(unet.parameters()).device
        self.process = MeanRevertingSDE()
        self.rng = np.random.default_rng(seed)
        self.teacher = teacher
        self.drawing = CropDrawing(self.pool, SHARES, pixels, self.rng)

    def drawn_batch(self, side: int) -> tuple[Tensor, Tensor, np.ndarray]:
        """Clean and degraded crops (B, 3, side, side), and the numbers of the examples that they are cut from."""
        clean, degraded, indices = self.drawing.batch(side)
        return self.pictures(clean), self.pictures(degraded), indices

    def drawn_contexts(self, indices: np.ndarray) -> Tensor:
        """The examples' embeddings (B, 2, C), of which some are told another example's degradation."""
        described = self.contexts[indices]
        shares = [CLEAN_STRANGER_SHARE if self.pool.examples[index].shown == CLEAN else STRANGER_SHARE for index in indices]
        strange = self.rng.random(len(indices)) < shares
        described[strange, 0] = self.contexts[self.rng.integers(0, len(self.pool), strange.sum()), 0]
        return self.tensor(described)

    @torch.no_grad()
    def wanted(self, clean: Tensor, state: Tensor, mu: Tensor, time: Tensor, indices: np.ndarray) -> Tensor:
        """What the network should give: the clean picture, or the teacher's answer for a picture of its labels that was spoilt here."""
        if self.teacher is None:
            return clean
        examples = [self.pool.examples[index] for index in indices]
        kept = [place for place, example in enumerate(examples) if not example.is_real and self.teacher.labels & set(example.labels)]
        if not kept:
            return clean
        answer = predicted(self.teacher.network, state[kept], mu[kept], time[kept], self.tensor(self.teacher.contexts[indices[kept]]))
        return clean.index_copy(0, torch.tensor(kept, device=self.device), kept_where_it_restores(answer, clean[kept], mu[kept]))

    def pictures(self, crops: list[np.ndarray]) -> Tensor:
        return as_batch(crops).to(self.device)

    def tensor(self, values: np.ndarray) -> Tensor:
        return torch.from_numpy(values).to(self.device).float()

    @staticmethod
    def side(progress: float) -> int:
        return [side for start, side in CROPS if progress >= start][-1]

    def loss(self, step: int, progress: float) -> Tensor:
        clean, mu, indices = self.drawn_batch(self.side(progress))
        time = torch.from_numpy(self.rng.integers(1, self.process.steps + 1, len(indices)))
        time[torch.from_numpy(self.rng.random(len(indices)) < START_SHARE)] = self.process.steps
        state = self.process.noised(clean, mu, time.to(self.device), torch.randn_like(mu))
        result = predicted(self.unet, state, mu, time, self.drawn_contexts(indices))
        return decibel_loss(result, self.wanted(clean, state, mu, time, indices))

    def quality(self) -> dict[str, float]:
        return self.quality_of(self.unet)


def train_unet(
    unet: ConditionalUNet, data: tuple[Pool, np.ndarray], held_out: tuple[Pool, np.ndarray], folder: Path, budget: Budget,
    pixels: int, rate: float, seed: int, teacher: Teacher | None = None,
    training_type: type[RestorationTraining] = RestorationTraining,
) -> None:
    session = Session("unet", folder, unet, rate, budget, measure_every=150, parts=PARTS)
    training = training_type(unet, data, held_out, pixels, session.seeded(seed), teacher)
    session.run(training.loss, training.quality)
