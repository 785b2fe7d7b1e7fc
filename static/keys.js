"use strict";

// The keys of staff pages. A key alone does something only while nobody types, and people
// can turn such keys off.
{
  const palette = document.getElementById("palette");
  const keys = document.getElementById("shortcuts");
  const on = document.getElementById("keys-on");
  const setting = "fieldbridge-keys";

  try {
    on.checked = localStorage.getItem(setting) !== "off";
  } catch {
    // The browser keeps nothing. The keys work.
  }
  on.addEventListener("change", () => {
    try {
      localStorage.setItem(setting, on.checked ? "on" : "off");
    } catch {
      // It holds until the page is left.
    }
  });

  // The palette's own script comes when somebody opens it for the first time.
  const open = async () => {
    if (palette.open) return;
    const text = document.getElementById("palette-text");
    keys.close();
    text.value = "";
    palette.showModal();
    text.focus();
    try {
      const { look } = await import(palette.dataset.script);
      look();
    } catch {
      document.getElementById("palette-says").textContent = "There is no network.";
    }
  };

  for (const dialog of [palette, keys]) {
    dialog.addEventListener("click", (event) => {
      if (event.target === dialog) dialog.close();
    });
  }
  for (const button of document.querySelectorAll("[data-opens]")) {
    button.addEventListener("click", () => {
      document.querySelector(".menu:popover-open")?.hidePopover();
      if (button.dataset.opens === "palette") open();
      else keys.showModal();
    });
  }

  // move puts the focus on the link of the next row, or the one before.
  const move = (step) => {
    const rows = [...document.querySelectorAll("main tbody tr")].filter((row) => row.querySelector("th a")?.checkVisibility());
    const now = rows.indexOf(document.activeElement.closest("tr"));
    const row = rows[now < 0 ? (step > 0 ? 0 : rows.length - 1) : now + step];
    row?.querySelector("th a").focus();
  };

  // What single keys do with the row that has the focus, or with the page.
  const rowKeys = {
    x: (row) => row?.querySelector(".pick input"),
    t: (row) => row?.querySelector("form > button[name=to]"),
    s: (row) => row?.querySelector("button[popovertarget^=m-]"),
    c: () => document.querySelector(".tell [data-copy]"),
  };
  const press = (key) => {
    const row = document.activeElement.closest("tbody tr");
    const button = rowKeys[key]?.(row);
    if (!button) return false;
    button.click();
    if (key === "s") document.getElementById(button.getAttribute("popovertarget")).querySelector("[name=for]").focus();
    return true;
  };

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing || event.altKey) return;
    const key = event.key.toLowerCase();
    if ((event.ctrlKey || event.metaKey) && !event.shiftKey && key === "k") {
      event.preventDefault();
      return open();
    }
    if (event.ctrlKey || event.metaKey || !on.checked || document.querySelector("dialog[open]")) return;
    if (event.target.closest("input, textarea, select, [contenteditable]")) return;
    if (key === "/") open();
    else if (key === "?") keys.showModal();
    else if (key === "j") move(1);
    else if (key === "k") move(-1);
    else if (!press(key)) return;
    event.preventDefault();
  });
}
