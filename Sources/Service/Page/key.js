// Asks for the API key. It is kept in this tab's session storage and nowhere else.

const keyDialog = find("#key-dialog");
let askedForKey = null;

/** Whether a key was entered. Whoever asks while the dialog is open waits for the same answer. */
function askForKey(isWrong) {
  find("#key-text").textContent = isWrong
    ? "The service doesn't take this key. See whether it is whole, or ask whoever runs the service."
    : "This service asks for a key. Whoever runs it hands them out.";
  askedForKey ??= new Promise((resolve) => {
    find("#key").value = "";
    keyDialog.returnValue = "";
    keyDialog.showModal();
    keyDialog.addEventListener("close", () => {
      askedForKey = null;
      resolve(keyDialog.returnValue === "entered");
    }, { once: true });
  });
  return askedForKey;
}

function useKey(value) {
  key = value;
  keyStore.set(value);
  find("#key-button").textContent = value ? "API key: entered" : "API key";
}

find("#key-form").addEventListener("submit", (event) => {
  event.preventDefault();
  const value = find("#key").value.trim();
  // Nothing else fits a header field.
  if (!/^[\x21-\x7e]+$/.test(value)) {
    find("#key-text").textContent = "A key has letters, digits and signs without blanks.";
    return;
  }
  useKey(value);
  keyDialog.close("entered");
});
find("#key-forget").addEventListener("click", () => { useKey(""); keyDialog.close("forgotten"); });
find("#key-cancel").addEventListener("click", () => keyDialog.close("cancelled"));
find("#key-button").addEventListener("click", async () => { if (await askForKey(false)) loadCapabilities(); });
useKey(key);
