"""What the restoration network is told of the degradation: which labels the encoder finds, and nothing else.

An encoder's words for real pictures lie elsewhere than those for synthetic ones, also where the label is right, and a network that
takes them as they are makes little of them: on three real shadows it lost 1.7 dB, and told their label alone it gained 10.7.
How strong the degradation is can be seen in the picture.
"""

from __future__ import annotations

import torch
from torch import Tensor

from .unet import ConditionalUNet

# Of the softmax over an embedding's components along the labels' features. So large that the first label is told nearly alone:
# of haze that may as well be none, half of each label made the worst of both.
SHARPNESS = 20.0
NEVER = -10_000.0  # the logit of channels that stand for no label
# The prompt's value. Muon moves every entry of the matrix behind it by a part of the rate, so the larger this is, the faster
# labels learn.
PROMPT = 4.0


@torch.no_grad()
def label_prompts(
    unet: ConditionalUNet, embeddings: Tensor, features: Tensor, shown: list[str], labels: list[str],
) -> Tensor:
    """(labels, time width): for each label the mean of what the network now makes of the degradation embeddings of its pictures,
    of those that are named rightly where there are such, and of all pictures where it has none.

    `embeddings` (pictures, C), the `features` of the encoder that gave them, (known labels, C), which are the first of `labels`,
    and what each picture shows.
    """
    made = unet.prompted(embeddings)
    found = [labels[row] for row in (embeddings @ features.T).argmax(dim=1).tolist()]
    rows = []
    for label in labels:
        places = [place for place, name in enumerate(shown) if name == label]
        # Of a network that is told labels already, a picture named wrongly would bring another label's prompt.
        places = [place for place in places if found[place] == label] or places
        rows.append((made[places] if places else made).mean(dim=0))
    return torch.stack(rows)


@torch.no_grad()
def tell_labels(unet: ConditionalUNet, features: Tensor, prompts: Tensor) -> None:
    """From then on the network's first prompt channels are the labels' probabilities in a degradation embedding, by these
    `features` (labels, C), and stay so while it is trained; each label begins with its row of `prompts`.

    The layers are those of `model.md`, so nothing that runs the network has to know of it.
    """
    first, _, second = unet.text_mlp
    count, width = features.shape
    if 2 * count > first.out_features:
        raise ValueError(f"{count} labels want {2 * count} channels, the network has {first.out_features}")
    for values in (first.weight, first.bias, second.weight, unet.prompt, unet.prompt_mlp.weight, unet.prompt_mlp.bias):
        values.zero_()
    # SiLU(x) - SiLU(-x) = x.
    first.weight[:count], first.weight[count:2 * count] = features, -features
    labels = torch.arange(count)
    second.weight[labels, labels], second.weight[labels, count + labels] = SHARPNESS, -SHARPNESS
    second.bias.fill_(NEVER)
    second.bias[:count] = 0
    unet.prompt[:, :count] = PROMPT
    unet.prompt_mlp.weight[:, :count] = prompts.T / PROMPT
    unet.text_mlp.requires_grad_(False)
    unet.prompt.requires_grad_(False)
