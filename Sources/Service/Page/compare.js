// Two pictures over each other with a line between them, which the slider, a finger or the mouse moves; and larger.

class Comparison {
  zooms = [1, 2, 4, 8];
  zoom = 1;

  constructor(card) {
    this.card = card;
    this.stage = find(".stage", card);
    this.pair = find(".pair", card);
    this.split = find(".split", card);
    this.handle = find(".handle", card);
    this.split.addEventListener("input", () => this.place(Number(this.split.value)));
    find(".zoom-in", card).addEventListener("click", () => this.magnify(1));
    find(".zoom-out", card).addEventListener("click", () => this.magnify(-1));
    this.pair.addEventListener("pointerdown", (event) => this.press(event));
    this.stage.addEventListener("wheel", (event) => {
      if (!event.ctrlKey) return;
      event.preventDefault();
      this.magnify(event.deltaY < 0 ? 1 : -1);
    }, { passive: false });
  }

  /** Keeps the place for a picture of this size, so that nothing moves when it comes. */
  reserve(width, height) {
    this.stage.style.setProperty("--ratio", width / height);
    this.stage.style.setProperty("--width", width);
  }

  showBefore(url, name) {
    find(".before", this.card).src = url;
    find(".before", this.card).alt = `${name}, before`;
    this.stage.setAttribute("aria-label", name);
    for (const button of this.card.querySelectorAll(".zoom button")) button.disabled = false;
  }

  async showAfter(url, name) {
    const after = find(".after", this.card);
    after.src = url;
    after.alt = `${name}, after`;
    await after.decode().catch(() => {});
    after.hidden = this.handle.hidden = false;
    this.split.disabled = false;
    this.place(50);
  }

  hideAfter() {
    find(".after", this.card).hidden = this.handle.hidden = true;
    this.split.disabled = true;
  }

  /** @param percent of the width that shows the picture before. */
  place(percent) {
    const within = Math.min(Math.max(percent, 0), 100);
    this.split.value = within;
    this.split.setAttribute("aria-valuetext", `${Math.round(within)} percent before, the rest after`);
    this.pair.style.setProperty("--split", `${within}%`);
  }

  magnify(by) {
    const index = this.zooms.indexOf(this.zoom) + by;
    if (index < 0 || index >= this.zooms.length) return;
    const { stage } = this;
    const middle = (start, size) => (start + size / 2) / this.zoom;
    const [x, y] = [middle(stage.scrollLeft, stage.clientWidth), middle(stage.scrollTop, stage.clientHeight)];
    this.zoom = this.zooms[index];
    this.pair.style.setProperty("--zoom", this.zoom);
    stage.classList.toggle("large", this.zoom > 1);
    stage.scrollTo(x * this.zoom - stage.clientWidth / 2, y * this.zoom - stage.clientHeight / 2);
    find(".zoom-now", this.card).textContent = `${this.zoom}x`;
  }

  /** The line follows the pointer; a magnified picture is moved where it isn't taken by the line. */
  press(event) {
    const takesLine = event.target === this.handle || (this.zoom === 1 && !this.split.disabled);
    const movesPicture = !takesLine && this.zoom > 1 && event.pointerType === "mouse";
    if (event.button !== 0 || !(takesLine || movesPicture)) return;
    event.preventDefault();
    this.pair.setPointerCapture(event.pointerId);
    const from = { x: event.clientX + this.stage.scrollLeft, y: event.clientY + this.stage.scrollTop };
    const move = ({ clientX, clientY }) => {
      if (movesPicture) return this.stage.scrollTo(from.x - clientX, from.y - clientY);
      const { left, width } = this.pair.getBoundingClientRect();
      this.place((100 * (clientX - left)) / width);
    };
    move(event);
    this.pair.addEventListener("pointermove", move);
    const end = () => this.pair.removeEventListener("pointermove", move);
    this.pair.addEventListener("pointerup", end, { once: true });
    this.pair.addEventListener("pointercancel", end, { once: true });
  }
}
