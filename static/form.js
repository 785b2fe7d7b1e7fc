"use strict";

// An answer that takes a while shows in the button that asked for it. A button or a link
// with data-busy shows that label, with a mark that turns, from the press until the next
// page is there. A second press does nothing. Screen readers hear the label.
// Without this script, the button stays as it is, and the browser shows the progress.
{
  // A press that has brought no page by then may be repeated.
  const longest = 30_000;
  const before = new Map();

  const told = document.createElement("p");
  told.className = "sr";
  told.setAttribute("role", "status");
  document.body.append(told);

  const begin = (pressed) => {
    const mark = document.createElement("span");
    mark.className = "wait spin";
    before.set(pressed, [...pressed.childNodes]);
    // The button keeps its place: it does not become narrower.
    pressed.style.minInlineSize = pressed.getBoundingClientRect().width + "px";
    pressed.setAttribute("aria-disabled", "true");
    pressed.replaceChildren(mark, pressed.dataset.busy);
    told.textContent = pressed.dataset.busy;
    setTimeout(end, longest, pressed);
  };

  const end = (pressed) => {
    if (!before.has(pressed)) return;
    pressed.replaceChildren(...before.get(pressed));
    pressed.removeAttribute("aria-disabled");
    pressed.style.minInlineSize = "";
    before.delete(pressed);
    told.textContent = "";
  };

  // The listeners are on the document, so that another script can take a form over first.
  document.addEventListener("submit", (event) => {
    if (event.defaultPrevented) return;
    const form = event.target;
    if ([...before.keys()].some((pressed) => pressed.form === form)) return event.preventDefault();
    if (event.submitter?.dataset.busy) begin(event.submitter);
  });
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[data-busy]");
    if (!link || event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
    if (before.has(link)) return event.preventDefault();
    begin(link);
  });
  // The page that the back button brings is as it was left.
  addEventListener("pageshow", () => [...before.keys()].forEach(end));
}

// A dialog that a button opens is modal: Tab stays inside, and closing it brings the focus
// back to the button. Without this script, the dialog opens over the page.
document.addEventListener("click", (event) => {
  const button = event.target.closest("button[popovertarget]");
  const dialog = button && document.getElementById(button.getAttribute("popovertarget"));
  if (!(dialog instanceof HTMLDialogElement)) return;
  event.preventDefault();
  if (dialog.open) dialog.close();
  else dialog.showModal();
});

// A button with data-share hands the text of the field whose ID the attribute has to the
// phone's own list of ways to send it. Without this script, or such a list, it is hidden.
for (const button of document.querySelectorAll("button[data-share]")) {
  button.hidden = !navigator.share;
  button.addEventListener("click", async () => {
    try {
      await navigator.share({ url: document.getElementById(button.dataset.share).value });
    } catch {
      // Somebody has closed the list. The link can still be copied.
    }
  });
}

// A password or secret can be shown while it is typed. It is hidden again when the form is
// sent, so that the browser never keeps it as other text. Without this script, the button
// is hidden.
for (const button of document.querySelectorAll("button[data-reveal]")) {
  const field = button.previousElementSibling;
  const show = (shown) => {
    field.spellcheck = false;
    field.type = shown ? "text" : "password";
    button.firstElementChild.textContent = shown ? "Hide" : "Show";
  };
  button.hidden = false;
  button.addEventListener("click", () => show(field.type === "password"));
  field.form.addEventListener("submit", () => show(false));
  addEventListener("pageshow", () => show(false));
}

// A field with data-zone tells in which time zone the browser is.
for (const field of document.querySelectorAll("input[data-zone]")) {
  field.value = Intl.DateTimeFormat().resolvedOptions().timeZone ?? "";
}
