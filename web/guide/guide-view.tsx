import { PROTOCOLS } from "../../guide/protocols.ts";
import { route } from "../shell/router.ts";
import { Chooser } from "./chooser.tsx";
import { Matrix } from "./matrix.tsx";
import { ProtocolView } from "./protocol-view.tsx";

/** Which protocol for what, and why: the same data as `GET /guide` and `everywire choose`. */
export function GuideView() {
  const protocol = PROTOCOLS.find(({ id }) => id === route.value.rest);
  if (protocol !== undefined) return <ProtocolView key={protocol.id} protocol={protocol} />;
  return (
    <>
      <div class="intro">
        <h1>Which protocol, and why</h1>
        <p class="lead">
          Answer what you know. Each answer weighs, some rule a protocol out, and every point comes with its
          reason.
        </p>
      </div>
      <Chooser />
      <Matrix />
      <section class="stack" aria-labelledby="protocols">
        <h2 id="protocols">The protocols</h2>
        <ul class="protocols">
          {PROTOCOLS.map(({ id, name, summary }) => (
            <li key={id}>
              <a class="card protocol-card" href={`#/guide/${id}`}>
                <strong>{name}</strong>
                <span>{summary}</span>
              </a>
            </li>
          ))}
        </ul>
      </section>
    </>
  );
}
