// One photograph on the page: what is wrong with it, how far its restoration is, and what came of it.

class Card {
  /** `preparing`, then `ready`; `waiting` and `working` once a restoration is asked for; `done`, `failed` or `cancelled`. */
  state = "preparing";
  result = null;
  addresses = [];

  constructor(file) {
    this.file = file;
    this.name = file.name || "pasted picture";
    this.element = find("#card").content.cloneNode(true).firstElementChild;
    this.comparison = new Comparison(this.element);
    this.part("h3").textContent = this.name;
    this.part("progress").setAttribute("aria-label", `Progress of ${this.name}`);
    for (const [action, act] of Object.entries({
      restore: () => this.ask(), cancel: () => this.cancel(), download: () => this.download(), remove: () => this.remove(),
    })) {
      const button = this.part(`.${action}`);
      button.setAttribute("aria-label", `${button.textContent} ${this.name}`);
      button.addEventListener("click", act);
    }
    this.showBars([]);
    this.become("preparing", "Reading the file.");
  }

  part(selector) { return find(selector, this.element); }

  address(blob) {
    const address = URL.createObjectURL(blob);
    this.addresses.push(address);
    return address;
  }

  /** @param spoken whether listeners are told as well: of what changes, not of every step. */
  become(state, message, spoken = state !== this.state) {
    this.state = state;
    this.element.className = `card ${state}`;
    this.part(".message").textContent = message;
    const isBusy = state === "waiting" || state === "working";
    this.part(".restore").disabled = isBusy || state === "preparing" || !this.picture;
    this.part(".cancel").disabled = !isBusy;
    this.part(".download").disabled = isBusy || !this.result;
    if (spoken) announce(`${this.name}: ${message}`);
    showTotals();
  }

  fail(error) {
    this.progress(0);
    this.become("failed", error instanceof ServiceProblem ? error.message : `Something went wrong in this page: ${error.message}`);
  }

  progress(part) {
    if (part === null) this.part("progress").removeAttribute("value"); else this.part("progress").value = part;
  }

  // MARK: before the restoration

  async prepare() {
    try {
      this.picture = await prepared(this.file);
      this.comparison.reserve(this.picture.width, this.picture.height);
      this.comparison.showBefore(this.address(this.picture.blob), this.name);
      this.become("ready", `${this.picture.note}${this.picture.width} x ${this.picture.height} pixels.`);
    } catch (error) {
      this.fail(error);
    }
  }

  async classify() {
    const { classifier, name } = bundle();
    if (!this.picture || !classifier) return;
    try {
      const query = usable().length > 1 ? `?bundle=${encodeURIComponent(name)}` : "";
      const { probabilities } = await (await this.send(`classify${query}`)).json();
      this.showBars(probabilities);
    } catch {
      // The restoration says what is wrong with the picture, or that the service is away.
    }
  }

  send(path, options = {}) {
    return call(path, {
      ...options, method: "POST", body: this.picture.blob,
      headers: { ...options.headers, "Content-Type": "application/octet-stream" },
    });
  }

  /** With the reference that was chosen, in a form; else the picture alone. */
  sendForRestoration(path, options) {
    if (!this.reference) return this.send(path, options);
    const form = new FormData();
    form.append("image", this.picture.blob);
    form.append("reference", this.reference);
    return call(path, { ...options, method: "POST", body: form });
  }

  showBars(probabilities) {
    this.part("h4").hidden = probabilities.length === 0;
    this.part(".bars").replaceChildren(...probabilities.map(({ label, probability }) => {
      const item = document.createElement("li");
      const [name, value, bar, fill] = ["span", "span", "div", "div"].map((kind) => document.createElement(kind));
      name.textContent = label;
      value.textContent = `${Math.round(100 * probability)} %`;
      bar.className = "bar";
      fill.style.width = `${100 * probability}%`;
      bar.append(fill);
      item.append(name, value, bar);
      return item;
    }));
  }

  // MARK: the restoration

  /** Puts it in the page's queue. */
  ask() {
    if (!options.reportValidity()) {
      find("#settings").open = true;
      options.reportValidity();
      return;
    }
    this.wanted = parameters();
    this.reference = referenceFile();
    this.become("waiting", "Waits for the other photographs of this page.");
    this.progress(null);
    queue.add(this);
  }

  /** Returns when it is over, whatever came of it. Work that the service can't take now is tried again. */
  async run() {
    const { signal } = this.stop = new AbortController();
    while (!signal.aborted) {
      try {
        this.become("working", "Sends the picture.");
        return await this.restore(signal);
      } catch (error) {
        if (signal.aborted) return;
        if (!error.passes) return this.fail(error);
        this.job = null;
        const seconds = Math.min(error.retryAfter, 60);
        this.become("working", `${error.message} In ${seconds} s.`, true);
        await pause(seconds);
      }
    }
  }

  async restore(signal) {
    const answer = await this.sendForRestoration(`restore?${this.wanted}`, { headers: { Prefer: "respond-async" }, signal });
    let job = this.job = await answer.json();
    this.showJob(job);
    for await (const state of jobStates(job.id, signal)) {
      this.showJob(job = state);
      if (state.state !== "queued" && state.state !== "running") break;
    }
    if (job.state === "failed") throw problemIn(job.problem ?? {}, job.problem?.status ?? 500, 0);
    if (job.state === "cancelled") return this.become("cancelled", "Cancelled.");
    const result = await call(`jobs/${job.id}/result`, { signal });
    await this.take(result, job.guidance ? await this.guidance(job, signal) : null);
    // Its memory is the service's; nobody else asks for it.
    call(`jobs/${job.id}`, { method: "DELETE" }).catch(() => {});
    this.job = null;
  }

  /** What was drawn to restore with; null where it can't be had, which is no reason to lose the result. */
  async guidance({ id }, signal) {
    try {
      return await (await call(`jobs/${id}/guidance`, { signal })).blob();
    } catch (error) {
      if (signal.aborted) throw error;
      return null;
    }
  }

  showJob({ state, queue_position: place = 0, step = 0, steps = 0, estimated_seconds: left }) {
    if (this.state !== "working") return;
    if (state === "queued") {
      this.progress(null);
      this.become("working", place > 0 ? `Waits in the service's queue: ${place} before it.` : "Is the next in the service's queue.");
    } else if (state === "running") {
      this.progress(steps > 0 ? step / steps : null);
      const rest = left === undefined ? "" : `, about ${left < 1 ? "1" : Math.round(left)} s left`;
      this.become("working", `Step ${step} of ${steps}${rest}.`);
    }
  }

  showDrawn(blob) {
    const figure = this.part(".drawn");
    figure.hidden = !blob;
    if (!blob) return;
    find("img", figure).src = this.address(blob);
    find("img", figure).alt = `${this.name}: what was drawn to restore it with`;
  }

  /** @param drawn what it was restored with the help of; null for nothing that is to be shown. */
  async take(response, drawn) {
    const head = (name) => response.headers.get(`Restored-${name}`);
    const blob = await response.blob();
    this.result = { address: this.address(blob), ending: blob.type === "image/jpeg" ? "jpg" : "png" };
    this.showDrawn(drawn);
    await this.comparison.showAfter(this.result.address, this.name);
    this.progress(1);
    const declined = head("Declined");
    const message = declined ? `Left as it was: ${reasons[declined] ?? declined}.`
      : head("Unchanged") ? "Nothing seems to be wrong with it, so it is as it was." : "Restored.";
    const help = declined || head("Unchanged") ? " The settings can ask for it all the same." : "";
    this.become("done", message + help);
    const facts = [];
    const sure = head("Confidence");
    if (head("Degradation")) facts.push(`Found: ${decodeURIComponent(head("Degradation"))}${sure ? ` (${Math.round(100 * sure)} % sure)` : ""}`);
    if (head("Mode")) facts.push(`way: ${head("Mode")}`);
    if (head("Steps") && !head("Unchanged")) facts.push(`${head("Steps")} ${head("Steps") === "1" ? "step" : "steps"} of ${head("Sampler")}`, `seed ${head("Seed")}`);
    facts.push(`weights ${head("Bundle")}`, `${(blob.size / 1024).toFixed(0)} KiB`);
    this.part(".facts").textContent = `${facts.join(", ")}.`;
    if (bundle().options === undefined) loadCapabilities();
  }

  // MARK: what its buttons do

  cancel() {
    this.become("cancelled", "Cancelled.");
    this.progress(0);
    queue.leave(this);
    this.stop?.abort();
    if (this.job) call(`jobs/${this.job.id}`, { method: "DELETE" }).catch(() => {});
    this.job = null;
  }

  /** Nobody can fetch its result any more. The request outlives the page. */
  abandon() {
    if (this.job) call(`jobs/${this.job.id}`, { method: "DELETE", keepalive: true }).catch(() => {});
  }

  download() {
    const link = document.createElement("a");
    link.href = this.result.address;
    link.download = `${this.name.replace(/\.[^.]*$/, "")}-restored.${this.result.ending}`;
    link.click();
  }

  remove() {
    if (this.state === "waiting" || this.state === "working") this.cancel();
    for (const address of this.addresses) URL.revokeObjectURL(address);
    cards.splice(cards.indexOf(this), 1);
    const next = this.element.nextElementSibling ?? this.element.previousElementSibling;
    this.element.remove();
    showTotals();
    // Whoever works with keys stays where they were.
    (next ? find(".remove", next) : find("#pictures-title")).focus();
  }
}
