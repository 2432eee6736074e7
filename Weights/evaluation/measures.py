"""How close two pictures are: PSNR, SSIM, multi-scale SSIM and gradient-magnitude similarity deviation. numpy alone.

Pictures are (height, width, 3) arrays of 0...255; everything is computed in double.
"""

import numpy as np


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    error = np.mean((one.astype(np.float64) - other) ** 2)
    return float("inf") if error == 0 else float(20 * np.log10(255 / np.sqrt(error)))


def gaussian_window(size: int = 11, sigma: float = 1.5) -> np.ndarray:
    offset = np.arange(size) - (size - 1) / 2
    window = np.exp(-offset**2 / (2 * sigma**2))
    return window / window.sum()


def filtered(picture: np.ndarray, window: np.ndarray) -> np.ndarray:
    """The separable filter, only where the window fits."""
    size = len(window)
    height, width = picture.shape[0] - size + 1, picture.shape[1] - size + 1
    rows = sum(weight * picture[index:index + height] for index, weight in enumerate(window))
    return sum(weight * rows[:, index:index + width] for index, weight in enumerate(window))


def ssim_maps(one: np.ndarray, other: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The whole index, and its contrast-structure part, at each place (Wang et al., 2004)."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    window = gaussian_window(min(11, one.shape[0], one.shape[1]))
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    mean1, mean2 = filtered(one, window), filtered(other, window)
    variance1 = filtered(one**2, window) - mean1**2
    variance2 = filtered(other**2, window) - mean2**2
    covariance = filtered(one * other, window) - mean1 * mean2
    structure = (2 * covariance + c2) / (variance1 + variance2 + c2)
    return (2 * mean1 * mean2 + c1) / (mean1**2 + mean2**2 + c1) * structure, structure


def ssim(one: np.ndarray, other: np.ndarray) -> float:
    return float(ssim_maps(one, other)[0].mean())


def halved(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[0] // 2 * 2, picture.shape[1] // 2 * 2
    picture = picture[:height, :width]
    return (picture[::2, ::2] + picture[1::2, ::2] + picture[::2, 1::2] + picture[1::2, 1::2]) / 4


def multiscale_ssim(one: np.ndarray, other: np.ndarray) -> float:
    """Wang, Simoncelli and Bovik, 2003: five scales, fewer (weights renormalised) for pictures under 176 pixels."""
    one, other = one.astype(np.float64), other.astype(np.float64)
    weights = np.array([0.0448, 0.2856, 0.3001, 0.2363, 0.1333])
    scales = 1
    while scales < len(weights) and min(one.shape[:2]) >> scales >= 11:
        scales += 1
    weights = weights[:scales] / weights[:scales].sum()
    result = 1.0
    for scale, weight in enumerate(weights):
        whole, structure = (values.mean() for values in ssim_maps(one, other))
        result *= max(whole if scale == scales - 1 else structure, 0) ** weight
        one, other = halved(one), halved(other)
    return float(result)


def luma(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def gradient_deviation(one: np.ndarray, other: np.ndarray) -> float:
    """GMSD (Xue et al., 2014) of the luma: 0 where pictures agree, more is worse."""
    def magnitude(grey: np.ndarray) -> np.ndarray:
        grey = np.pad(halved(grey), 1, mode="edge")
        columns = (grey[:-2] + grey[1:-1] + grey[2:]) / 3
        rows = (grey[:, :-2] + grey[:, 1:-1] + grey[:, 2:]) / 3
        return np.hypot(columns[:, 2:] - columns[:, :-2], rows[2:] - rows[:-2])

    first, second = magnitude(luma(one)), magnitude(luma(other))
    similarity = (2 * first * second + 170) / (first**2 + second**2 + 170)
    return float(similarity.std())


def all_measures(one: np.ndarray, other: np.ndarray) -> dict[str, float]:
    """100 dB stands for identical."""
    return {
        "psnr": min(psnr(one, other), 100.0), "ssim": ssim(one, other), "ms_ssim": multiscale_ssim(one, other),
        "gmsd": gradient_deviation(one, other),
    }
