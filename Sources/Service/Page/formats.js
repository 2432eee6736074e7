// Makes of any file that the browser can show one that the service can read.

/** The file to send, its size as displayed, and what was done to it. Throws a ServiceProblem. */
async function prepared(file) {
  const start = new Uint8Array(await file.slice(0, 8).arrayBuffer());
  const begins = (...bytes) => bytes.every((byte, index) => start[index] === byte);
  const isTaken = begins(0xff, 0xd8, 0xff) ? !(await isFourColour(file)) : begins(0x89, 0x50, 0x4e, 0x47);
  let picture;
  try {
    picture = await createImageBitmap(file);
  } catch {
    // The service says of a JPEG or PNG what is wrong with it.
    if (isTaken) return { blob: file, width: 3, height: 2, note: "" };
    throw new ServiceProblem("not-shown", 0, sentences["not-shown"]);
  }
  const { width, height } = picture;
  const blob = isTaken ? file : await converted(picture);
  picture.close();
  return { blob, width, height, note: isTaken ? "" : "Converted in this page, since the service reads JPEG and PNG. " };
}

/** Whether a JPEG has four colours, as for print, which the service doesn't read: so its frame says, which follows segments of any length. */
async function isFourColour(file) {
  for (let place = 2; place + 10 <= file.size;) {
    const [mark, kind, high, low, , , , , , components] = new Uint8Array(await file.slice(place, place + 10).arrayBuffer());
    if (mark !== 0xff) return false;
    if (kind === 0xff) { place += 1; continue; }
    const isFrame = kind >= 0xc0 && kind <= 0xcf && ![0xc4, 0xc8, 0xcc].includes(kind);
    if (isFrame || kind === 0xda) return isFrame && components === 4;
    place += 2 + (high << 8 | low);
  }
  return false;
}

/** A PNG, which loses nothing; where that would be too large to send, a JPEG. */
async function converted(picture) {
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  canvas.getContext("2d").drawImage(picture, 0, 0);
  const encoded = (type) => new Promise((resolve) => canvas.toBlob(resolve, type, 0.95));
  let blob = await encoded("image/png");
  if (blob && blob.size > (capabilities.limits?.["body-limit"]?.value ?? Infinity)) blob = await encoded("image/jpeg");
  if (!blob) throw new ServiceProblem("not-shown", 0, sentences["not-shown"]);
  return blob;
}
