// Passkeys: what a form asks of the browser's authenticator, and how its answer is sent.
// A form says in data-passkey whether one is made ("create") or used ("get"); its options are in the
// element that data-options names, or are asked for at the form's own address.
(() => {
  "use strict";

  const bytes = (text) =>
    Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (letter) => letter.charCodeAt(0));
  const text = (buffer) =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replace(/\+/g, "-")
      .replace(/\//g, "_")
      .replace(/=+$/, "");
  const known = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

  // The server writes binary values as base64url; browsers want bytes.
  const decoded = ({ publicKey }) => {
    const options = { ...publicKey, challenge: bytes(publicKey.challenge) };
    if (options.user) options.user = { ...options.user, id: bytes(options.user.id) };
    if (options.excludeCredentials) options.excludeCredentials = known(options.excludeCredentials);
    if (options.allowCredentials) options.allowCredentials = known(options.allowCredentials);
    return options;
  };

  const encoded = (credential) => {
    const response = {};
    for (const name of ["clientDataJSON", "attestationObject", "authenticatorData", "signature", "userHandle"])
      if (credential.response[name]) response[name] = text(credential.response[name]);
    if (credential.response.getTransports) response.transports = credential.response.getTransports();
    return JSON.stringify({
      id: credential.id,
      rawId: text(credential.rawId),
      type: credential.type,
      response,
      clientExtensionResults: credential.getClientExtensionResults(),
      authenticatorAttachment: credential.authenticatorAttachment || undefined,
    });
  };

  async function options(form) {
    if (form.dataset.options) return JSON.parse(document.getElementById(form.dataset.options).textContent);
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("no options");
    return answer.json();
  }

  async function ask(form) {
    const all = await options(form);
    if (form.dataset.passkey === "get") {
      const publicKey = decoded(all.request_options);
      return navigator.credentials.get({ publicKey });
    }
    const publicKey = decoded(all.creation_options);
    const alone = form.elements.passwordless?.checked;
    // Only a key that keeps the account's name, and checks who holds it, can sign in by itself.
    publicKey.authenticatorSelection = {
      ...publicKey.authenticatorSelection,
      residentKey: alone ? "required" : "discouraged",
      requireResidentKey: Boolean(alone),
      ...(alone ? { userVerification: "required" } : {}),
    };
    return navigator.credentials.create({ publicKey });
  }

  const why = (error) =>
    error.name === "InvalidStateError"
      ? t("This passkey is registered already.")
      : error.name === "NotAllowedError"
        ? t("It was cancelled, took too long, or there is no passkey for this site here.")
        : t("The browser could not do it here. Try another browser, or your password.");

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    if (!window.PublicKeyCredential || !window.isSecureContext) continue;
    form.hidden = false;
    const said = form.querySelector("[data-passkey-said]");
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const button = form.querySelector("button");
      button.disabled = true;
      said.textContent = "";
      try {
        form.elements.credential.value = encoded(await ask(form));
        form.submit();
      } catch (error) {
        said.textContent = why(error);
        button.disabled = false;
      }
    });
  }
})();
