import { useSignal } from "@preact/signals";
import { Notice } from "../parts/notice.tsx";
import { api } from "../shell/api.ts";
import { Icon } from "../shell/icons.tsx";
import type { DeadLetter } from "./dead-letters.tsx";
import { DeadLetters } from "./dead-letters.tsx";
import { useResource } from "./resource.ts";

interface Leased {
  readonly leaseId: string;
  readonly attempt: number;
  readonly leasedUntil: string;
  readonly event: { readonly type: string; readonly data: unknown };
}

interface Group {
  readonly waiting: number;
  readonly leased: number;
  readonly deadLetters: number;
}

interface Work {
  readonly group: Group;
  readonly letters: readonly DeadLetter[];
}

/** Work that consumers pull: one at a time has a message, and what none of them settles becomes a dead letter. */
export function WorkCard() {
  const channel = useSignal("demo/jobs");
  const leased = useSignal<readonly Leased[]>([]);
  const path = channel.value;
  const work = useResource<Work>(async () => {
    const group = await api<Group>("GET", `/queue/${channel.peek()}`);
    const letters = await api<{ deadLetters: DeadLetter[] }>(
      "GET",
      `/queue/dead-letters?channel=${encodeURIComponent(channel.peek())}&group=default`,
    );
    return { group: group.body, letters: letters.body.deadLetters };
  }, path);
  const publish = () =>
    work.act(() =>
      api("POST", `/channels/${path}`, {
        type: "job.wanted",
        data: { job: `number ${Date.now() % 10_000}` },
      }),
    );
  const lease = () =>
    work.act(async () => {
      const { body } = await api<{ messages: Leased[] }>("POST", `/queue/${path}/lease`, {
        max: 1,
        visibilityTimeout: 30,
      });
      leased.value = [...leased.value, ...body.messages];
    });
  const settle = (message: Leased, how: "ack" | "nack") =>
    work.act(async () => {
      leased.value = leased.value.filter(({ leaseId }) => leaseId !== message.leaseId);
      await api("POST", `/queue/${path}/${how}`, { leaseIds: [message.leaseId] });
    });
  const { group, letters = [] } = work.value.value ?? {};
  return (
    <section class="card" aria-label="Work">
      <div class="card-head">
        <h2>Work that is pulled</h2>
        <span class="badge num" data-count="waiting">
          {group?.waiting ?? 0} waiting
        </span>
        <span class="badge num">{group?.leased ?? 0} out</span>
        <span class={`badge num ${letters.length > 0 ? "bad" : ""}`} data-count="dead">
          {letters.length} dead
        </span>
      </div>
      <div class="card-body stack">
        <label class="field">
          <span class="label">Channel</span>
          <input
            class="input mono"
            value={channel.value}
            onInput={(event) => (channel.value = event.currentTarget.value)}
          />
          <span class="hint">Every event on it is a piece of work, through whichever door it came.</span>
        </label>
        <div class="row">
          <button type="button" class="button" onClick={() => void publish()}>
            <Icon name="plus" /> Add a job
          </button>
          <button type="button" class="button primary" onClick={() => void lease()}>
            Take one
          </button>
        </div>
        {work.problem.value !== undefined && <Notice kind="bad">{work.problem.value}</Notice>}
        <ul class="notes" aria-live="polite">
          {leased.value.map((message) => (
            <li key={message.leaseId}>
              <Icon name="delivery" />
              <span class="wrap-anywhere">
                <code>{JSON.stringify(message.event.data)}</code>
                <span class="muted"> attempt {message.attempt}</span>
              </span>
              <span class="row">
                <button type="button" class="button slim" onClick={() => void settle(message, "ack")}>
                  Done
                </button>
                <button type="button" class="button slim danger" onClick={() => void settle(message, "nack")}>
                  Fail
                </button>
              </span>
            </li>
          ))}
          {leased.value.length === 0 && (
            <li class="muted">No job is taken. One that fails five times is a dead letter.</li>
          )}
        </ul>
        <DeadLetters letters={letters} work={work} />
      </div>
    </section>
  );
}
