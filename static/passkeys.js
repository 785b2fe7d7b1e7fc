"use strict";

// Forms for passkeys. Only a script can ask the browser for one, so these forms show
// only if that works here. A form gets its options from the server, asks the browser,
// and sends the browser's answer together with the form's fields.
{
  const supported = Boolean(window.PublicKeyCredential?.parseCreationOptionsFromJSON);

  const post = async (address, body) => {
    const answer = await fetch(address, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
    if (answer.redirected) return { next: answer.url }; // the session has ended
    if (!answer.headers.get("Content-Type")?.startsWith("application/json")) {
      return { problem: "This did not work. Wait a few minutes and try again." };
    }
    return answer.json();
  };

  const ask = async (form) => {
    const begun = await post(form.dataset.options, {});
    if (!begun.options) return begun;
    const credential =
      form.dataset.passkey === "create"
        ? await navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(begun.options) })
        : await navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(begun.options) });
    return post(form.getAttribute("action"), { ...Object.fromEntries(new FormData(form)), credential: credential.toJSON() });
  };

  const problems = {
    InvalidStateError: "This device already has a passkey for your account.",
    NotAllowedError: "Nothing was changed. The request was canceled, or took too long.",
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      const alert = form.querySelector("[role=alert]");
      alert.textContent = "";
      button.disabled = true;
      try {
        const told = await ask(form);
        if (told.next) return location.assign(told.next);
        alert.textContent = told.problem;
      } catch (error) {
        alert.textContent = problems[error.name] ?? "This did not work. Check your network and try again.";
      }
      button.disabled = false;
    });
  }

  document.documentElement.dataset.passkeys = supported;
  for (const element of document.querySelectorAll("[data-passkey], [data-with-passkeys]")) element.hidden = !supported;
  for (const element of document.querySelectorAll("[data-without-passkeys]")) element.hidden = supported;
}
