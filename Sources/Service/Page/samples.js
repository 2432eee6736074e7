// Spoils the page's own photograph in some ways, for those who have none at hand. The same each time.

const samples = {
  dark: { title: "Dark", spoil: (value, noise) => 255 * 0.22 * (value / 255) ** 1.3 + 2 * noise() },
  noisy: { title: "Noisy", spoil: (value, noise) => value + 45 * noise() },
  hazy: { title: "Hazy", spoil: (value, noise, depth) => { const seen = 0.3 + 0.35 * depth; return value * seen + 225 * (1 - seen); } },
  snowy: { title: "Snowy", spoil: (value) => value, draw: drawSnow },
};

/** Numbers from 0 to 1, the same from each start (a linear congruential generator). */
function numbers(state = 7) {
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32;
}

function drawSnow(context, width, height) {
  const next = numbers();
  for (let index = 0; index < 420; index += 1) {
    context.fillStyle = `rgb(255 255 255 / ${0.6 + 0.4 * next()})`;
    context.beginPath();
    context.arc(next() * width, next() * height, 0.8 + 2 * next(), 0, 2 * Math.PI);
    context.fill();
  }
}

function spoiled({ spoil, draw }) {
  const source = find("#sample");
  const canvas = document.createElement("canvas");
  const [width, height] = [canvas.width, canvas.height] = [source.naturalWidth, source.naturalHeight];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(source, 0, 0);
  const image = context.getImageData(0, 0, width, height);
  const next = numbers();
  // Twelve of them together are nearly normal.
  const noise = () => { let sum = -6; for (let count = 0; count < 12; count += 1) sum += next(); return sum; };
  for (let index = 0; index < image.data.length; index += 1) {
    if (index % 4 !== 3) image.data[index] = spoil(image.data[index], noise, Math.floor(index / 4 / width) / height);
  }
  context.putImageData(image, 0, 0);
  draw?.(context, width, height);
  return canvas;
}

async function showSamples() {
  await find("#sample").decode();
  for (const [name, sample] of Object.entries(samples)) {
    const canvas = spoiled(sample);
    canvas.setAttribute("aria-hidden", "true");
    const button = document.createElement("button");
    button.type = "button";
    button.className = "sample";
    button.append(canvas, sample.title);
    button.addEventListener("click", () => {
      canvas.toBlob((blob) => addFiles([new File([blob], `sample-${name}.png`, { type: "image/png" })]), "image/png");
    });
    find("#samples").append(button);
  }
}
