// Takes photographs in, and works on some of them at the same time.

const cards = [];

/** Restorations that were asked for. Each holds a connection, of which browsers open six to a server. */
const queue = {
  most: 3,
  waiting: [],
  running: 0,
  add(card) {
    this.waiting.push(card);
    this.next();
  },
  leave(card) {
    this.waiting = this.waiting.filter((other) => other !== card);
  },
  next() {
    while (this.running < this.most && this.waiting.length > 0) {
      this.running += 1;
      this.waiting.shift().run().finally(() => {
        this.running -= 1;
        this.next();
      });
    }
  },
};

function addFiles(files) {
  const added = [...files].map((file) => new Card(file));
  cards.push(...added);
  find("#pictures").append(...added.map((card) => card.element));
  showTotals();
  return Promise.all(added.map(async (card) => {
    await card.prepare();
    const look = card.classify();
    if (card.state === "ready" && field("at-once").checked) card.ask();
    await look;
  }));
}

function showTotals() {
  find("#nothing").hidden = cards.length > 0;
  find("#remove-all").disabled = cards.length === 0;
  find("#restore-all").disabled = !cards.some((card) => card.picture && !["waiting", "working"].includes(card.state));
}

/** Pictures among what was dropped or pasted. */
const pictures = (data) => [...(data?.files ?? [])].filter(({ type, name }) =>
  type.startsWith("image/") || /\.(heic|heif|avif|webp)$/i.test(name));

const isOverReference = ({ target }) => target instanceof Element && referencePlace.contains(target);

function aimNowhere() {
  find("#intake").classList.remove("aimed");
  referencePlace.classList.remove("aimed");
}

find("#choose").addEventListener("click", () => find("#files").click());
find("#files").addEventListener("change", ({ target }) => {
  addFiles(target.files);
  // So that the same file can be chosen again.
  target.value = "";
});
find("#restore-all").addEventListener("click", () => {
  for (const card of cards) if (!card.part(".restore").disabled) card.ask();
});
find("#remove-all").addEventListener("click", () => { for (const card of [...cards]) card.remove(); });

document.addEventListener("paste", (event) => {
  const files = pictures(event.clipboardData);
  if (files.length > 0) event.preventDefault();
  addFiles(files);
});
document.addEventListener("dragover", (event) => {
  if (![...event.dataTransfer.types].includes("Files")) return;
  event.preventDefault();
  find("#intake").classList.toggle("aimed", !isOverReference(event));
  referencePlace.classList.toggle("aimed", isOverReference(event));
});
document.addEventListener("dragleave", (event) => {
  if (event.relatedTarget === null) aimNowhere();
});
document.addEventListener("drop", (event) => {
  aimNowhere();
  if (event.dataTransfer.files.length === 0) return;
  event.preventDefault();
  const files = pictures(event.dataTransfer);
  if (files.length > 0 && isOverReference(event)) chooseReference(files[0]);
  else if (files.length > 0) addFiles(files); else notice(sentences["not-shown"]);
});
window.addEventListener("offline", () => notice("This device is offline. What runs in the service goes on."));
window.addEventListener("online", () => loadCapabilities());
// Leaving would lose what is not yet done.
window.addEventListener("beforeunload", (event) => {
  if (cards.some(({ state }) => state === "working" || state === "waiting")) event.preventDefault();
});
// Who leaves all the same takes along what was begun: its result could not be found again.
window.addEventListener("pagehide", () => { for (const card of cards) card.abandon(); });

showSamples();
loadCapabilities();
