"use strict";

// Tells when the browser has drawn the whole document once. A busy machine may draw half of
// it before.
{
  const look = () =>
    requestAnimationFrame(document.readyState === "loading" ? look : () => { globalThis.wholeAt = performance.now(); });
  requestAnimationFrame(look);
}
