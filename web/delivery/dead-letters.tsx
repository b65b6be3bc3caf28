import { api } from "../shell/api.ts";
import { Icon } from "../shell/icons.tsx";
import type { Resource } from "./resource.ts";

export interface DeadLetter {
  readonly id: string;
  readonly origin: string;
  readonly channel: string | null;
  readonly time: string;
  readonly error?: string;
  readonly event?: { readonly type: string; readonly data: unknown };
}

interface DeadLettersProps {
  readonly letters: readonly DeadLetter[];
  readonly work: Pick<Resource<unknown>, "act">;
}

/** What was given up, and can be tried anew. */
export function DeadLetters({ letters, work }: DeadLettersProps) {
  return (
    <>
      <h3>Dead letters</h3>
      {letters.length === 0 ? (
        <p class="small muted">None.</p>
      ) : (
        <ul class="notes">
          {letters.map(({ id, event, error }) => (
            <li key={id} data-letter={id}>
              <Icon name="delivery" />
              <span class="wrap-anywhere">
                <code>{JSON.stringify(event?.data)}</code>{" "}
                {error !== undefined && <span class="muted">{error}</span>}
              </span>
              <span class="row">
                <button
                  type="button"
                  class="button slim"
                  onClick={() =>
                    void work.act(() => api("POST", `/queue/dead-letters/${encodeURIComponent(id)}/retry`))
                  }
                >
                  <Icon name="refresh" /> Retry
                </button>
                <button
                  type="button"
                  class="button slim danger icon-button"
                  aria-label="Give it up"
                  onClick={() =>
                    void work.act(() => api("DELETE", `/queue/dead-letters/${encodeURIComponent(id)}`))
                  }
                >
                  <Icon name="trash" />
                </button>
              </span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}
