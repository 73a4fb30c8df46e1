// Passkeys: the browser asks the device, the answer goes back in the form. Buttons appear where that can work.

const BINARY = new Set(["challenge", "id", "rawId", "userHandle"]);

function toBytes(text) {
  const plain = text.replaceAll("-", "+").replaceAll("_", "/");
  return Uint8Array.from(atob(plain), (letter) => letter.charCodeAt(0));
}

function toText(buffer) {
  const letters = Array.from(new Uint8Array(buffer), (byte) => String.fromCharCode(byte)).join("");
  return btoa(letters).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** What the server wrote as text, as the bytes that the browser wants; the name of our site, rp.id, stays text. */
function withBytes(value, name = "", parent = "") {
  if (Array.isArray(value)) return value.map((item) => withBytes(item, name, parent));
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withBytes(inner, key, name)]));
  }
  return typeof value === "string" && BINARY.has(name) && parent !== "rp" ? toBytes(value) : value;
}

/** Everything binary as text, which is how the server reads it. */
function withText(value) {
  if (value instanceof ArrayBuffer) return toText(value);
  if (Array.isArray(value)) return value.map(withText);
  if (value && typeof value === "object") {
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withText(inner)]));
  }
  return value;
}

function answerOf(credential) {
  const { clientDataJSON, attestationObject, authenticatorData, signature, userHandle } = credential.response;
  const response = { clientDataJSON, attestationObject, authenticatorData, signature, userHandle };
  return JSON.stringify(
    withText({
      id: credential.id,
      rawId: credential.rawId,
      type: credential.type,
      authenticatorAttachment: credential.authenticatorAttachment ?? undefined,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: Object.fromEntries(Object.entries(response).filter(([, value]) => value)),
    }),
  );
}

const onPage = () => JSON.parse(document.querySelector("#passkey-data").textContent);

const WAYS = {
  async "sign-in"(form) {
    const answer = await fetch(form.action, { headers: { Accept: "application/json" } });
    if (!answer.ok) throw new Error("not now");
    return navigator.credentials.get(withBytes((await answer.json()).request_options));
  },
  async confirm() {
    return navigator.credentials.get(withBytes(onPage().request_options));
  },
  /** One that is found without a name, and asks for a finger or a number: it stands for the whole sign-in. */
  async add() {
    const options = withBytes(onPage().creation_options);
    Object.assign((options.publicKey.authenticatorSelection ??= {}), {
      residentKey: "required",
      requireResidentKey: true,
      userVerification: "required",
    });
    return navigator.credentials.create(options);
  },
};

async function use(form) {
  const problem = form.querySelector("[role=alert][hidden], .failed");
  try {
    form.elements.credential.value = answerOf(await WAYS[form.dataset.passkey](form));
    form.submit();
  } catch {
    problem.textContent = "No passkey was used. Try again, or take another way.";
    problem.classList.add("failed");
    problem.hidden = false;
  }
}

for (const form of document.querySelectorAll("form[data-passkey]")) {
  if (!window.PublicKeyCredential) continue;
  form.querySelector("[type=submit]").hidden = false;
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    use(form);
  });
}
