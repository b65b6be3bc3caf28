import { useComputed, useSignal } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import { Words } from "../parts/words.tsx";
import { Icon } from "../shell/icons.tsx";
import { hasDoor } from "../shell/server.ts";
import { session } from "../shell/session.ts";
import type { Inputs, OperationName } from "./call.ts";
import { OPERATIONS } from "./call.ts";
import { DOORS } from "./doors.ts";
import { Exchange } from "./exchange.ts";
import { Snippets } from "./snippets.tsx";
import { Transcript } from "./transcript.tsx";

const NAMES: Readonly<Record<OperationName, string>> = {
  publish: "Publish",
  read: "Read",
  subscribe: "Subscribe",
  presence: "Who is there",
};

/** Any call through any door, byte for byte, and the same call in other languages. */
export function ExplorerView() {
  const doorName = useSignal(DOORS[0].name);
  const wanted = useSignal<OperationName>("publish");
  const channel = useSignal("demo/hello");
  const type = useSignal("greeting");
  const data = useSignal('"hi"');
  const after = useSignal("earliest");
  const exchange = useRef(new Exchange()).current;
  useEffect(() => () => exchange.stop(), [exchange]);

  const doors = DOORS.filter(({ name }) => hasDoor(name));
  const door = doors.find(({ name }) => name === doorName.value) ?? doors[0] ?? DOORS[0];
  const offered = OPERATIONS.filter((name) => door.calls[name] !== undefined);
  // Another door keeps the operation where it has it.
  const operation = offered.includes(wanted.value) ? wanted.value : (offered[0] ?? "publish");
  const inputs = useComputed<Inputs>(() => ({
    channel: channel.value.trim(),
    type: type.value.trim(),
    data: data.value,
    after: after.value.trim(),
    token: session.value?.token,
  })).value;
  const prepare = () => {
    const call = door.calls[operation];
    if (call === undefined) throw new Error("This door does not offer that.");
    return call(inputs);
  };
  const send = (event: Event) => {
    event.preventDefault();
    void exchange.run(prepare);
  };
  return (
    <>
      <div class="intro">
        <h1>Explorer</h1>
        <p class="lead">
          Any call through any door: what is sent, what comes back, byte for byte, and the same call to copy.
        </p>
      </div>
      <div class="explorer">
        <form class="card explorer-form" onSubmit={send} aria-label="Call">
          <div class="card-body stack">
            <label class="field">
              <span class="label">Door</span>
              <select
                class="input"
                name="door"
                value={door.name}
                onChange={(event) => {
                  exchange.stop();
                  doorName.value = event.currentTarget.value;
                }}
              >
                {doors.map(({ name, title }) => (
                  <option key={name} value={name}>
                    {title}
                  </option>
                ))}
              </select>
              <span class="hint">
                <Words text={door.note} />
              </span>
            </label>
            <fieldset class="field">
              <legend class="label">Operation</legend>
              <div class="segmented">
                {offered.map((name) => (
                  <button
                    key={name}
                    type="button"
                    data-operation={name}
                    aria-pressed={name === operation}
                    onClick={() => {
                      exchange.stop();
                      wanted.value = name;
                    }}
                  >
                    {NAMES[name]}
                  </button>
                ))}
              </div>
            </fieldset>
            <label class="field">
              <span class="label">Channel</span>
              <input
                class="input mono"
                name="channel"
                required
                spellcheck={false}
                value={channel.value}
                onInput={(event) => (channel.value = event.currentTarget.value)}
              />
              <span class="hint">
                <code>demo/**</code> is open to everybody here; other channels want a token.
              </span>
            </label>
            {operation === "publish" && (
              <>
                <label class="field">
                  <span class="label">Type</span>
                  <input
                    class="input mono"
                    name="type"
                    required
                    spellcheck={false}
                    value={type.value}
                    onInput={(event) => (type.value = event.currentTarget.value)}
                  />
                </label>
                <label class="field">
                  <span class="label">Data (JSON)</span>
                  <textarea
                    class="input"
                    name="data"
                    rows={3}
                    spellcheck={false}
                    value={data.value}
                    onInput={(event) => (data.value = event.currentTarget.value)}
                  />
                </label>
              </>
            )}
            {(operation === "read" || operation === "subscribe") && (
              <label class="field">
                <span class="label">After</span>
                <input
                  class="input mono"
                  name="after"
                  required
                  spellcheck={false}
                  list="cursors"
                  value={after.value}
                  onInput={(event) => (after.value = event.currentTarget.value)}
                />
                <datalist id="cursors">
                  <option value="earliest" />
                  <option value="latest" />
                </datalist>
                <span class="hint">
                  A <code>sequence</code> from any door, <code>earliest</code> or <code>latest</code>
                </span>
              </label>
            )}
            <div class="row">
              <button type="submit" class="button primary big">
                <Icon name="send" /> Send
              </button>
              {exchange.isRunning.value && (
                <button type="button" class="button big" onClick={() => exchange.stop()}>
                  <Icon name="stop" /> Stop
                </button>
              )}
            </div>
          </div>
        </form>
        <div class="stack">
          <Snippets door={door} operation={operation} inputs={inputs} prepare={prepare} />
          <Transcript exchange={exchange} />
        </div>
      </div>
    </>
  );
}
