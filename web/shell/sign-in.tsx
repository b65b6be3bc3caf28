import { useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { CodeBlock } from "../parts/code-block.tsx";
import { Notice } from "../parts/notice.tsx";
import { Icon } from "./icons.tsx";
import { toMessage } from "./server.ts";
import { acceptToken, hasDevAuth, session, signIn, signOut } from "./session.ts";

/** Signing in, in the form that this server offers: by name where it gives tokens, else by a token that one has. */
export function SignInForm({ onDone }: { readonly onDone?: () => void }) {
  const name = useSignal("");
  const isAdmin = useSignal(false);
  const token = useSignal("");
  const problem = useSignal("");
  const submit = async (event: Event) => {
    event.preventDefault();
    try {
      if (hasDevAuth.value) await signIn(name.value.trim(), isAdmin.value ? ["admin"] : []);
      else acceptToken(token.value);
      problem.value = "";
      onDone?.();
    } catch (error) {
      problem.value = toMessage(error);
    }
  };
  return (
    <form class="stack" onSubmit={submit}>
      {hasDevAuth.value === false ? (
        <>
          <p class="small muted">
            This server gives no tokens away. Paste one of yours, or start it with tokens for development:
          </p>
          <CodeBlock text="DEV_AUTH=true npm start" wraps />
          <label class="field">
            <span class="label">Token (JWT)</span>
            <textarea
              class="input"
              rows={3}
              required
              value={token.value}
              onInput={(event) => (token.value = event.currentTarget.value)}
            />
          </label>
        </>
      ) : (
        <>
          <label class="field">
            <span class="label">Name</span>
            <input
              class="input"
              required
              maxLength={64}
              autocomplete="nickname"
              placeholder="alice"
              value={name.value}
              onInput={(event) => (name.value = event.currentTarget.value)}
            />
            <span class="hint">Any name will do: this server gives tokens for development.</span>
          </label>
          <label class="row small">
            <input
              type="checkbox"
              checked={isAdmin.value}
              onChange={(event) => (isAdmin.value = event.currentTarget.checked)}
            />
            As an administrator
          </label>
        </>
      )}
      {problem.value !== "" && <Notice kind="bad">{problem.value}</Notice>}
      <button type="submit" class="button primary">
        Sign in
      </button>
    </form>
  );
}

/** Who is signed in, at the end of the bar. */
export function Account() {
  const isOpen = useSignal(false);
  const anchor = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const close = (event: Event) => {
      const isKey = event instanceof KeyboardEvent;
      if (isKey ? event.key === "Escape" : !anchor.current?.contains(event.target as Node))
        isOpen.value = false;
    };
    addEventListener("pointerdown", close);
    addEventListener("keydown", close);
    return () => {
      removeEventListener("pointerdown", close);
      removeEventListener("keydown", close);
    };
  }, [isOpen]);
  const who = session.value;
  return (
    <div class="anchor" ref={anchor}>
      <button
        type="button"
        class={who === undefined ? "button" : "button quiet"}
        aria-expanded={isOpen.value}
        onClick={() => (isOpen.value = !isOpen.value)}
      >
        <Icon name="user" />
        <span class="who">{who?.name ?? "Sign in"}</span>
      </button>
      {isOpen.value && (
        <div class="popover" role="dialog" aria-label="Account">
          {who === undefined ? (
            <SignInForm onDone={() => (isOpen.value = false)} />
          ) : (
            <div class="stack">
              <p>
                Signed in as <strong class="wrap-anywhere">{who.name}</strong>
                {who.roles.length > 0 && <span class="muted"> ({who.roles.join(", ")})</span>}. The token is
                kept in this tab alone.
              </p>
              <button type="button" class="button" onClick={signOut}>
                Sign out
              </button>
            </div>
          )}
        </div>
      )}
    </div>
  );
}
