// What the network was given, in forms that can be passed on: the end of a link, and a tensor for PyTorch.

"use strict";

digitlab.share = (() => {
  const LINK = "#digit=";

  /**
   * The pixels as bytes, where a run of n zeros is a zero and n - 1, in base64 with the two characters that links do
   * not like replaced.
   *
   * @param {Uint8Array} pixels
   */
  function toLink(pixels) {
    let bytes = "";
    for (let i = 0; i < 784; i++) {
      bytes += String.fromCharCode(pixels[i]);
      if (pixels[i] > 0) continue;
      let run = 1;
      while (i + run < 784 && run < 256 && pixels[i + run] === 0) run++;
      bytes += String.fromCharCode(run - 1);
      i += run - 1;
    }
    return LINK + btoa(bytes).replace(/\+/g, "-").replace(/\//g, "_").replace(/=/g, "");
  }

  /**
   * The pixels of a link; null where they cannot be read, since anybody can write a link. Else there is none.
   *
   * @type {(hash: string) => Uint8Array | null | undefined}
   */
  function fromLink(hash) {
    if (!hash.startsWith(LINK)) return undefined;
    const text = hash.slice(LINK.length);
    if (text.length > 2100 || !/^[A-Za-z0-9_-]+$/.test(text) || text.length % 4 === 1) return null;
    const bytes = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    const pixels = new Uint8Array(784);
    let filled = 0;
    for (let i = 0; i < bytes.length; i++) {
      const value = bytes.charCodeAt(i);
      const run = value > 0 ? 1 : bytes.charCodeAt(++i) + 1; // NaN where the link is cut off
      if (!(filled + run <= 784)) return null;
      pixels[filled] = value;
      filled += run;
    }
    return filled === 784 ? pixels : null;
  }

  /** @param {Uint8Array} pixels */
  function toTensor(pixels) {
    const { MEAN, STD } = digitlab.network;
    const rows = Array.from({ length: 28 }, (_, row) => `    [${pixels.slice(28 * row, 28 * row + 28).join(", ")}],`);
    return `import torch

# 28 x 28 pixels, 0 paper to 255 ink, as the network gets them.
pixels = torch.tensor([
${rows.join("\n")}
], dtype=torch.uint8)
images = ((pixels.float() / 255 - ${MEAN}) / ${STD}).view(1, 1, 28, 28)
`;
  }

  return { toLink, fromLink, toTensor };
})();
