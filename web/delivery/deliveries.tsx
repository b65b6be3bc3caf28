import { useSignal } from "@preact/signals";
import { Notice } from "../parts/notice.tsx";
import { api } from "../shell/api.ts";
import { Icon } from "../shell/icons.tsx";
import type { Endpoint } from "./endpoint.ts";
import { useResource } from "./resource.ts";

interface Delivery {
  readonly id: string;
  readonly channel: string | null;
  readonly type: string;
  readonly state: "pending" | "delivered" | "dead-lettered";
  readonly attempt: number;
  readonly status: number | null;
  readonly error: string | null;
  readonly durationMs: number;
  readonly kind: string;
  readonly updatedAt: string;
}

const STATES = { delivered: "good", pending: "warn", "dead-lettered": "bad" } as const;

/** Each delivery to an endpoint with its newest attempt, and what can be sent again. */
export function Deliveries({ endpoint }: { readonly endpoint: Pick<Endpoint, "id" | "url"> }) {
  const after = useSignal("earliest");
  const path = `/webhooks/endpoints/${endpoint.id}`;
  const list = useResource(
    async () => (await api<{ deliveries: Delivery[] }>("GET", `${path}/deliveries?limit=20`)).body.deliveries,
    endpoint.id,
  );
  const deliveries = list.value.value;
  return (
    <section aria-label={`Deliveries to ${endpoint.url}`}>
      <div class="card-head">
        <h3>Deliveries</h3>
        <label class="row small">
          Again from
          <input
            class="input mono cursor"
            value={after.value}
            onInput={(event) => (after.value = event.currentTarget.value)}
          />
        </label>
        <button
          type="button"
          class="button slim"
          onClick={() =>
            void list.act(() => api("POST", `${path}/replay?after=${encodeURIComponent(after.value)}`))
          }
        >
          <Icon name="refresh" /> Replay
        </button>
      </div>
      {list.problem.value !== undefined && (
        <div class="card-body">
          <Notice kind="bad">{list.problem.value}</Notice>
        </div>
      )}
      {deliveries?.length === 0 && (
        <p class="empty">Nothing was delivered yet. Publish to one of its channels, or test it.</p>
      )}
      {deliveries !== undefined && deliveries.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Event</th>
              <th scope="col">State</th>
              <th scope="col">Newest attempt</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody aria-live="polite">
            {deliveries.map((delivery) => (
              <tr key={delivery.id} data-delivery={delivery.state}>
                <td>
                  <strong>{delivery.type}</strong> <span class="muted">{delivery.channel}</span>
                </td>
                <td data-label="State">
                  <span class={`badge ${STATES[delivery.state]}`}>{delivery.state}</span>
                </td>
                <td data-label="Newest attempt" class="num">
                  {delivery.attempt}: {delivery.status ?? delivery.error ?? "on its way"}
                  <span class="muted"> in {Math.round(delivery.durationMs)} ms</span>
                </td>
                <td>
                  {delivery.kind !== "test" && (
                    <button
                      type="button"
                      class="button slim"
                      onClick={() =>
                        void list.act(() => api("POST", `/webhooks/deliveries/${delivery.id}/replay`))
                      }
                    >
                      <Icon name="refresh" /> Send again
                    </button>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
