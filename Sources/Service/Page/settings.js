// What the service can do, and what is asked of it: the settings that the chosen weights have a use for.

const options = find("#options");
const field = (name) => options.elements.namedItem(name);
/** As `/capabilities` has it. */
let capabilities = { bundles: [], limits: {} };

const ways = { auto: "what suits the picture", fast: "fast, in one pass", photo: "thorough, by diffusion" };

const usable = () => capabilities.bundles.filter((bundle) => bundle.state !== "broken");
/** The weights that are chosen; an empty one until they are known. */
const bundle = () => usable().find(({ name }) => name === field("bundle").value) ?? usable()[0] ?? {};

function fill(name, entries) {
  const select = field(name);
  const before = select.value;
  select.replaceChildren(...entries.map(([value, text]) => new Option(text, value)));
  if (entries.some(([value]) => value === before)) select.value = before;
}

/** Shows what the chosen weights take, and their own values where nothing is chosen. */
function showOptions() {
  fill("bundle", usable().map(({ name }) => [name, name]));
  const chosen = bundle();
  const { labels = [], modes = [], samplers = [], options: taken = [], text_tower: takesWords, draws_guidance: canDraw } = chosen;
  // What nothing is wrong with is left alone.
  const treated = labels.filter((label) => label !== "clean");
  showReference(taken.includes("reference"), canDraw);
  const unused = canDraw && !drawsReference() ? ["sampler", "steps", "seed"] : [];
  fill("mode", [["", ways.auto], ...modes.map((mode) => [mode, ways[mode] ?? mode])]);
  fill("degradation", [["", "found by itself"], ...treated.map((label) => [label, label])]);
  fill("rounds", [["", "1"], ...[2, 3, 4, 5, 6, 7].map((count) => [String(count), String(count)]), ["auto", "as many as help"]]);
  fill("sampler", [["", "as the weights advise"], ...samplers.map(({ name }) => [name, name])]);
  find("#labels").replaceChildren(...treated.map((label) => new Option(label)));
  for (const label of options.querySelectorAll("[data-option]")) {
    const { option, kind } = label.dataset;
    const isOffered = option === "bundle" ? usable().length > 1
      : taken.includes(option) && !unused.includes(option) && (option !== "mode" || modes.length > 1);
    label.hidden = !isOffered || (kind !== undefined && (kind === "written") !== Boolean(takesWords));
  }
  boundSteps();
}

function boundSteps() {
  const { samplers = [], default_steps: standard } = bundle();
  const sampler = samplers.find(({ name }) => name === field("sampler").value);
  const steps = field("steps");
  const bounds = sampler ?? samplers[0] ?? {};
  steps.min = bounds.fewest_steps ?? 1;
  steps.max = bounds.most_steps ?? 100;
  steps.placeholder = sampler?.default_steps ?? standard ?? "";
}

/** The parameters of a request, those alone that are shown and set. */
function parameters() {
  const values = new URLSearchParams();
  const set = (name, control = name) => {
    const element = field(control);
    const value = element.type === "checkbox" ? (element.checked ? "true" : "") : element.value.trim();
    if (value && !element.closest("label").hidden) values.set(name, value);
  };
  for (const name of ["bundle", "mode", "prompt", "sampler", "steps", "rounds", "seed", "force"]) set(name);
  if (!values.has("prompt")) {
    set("degradation");
    set("degradation", "degradation-words");
  }
  if (values.has("degradation")) values.delete("rounds");
  if (drawsReference()) values.set("guidance", "words");
  if (field("format").value !== "png") values.set("format", field("format").value);
  return values;
}

/** Asks the service what it can do, until it can be asked. */
async function loadCapabilities() {
  for (let seconds = 1; ; seconds = Math.min(2 * seconds, 15)) {
    try {
      capabilities = await (await call("capabilities")).json();
      showOptions();
      if (capabilities.bundles.length > 0) return notice("");
      notice("The service is starting: its weights are being loaded.");
    } catch (error) {
      notice(error.message);
      if (error.kind === "unauthorized") return;
    }
    await pause(seconds);
  }
}

function notice(text) {
  find("#notice").hidden = !text;
  find("#notice").textContent = text;
  announce(text);
}

/** For those who listen to the page. */
function announce(text) {
  find("#announcements").textContent = text;
}

field("bundle").addEventListener("change", showOptions);
field("sampler").addEventListener("change", boundSteps);
options.addEventListener("submit", (event) => event.preventDefault());
