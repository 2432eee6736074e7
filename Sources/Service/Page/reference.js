// A second picture, from which all photographs may borrow: one that is chosen, or one that is drawn for each of them. Shown
// where the chosen weights have a use for one.

/** What `prepared` made of the file that was chosen; null for none. */
let reference = null;
let referenceAddress = "";

const referencePlace = find("#reference");

/** Whether one is drawn in place of one that is chosen. */
const drawsReference = () => !referencePlace.hidden && !find("#draw-label").hidden && find("#draw").checked;

/** The file to send along; null where there is none, the weights take none, or one is drawn. */
const referenceFile = () => (referencePlace.hidden || drawsReference() ? null : reference?.blob ?? null);

/** @param canDraw whether the weights draw one where that is asked for. */
function showReference(isTaken, canDraw) {
  referencePlace.hidden = !isTaken;
  find("#draw-label").hidden = !canDraw;
}

function setReference(picture, name = "") {
  if (referenceAddress) URL.revokeObjectURL(referenceAddress);
  reference = picture;
  referenceAddress = picture ? URL.createObjectURL(picture.blob) : "";
  const shown = find("#reference-shown");
  shown.hidden = !picture;
  if (picture) shown.src = referenceAddress; else shown.removeAttribute("src");
  shown.alt = picture ? `The reference: ${name}` : "";
  find("#reference-remove").hidden = !picture;
  if (picture && find("#draw").checked) find("#draw").click();
  find("#reference-note").textContent = picture ? `${picture.note}${name}, ${picture.width} x ${picture.height} pixels.` : "or drop one here";
  announce(picture ? `Reference: ${name}` : "No reference.");
}

async function chooseReference(file) {
  if (!file) return;
  try {
    setReference(await prepared(file), file.name || "pasted picture");
  } catch (error) {
    find("#reference-note").textContent = error.message;
    announce(error.message);
  }
}

find("#reference-choose").addEventListener("click", () => find("#reference-file").click());
find("#reference-file").addEventListener("change", ({ target }) => {
  chooseReference(target.files[0]);
  // So that the same file can be chosen again.
  target.value = "";
});
find("#reference-remove").addEventListener("click", () => {
  setReference(null);
  find("#reference-choose").focus();
});
// What is drawn is sampled, which has settings of its own.
find("#draw").addEventListener("change", () => showOptions());
