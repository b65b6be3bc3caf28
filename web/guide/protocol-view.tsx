import { FIGURES } from "../../guide/figures.ts";
import type { Protocol } from "../../guide/protocol.ts";
import { USES } from "../../guide/uses.ts";
import { CodeBlock } from "../parts/code-block.tsx";
import { Words } from "../parts/words.tsx";
import { ORIGIN } from "../shell/server.ts";
import { FlowDiagram } from "./flow-diagram.tsx";

/** Everything that the guide says of one protocol. */
export function ProtocolView({ protocol }: { readonly protocol: Protocol }) {
  const { name, summary, flow, advantages, limits, chooseWhen, avoidWhen, specifications } = protocol;
  return (
    <>
      <div class="intro">
        <p>
          <a href="#/guide">← All protocols</a>
        </p>
        <h1>{name}</h1>
        <p class="lead">{summary}</p>
        <p class="row small">
          {protocol.needsGateway && <span class="badge accent">through the gateway</span>}
          {specifications.map((specification) => (
            <a key={specification.url} href={specification.url} rel="noreferrer" target="_blank">
              {specification.name}
            </a>
          ))}
        </p>
      </div>
      <div class="protocol">
        <section class="card protocol-flow" aria-label="Data flow">
          <div class="card-head">
            <h2>How it flows</h2>
          </div>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard */}
          <section class="card-body scroll-x" tabIndex={0} aria-label="Picture of the data flow">
            <FlowDiagram flow={flow} title={`How data flows with ${name}`} />
          </section>
        </section>
        <Points title="Advantages" kind="for" points={advantages} />
        <Points title="Limits" kind="against" points={limits} />
        <Points title="Choose it when" kind="for" points={chooseWhen} />
        <Points title="Choose something else when" kind="against" points={avoidWhen} />
        <Facts protocol={protocol} />
        <Measured protocol={protocol} />
        <section class="card protocol-wide" aria-label="Uses">
          <div class="card-head">
            <h2>What for</h2>
          </div>
          <dl class="card-body fits">
            {USES.map(({ id, name: use }) => (
              <div key={id}>
                <dt>
                  <span class={`grade ${protocol.fits[id].grade}`}>{protocol.fits[id].grade}</span> {use}
                </dt>
                <dd>
                  <Words text={protocol.fits[id].reason} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
        <section class="card protocol-wide" aria-label="Try it">
          <div class="card-head">
            <h2>Try it</h2>
          </div>
          <div class="card-body">
            <CodeBlock text={toCommand(protocol.example)} wraps label="Command that shows it" />
          </div>
        </section>
      </div>
    </>
  );
}

interface PointsProps {
  readonly title: string;
  readonly kind: "for" | "against";
  readonly points: readonly string[];
}

function Points({ title, kind, points }: PointsProps) {
  return (
    <section class="card" aria-label={title}>
      <div class="card-head">
        <h2>{title}</h2>
      </div>
      <ul class="card-body reasons">
        {points.map((point) => (
          <li key={point} class={kind}>
            <Words text={point.replace(/;$/, ".")} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Facts({ protocol }: { readonly protocol: Protocol }) {
  const { guarantees, delivery, resume, cost, proxies, browser, tooling } = protocol;
  const facts = [
    { name: "Delivery", text: delivery },
    { name: "After a cut", text: resume },
    { name: "A connection costs", text: cost.connection },
    { name: "An event costs", text: cost.event },
    { name: "Running it", text: cost.operation },
    { name: `Proxies pass it ${proxies.passes}`, text: proxies.why },
    { name: `In browsers: ${browser.support}`, text: browser.why },
    { name: "Tools", text: tooling.join("; ") },
  ];
  return (
    <section class="card protocol-wide" aria-label="Facts">
      <div class="card-head">
        <h2>Facts</h2>
        {guarantees !== undefined && (
          <ul class="row guarantees" aria-label="Guarantees">
            {Object.entries(guarantees).map(([guarantee, holds]) => (
              <li key={guarantee} class={`badge ${holds ? "good" : ""}`}>
                {holds ? guarantee : <s>{guarantee}</s>}
                {!holds && <span class="visually-hidden"> (not offered)</span>}
              </li>
            ))}
          </ul>
        )}
      </div>
      <dl class="card-body facts">
        {facts.map(({ name, text }) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>
              <Words text={text} />
            </dd>
          </div>
        ))}
      </dl>
    </section>
  );
}

/** What the comparison has measured of it; without a measurement, how to make one. */
function Measured({ protocol }: { readonly protocol: Protocol }) {
  if (protocol.vias.length === 0) return null;
  const rows = protocol.vias.flatMap((via) => {
    const figures = FIGURES?.vias[via];
    return figures === undefined ? [] : [{ via, ...figures }];
  });
  return (
    <section class="card protocol-wide" aria-label="Measured">
      <div class="card-head">
        <h2>Measured</h2>
        {rows.length > 0 && <span class="small muted">{FIGURES?.measuredAt.slice(0, 10)}</span>}
      </div>
      <div class="card-body stack">
        {rows.length === 0 ? (
          <>
            <p class="small muted">
              No measurement is kept with this build. The race measures here and now, and this one keeps it:
            </p>
            <CodeBlock
              text="npx everywire bench --write guide/figures.json"
              wraps
              label="Command that measures"
            />
          </>
        ) : (
          <>
            <table class="figures">
              <thead>
                <tr>
                  <th scope="col">via</th>
                  <th scope="col">p50</th>
                  <th scope="col">p99</th>
                  <th scope="col">until live</th>
                  <th scope="col">bytes an event</th>
                  <th scope="col">events</th>
                </tr>
              </thead>
              <tbody>
                {rows.map(({ via, p50Ms, p99Ms, connectMs, bytesPerEvent, events }) => (
                  <tr key={via}>
                    <th scope="row">
                      <code>{via}</code>
                    </th>
                    <td>{p50Ms.toFixed(1)} ms</td>
                    <td>{p99Ms.toFixed(1)} ms</td>
                    <td>{connectMs.toFixed(1)} ms</td>
                    <td>{Math.round(bytesPerEvent)}</td>
                    <td>{events}</td>
                  </tr>
                ))}
              </tbody>
            </table>
            <p class="small muted">
              {FIGURES?.method} Events with {FIGURES?.dataBytes} bytes of data. {FIGURES?.machine}
            </p>
          </>
        )}
      </div>
    </section>
  );
}

/** The guide's command, for this server. Ports of other listeners are those that `npm start` takes. */
function toCommand(example: string): string {
  const ports: Readonly<Record<string, string>> = {
    TCP_PORT: "7101",
    UDP_PORT: "7102",
    MQTT_PORT: "7183",
    GRPC_PORT: "50051",
    TLS_PORT: "8443",
  };
  return example
    .replaceAll("{url}", ORIGIN)
    .replaceAll("{ws}", ORIGIN.replace(/^http/, "ws"))
    .replaceAll("{host}", location.hostname)
    .replace(/\{([A-Z_]+)\}/g, (whole, name: string) => ports[name] ?? whole);
}
