import { useSignal } from "@preact/signals";
import type { ProtocolId, UseId } from "../../guide/protocol.ts";
import { GRADES } from "../../guide/protocol.ts";
import { PROTOCOLS } from "../../guide/protocols.ts";
import { USES } from "../../guide/uses.ts";
import { Words } from "../parts/words.tsx";

interface Cell {
  readonly protocol: ProtocolId;
  readonly use: UseId;
}

const MARKS = { best: "●●●", good: "●●", fair: "●", poor: "–" } as const;

/** Every protocol against every use; the reason of a cell is shown when it is chosen. */
export function Matrix() {
  const shown = useSignal<Cell>({ protocol: "websocket", use: "chat" });
  const protocol = PROTOCOLS.find(({ id }) => id === shown.value.protocol);
  const use = USES.find(({ id }) => id === shown.value.use);
  const fit = protocol?.fits[shown.value.use];
  return (
    <section class="card" aria-labelledby="matrix">
      <div class="card-head">
        <h2 id="matrix">Protocols against uses</h2>
        <ul class="legend" aria-label="Grades">
          {GRADES.map((grade) => (
            <li key={grade}>
              <span class={`grade ${grade}`} aria-hidden="true">
                {MARKS[grade]}
              </span>
              {grade}
            </li>
          ))}
        </ul>
      </div>
      <div class="matrix-reason" aria-live="polite">
        {protocol !== undefined && use !== undefined && fit !== undefined && (
          <p>
            <strong>
              {protocol.name} for {use.name}: {fit.grade}.
            </strong>{" "}
            <Words text={fit.reason} /> <span class="muted">What decides: {use.decides}</span>
          </p>
        )}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
      <section class="scroll-x" aria-label="Matrix" tabIndex={0}>
        <table class="matrix">
          <thead>
            <tr>
              <th scope="col">
                <span class="visually-hidden">Protocol</span>
              </th>
              {USES.map(({ id, name, summary }) => (
                <th key={id} scope="col" title={summary} class={id === shown.value.use ? "is-shown" : ""}>
                  {name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {PROTOCOLS.map(({ id, name, fits }) => (
              <tr key={id} class={id === shown.value.protocol ? "is-shown" : ""}>
                <th scope="row">
                  <a href={`#/guide/${id}`}>{name}</a>
                </th>
                {USES.map((column) => {
                  const { grade, reason } = fits[column.id];
                  const isShown = id === shown.value.protocol && column.id === shown.value.use;
                  return (
                    <td key={column.id}>
                      <button
                        type="button"
                        class={`grade ${grade}`}
                        title={reason}
                        aria-label={`${name} for ${column.name}: ${grade}`}
                        aria-pressed={isShown}
                        onClick={() => (shown.value = { protocol: id, use: column.id })}
                      >
                        {MARKS[grade]}
                      </button>
                    </td>
                  );
                })}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  );
}
