// Passkeys in the browser. In: the server's options as JSON (WebAuthn's own names, bytes as base64url). Out: the answer in
// the same form. Written out, because `parseRequestOptionsFromJSON` is not in every browser that agencies run.
const bytes = (text: string): ArrayBuffer => {
  const plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
  return Uint8Array.from(plain, (letter) => letter.charCodeAt(0)).buffer;
};
const text = (buffer: ArrayBuffer): string =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

type Options = Record<string, unknown>;
type Listed = { id: string; type: "public-key"; transports?: AuthenticatorTransport[] }[];
const listed = (found: unknown) => ((found ?? []) as Listed).map((one) => ({ ...one, id: bytes(one.id) }));

/** Whether this browser, at this address, can have them at all. */
export const hasPasskeys = () => typeof window.PublicKeyCredential === "function" && window.isSecureContext;

export async function makePasskey(options: Options): Promise<Record<string, unknown>> {
  const user = options.user as { id: string; name: string; displayName: string };
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge as string),
    user: { ...user, id: bytes(user.id) },
    excludeCredentials: listed(options.excludeCredentials),
  } as unknown as PublicKeyCredentialCreationOptions;
  const made = (await navigator.credentials.create({ publicKey })) as PublicKeyCredential;
  const answer = made.response as AuthenticatorAttestationResponse;
  return {
    id: made.id,
    rawId: text(made.rawId),
    type: made.type,
    response: {
      clientDataJSON: text(answer.clientDataJSON),
      attestationObject: text(answer.attestationObject),
      transports: answer.getTransports?.() ?? [],
    },
    clientExtensionResults: {},
  };
}

export async function showPasskey(options: Options): Promise<Record<string, unknown>> {
  const publicKey = {
    ...options,
    challenge: bytes(options.challenge as string),
    allowCredentials: listed(options.allowCredentials),
  } as unknown as PublicKeyCredentialRequestOptions;
  const shown = (await navigator.credentials.get({ publicKey })) as PublicKeyCredential;
  const answer = shown.response as AuthenticatorAssertionResponse;
  return {
    id: shown.id,
    rawId: text(shown.rawId),
    type: shown.type,
    response: {
      clientDataJSON: text(answer.clientDataJSON),
      authenticatorData: text(answer.authenticatorData),
      signature: text(answer.signature),
      userHandle: answer.userHandle ? text(answer.userHandle) : null,
    },
    clientExtensionResults: {},
  };
}

/** The person closed the browser's own question: nothing went wrong. */
export const wasCancelled = (error: unknown) => error instanceof DOMException && (error.name === "NotAllowedError" || error.name === "AbortError");
