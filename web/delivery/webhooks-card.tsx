import { useSignal } from "@preact/signals";
import { CodeBlock } from "../parts/code-block.tsx";
import { Notice } from "../parts/notice.tsx";
import { api } from "../shell/api.ts";
import { Icon } from "../shell/icons.tsx";
import { Deliveries } from "./deliveries.tsx";
import type { Endpoint } from "./endpoint.ts";
import { useResource } from "./resource.ts";

const RECEIVER = `node -e 'require("http").createServer((q, s) => q.on("end", () => s.end("\\n")).pipe(process.stdout, { end: false })).listen(9000)'`;

/** Somebody's HTTP server, told of events: its endpoints, and every delivery to them. */
export function WebhooksCard() {
  const url = useSignal("http://127.0.0.1:9000/hook");
  const channels = useSignal("demo/**");
  const types = useSignal("");
  const secret = useSignal<string | undefined>(undefined);
  const chosen = useSignal<string | undefined>(undefined);
  const list = useResource(
    async () => (await api<{ endpoints: Endpoint[] }>("GET", "/webhooks/endpoints?limit=50")).body.endpoints,
    "endpoints",
  );
  const toList = (text: string) => text.split(/[\s,]+/).filter((item) => item !== "");
  const create = (event: Event) => {
    event.preventDefault();
    void list.act(async () => {
      const { body } = await api<Endpoint & { secret: string }>("POST", "/webhooks/endpoints", {
        url: url.value,
        channels: toList(channels.value),
        ...(types.value === "" ? {} : { types: toList(types.value) }),
      });
      secret.value = body.secret;
      chosen.value = body.id;
    });
  };
  const endpoints = list.value.value;
  const shown = endpoints?.find(({ id }) => id === chosen.value) ?? endpoints?.[0];
  return (
    <section class="card" aria-label="Webhooks">
      <div class="card-head">
        <h2>Webhooks</h2>
        <span class="small muted">signed, in order, retried until they arrive</span>
      </div>
      <div class="card-body stack">
        <form class="form-grid hooks" onSubmit={create} aria-label="New endpoint">
          <label class="field wide-field">
            <span class="label">URL</span>
            <input
              class="input mono"
              type="url"
              required
              value={url.value}
              onInput={(event) => (url.value = event.currentTarget.value)}
            />
            <span class="hint">
              Your own machine is called only where the server was started with ALLOW_PRIVATE_WEBHOOKS=true.
            </span>
          </label>
          <label class="field">
            <span class="label">Channels</span>
            <input
              class="input mono"
              required
              value={channels.value}
              onInput={(event) => (channels.value = event.currentTarget.value)}
            />
          </label>
          <label class="field">
            <span class="label">Types</span>
            <input
              class="input mono"
              placeholder="all, or order.*"
              value={types.value}
              onInput={(event) => (types.value = event.currentTarget.value)}
            />
          </label>
          <button type="submit" class="button primary">
            <Icon name="plus" /> Add the endpoint
          </button>
        </form>
        <details class="small">
          <summary>A server to receive them</summary>
          <CodeBlock text={RECEIVER} wraps />
        </details>
        {list.problem.value !== undefined && <Notice kind="bad">{list.problem.value}</Notice>}
        {secret.value !== undefined && (
          <Notice kind="good">
            Its secret is told once: <code>{secret.value}</code>
          </Notice>
        )}
      </div>
      {endpoints?.length === 0 && <p class="empty">No endpoint yet.</p>}
      {endpoints !== undefined && endpoints.length > 0 && (
        <table class="list">
          <thead>
            <tr>
              <th scope="col">Endpoint</th>
              <th scope="col">Channels</th>
              <th scope="col">State</th>
              <th scope="col">
                <span class="visually-hidden">Actions</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {endpoints.map((endpoint) => (
              <tr key={endpoint.id} class={endpoint.id === shown?.id ? "is-chosen" : ""}>
                <td>
                  <code>{endpoint.url}</code>
                </td>
                <td data-label="Channels">
                  {endpoint.channels.join(", ")}{" "}
                  {endpoint.types.length > 0 && <span class="muted">({endpoint.types.join(", ")})</span>}
                </td>
                <td data-label="State">
                  <span class={`badge ${endpoint.enabled ? "good" : "bad"}`}>
                    {endpoint.enabled ? "enabled" : "disabled"}
                  </span>{" "}
                  {endpoint.disabledReason}
                </td>
                <td>
                  <EndpointActions
                    endpoint={endpoint}
                    act={list.act}
                    onShow={() => (chosen.value = endpoint.id)}
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
      {shown !== undefined && <Deliveries key={shown.id} endpoint={shown} />}
    </section>
  );
}

interface EndpointActionsProps {
  readonly endpoint: Endpoint;
  readonly act: (action: () => Promise<unknown>) => Promise<void>;
  readonly onShow: () => void;
}

function EndpointActions({ endpoint: { id, url, enabled }, act, onShow }: EndpointActionsProps) {
  const path = `/webhooks/endpoints/${id}`;
  return (
    <span class="row">
      <button type="button" class="button slim" onClick={onShow}>
        Deliveries
      </button>
      <button
        type="button"
        class="button slim"
        onClick={() => {
          onShow();
          void act(() => api("POST", `${path}/test`));
        }}
      >
        Test
      </button>
      <button
        type="button"
        class="button slim"
        onClick={() => void act(() => api("PATCH", path, { enabled: !enabled }))}
      >
        {enabled ? "Disable" : "Enable"}
      </button>
      <button
        type="button"
        class="button slim danger icon-button"
        aria-label={`Remove ${url}`}
        onClick={() => void act(() => api("DELETE", path))}
      >
        <Icon name="trash" />
      </button>
    </span>
  );
}
