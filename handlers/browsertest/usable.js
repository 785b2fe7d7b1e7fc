"use strict";

// What Usable needs on a page. Each function returns a list of problems, unless it
// says otherwise.
globalThis.usable ??= (() => {
  const controls = "a[href], button, input:not([type=hidden]), select, textarea, summary, [tabindex='0']";

  const shown = (e) =>
    e.checkVisibility({ visibilityProperty: true }) && e.getClientRects().length > 0 && !e.closest("[inert]");

  const words = (e) =>
    (e.getAttribute("aria-label") || e.innerText || e.name || e.id || "").replace(/\s+/g, " ").trim().slice(0, 40);

  const name = (e) => `${e.localName}${e.className && `.${e.className}`} “${words(e)}”`;

  // A link within a sentence is as high as its line.
  const sentences = new Map();
  const inSentence = (e) => {
    if (e.localName !== "a" || getComputedStyle(e).display !== "inline") return false;
    let block = e.parentElement;
    while (getComputedStyle(block).display.startsWith("inline")) block = block.parentElement;
    if (!sentences.has(block)) {
      const other = block.cloneNode(true);
      for (const link of other.querySelectorAll("a, button, svg, .sr")) link.remove();
      sentences.set(block, other.textContent.trim().length > 3);
    }
    return sentences.get(block);
  };

  // The box in which a press counts for the control: its own, its label's, or that of
  // what it stretches over the card or line around it.
  const target = (e) => {
    const box = e.getBoundingClientRect();
    let [left, top, right, bottom] = [box.left, box.top, box.right, box.bottom];
    for (const label of e.labels ?? []) {
      const l = label.getBoundingClientRect();
      if (e.type !== "checkbox" && e.type !== "radio") continue;
      [left, top] = [Math.min(left, l.left), Math.min(top, l.top)];
      [right, bottom] = [Math.max(right, l.right), Math.max(bottom, l.bottom)];
    }
    for (const part of ["::before", "::after"]) {
      const style = getComputedStyle(e, part);
      if (style.content === "none" || style.position !== "absolute") continue;
      let around = e;
      while (getComputedStyle(around).position === "static") around = around.parentElement;
      const a = around.getBoundingClientRect();
      const at = (side) => parseFloat(style[side]) || 0;
      [left, top] = [Math.min(left, a.left + at("left")), Math.min(top, a.top + at("top"))];
      [right, bottom] = [Math.max(right, a.right - at("right")), Math.max(bottom, a.bottom - at("bottom"))];
    }
    return { left, top, right, bottom };
  };

  return {
    // begin returns what has moved since the browser drew the whole page, and what still
    // moves. Then it records where Tab leads.
    begin: async () => {
      const found = [];
      const add = (entries) => {
        for (const entry of entries) {
          if (entry.hadRecentInput || entry.startTime < wholeAt) continue;
          const parts = entry.sources.map(({ node }) => (node?.localName ? name(node) : node?.textContent));
          found.push(`moved by ${entry.value.toFixed(4)} while it loaded: ${parts.join(", ")}`);
        }
      };
      for (let i = 0; i < 2 || !globalThis.wholeAt; i++) await new Promise(requestAnimationFrame);
      const observer = new PerformanceObserver((list) => add(list.getEntries()));
      observer.observe({ type: "layout-shift", buffered: true });
      await new Promise(requestAnimationFrame);
      add(observer.takeRecords());
      observer.disconnect();
      for (const a of document.getAnimations()) found.push(`${a.animationName ?? a.transitionProperty} moves ${name(a.effect.target)} in spite of reduced motion`);
      usable.record();
      return found;
    },

    // weight returns the bytes of the page, its stylesheets, and its scripts.
    weight: () => {
      const all = [...performance.getEntriesByType("navigation"), ...performance.getEntriesByType("resource")];
      return all
        .filter((e) => e.entryType === "navigation" || e.initiatorType === "script" || (e.initiatorType === "link" && /\.css/.test(e.name)))
        .reduce((sum, e) => sum + e.decodedBodySize, 0);
    },

    sideways: () => {
      const root = document.documentElement;
      if (root.scrollWidth <= innerWidth) return [];
      const wide = [...document.body.querySelectorAll("*")].filter((e) => e.getBoundingClientRect().right > innerWidth + 0.5 && shown(e));
      return [`scrolls sideways at ${innerWidth} pixels: ${wide.slice(-1).map(name)}`];
    },

    // A control is as large as a fingertip, 44 pixels, or a link in a sentence. One
    // line of text may be lower if no other control is within a fingertip of its
    // middle, and if it is at least 24 pixels high.
    small: () => {
      const all = [...document.querySelectorAll(controls)].filter((e) => shown(e) && !inSentence(e) && !e.closest(".sr"));
      const boxes = new Map(all.map((e) => [e, target(e)]));
      return all
        .filter((e) => {
          const b = boxes.get(e);
          const [width, height] = [b.right - b.left, b.bottom - b.top];
          if (width >= 43.5 && height >= 43.5) return false;
          if (width < 23.5 || height < 23.5) return true;
          const [x, y] = [(b.left + b.right) / 2, (b.top + b.bottom) / 2];
          return all.some((other) => {
            const o = boxes.get(other);
            if (other === e || other.contains(e) || e.contains(other)) return false;
            const dx = Math.max(o.left - x, 0, x - o.right);
            const dy = Math.max(o.top - y, 0, y - o.bottom);
            return Math.hypot(dx, dy) < 22;
          });
        })
        .map((e) => {
          const b = boxes.get(e);
          return `${name(e)} is ${Math.round(b.right - b.left)} × ${Math.round(b.bottom - b.top)} pixels for a finger`;
        });
    },

    // In forced colors, backgrounds and shadows are gone. A control is known by its
    // border, its words, or its icon.
    bare: () =>
      [...document.querySelectorAll("button, .btn, input:not([type=hidden]), select, textarea")]
        .filter((e) => {
          if (!shown(e) || e.closest(".sr")) return false;
          const style = getComputedStyle(e);
          const bordered = style.borderStyle !== "none" && parseFloat(style.borderTopWidth) + parseFloat(style.borderBottomWidth) > 0;
          return !bordered && style.appearance === "none" && !e.innerText.trim() && !e.querySelector("svg[stroke], svg[fill], svg");
        })
        .map((e) => `${name(e)} cannot be seen in forced colors`),

    // record starts to record where Tab leads.
    record: () => {
      const start = document.createElement("i");
      start.tabIndex = -1;
      document.body.prepend(start);
      start.focus();
      start.remove();
      const stops = [];
      usable.stops = stops;
      document.addEventListener("focusin", (usable.stop = (event) => stops.push([event.target, usable.hidden(event.target)])));
    },

    // missed returns how many controls Tab has not reached. A date has several stops.
    missed: () => {
      const at = usable.stops.map(([e]) => e);
      return usable.reachable().filter((e) => !at.includes(e)).length;
    },

    // reachable returns the controls that Tab must reach.
    reachable: () =>
      [...document.querySelectorAll(controls)].filter((e) => {
        if (!e.checkVisibility({ visibilityProperty: true }) || e.disabled || e.tabIndex < 0 || e.closest("[inert]")) return false;
        if (e.type !== "radio" || e.checked) return true;
        const group = [...document.getElementsByName(e.name)].filter((other) => other.form === e.form);
        return !group.some((other) => other.checked) && group[0] === e;
      }),

    // hidden says why the focus on an element cannot be seen.
    hidden: (e) => {
      let outlined = false;
      for (let around = e, n = 0; around && n < 8; around = around.parentElement, n++) {
        const style = getComputedStyle(around);
        outlined ||= style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
      }
      const at = e.getBoundingClientRect();
      const inside = at.width > 0 && at.bottom > 0 && at.top < innerHeight && at.right > 0 && at.left < innerWidth;
      return (outlined ? "" : " has no outline") + (inside ? "" : " is outside of the window");
    },

    after: () => {
      document.removeEventListener("focusin", usable.stop);
      const at = usable.stops.map(([e]) => e);
      const found = usable.stops.filter(([, hidden]) => hidden).map(([e, hidden]) => `the focus on ${name(e)}${hidden}`);
      for (const e of usable.reachable()) if (!at.includes(e)) found.push(`Tab does not reach ${name(e)}`);
      if (!at[0]?.matches("a.sr[href='#main']")) found.push(`the first stop is ${at[0] ? name(at[0]) : "nothing"}, not a link to the content`);
      else if (!document.querySelector("main#main")) found.push("the link to the content leads nowhere");
      return found;
    },
  };
})();
