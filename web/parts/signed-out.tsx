import { SignInForm } from "../shell/sign-in.tsx";

/** In place of what only a signed-in user can do: why, and how to sign in. */
export function SignedOut({ what }: { readonly what: string }) {
  return (
    <section class="card signed-out" aria-label="Sign in">
      <div class="card-head">
        <h2>Sign in</h2>
      </div>
      <div class="card-body stack">
        <p>{what}</p>
        <SignInForm />
      </div>
    </section>
  );
}
