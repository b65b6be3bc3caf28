import { useSignal } from "@preact/signals";
import { Notice } from "../parts/notice.tsx";
import { api } from "../shell/api.ts";
import { Icon } from "../shell/icons.tsx";
import { toMessage } from "../shell/server.ts";
import type { DeadLetter } from "./dead-letters.tsx";
import { DeadLetters } from "./dead-letters.tsx";
import { useResource } from "./resource.ts";

interface Message {
  readonly messageId: string;
  readonly channel: string | null;
  readonly url?: string;
  readonly notBefore?: string;
  readonly createdAt: string;
}

interface Queue {
  readonly waiting: readonly Message[];
  /** Those whose channel one may write to. */
  readonly letters: readonly DeadLetter[];
}

/** Messages that go to the queue, and wait there for their time. */
export function PushCard() {
  const channel = useSignal("demo/jobs");
  const data = useSignal('{"job":"send the newsletter"}');
  const delay = useSignal("5s");
  const url = useSignal("");
  const sent = useSignal<readonly string[]>([]);
  const problem = useSignal<string | undefined>(undefined);
  const queue = useResource<Queue>(async () => {
    const found = await Promise.all(sent.peek().map(loadMessage));
    // What is not there any more was delivered or given up, and is not asked for again.
    sent.value = sent.peek().filter((_, index) => found[index] !== undefined);
    const { body } = await api<{ deadLetters: DeadLetter[] }>("GET", "/queue/dead-letters?limit=20");
    return {
      waiting: found.filter((message) => message !== undefined),
      letters: body.deadLetters.filter(({ origin }) => origin === "queue"),
    };
  }, "queue");
  const push = async (event: Event) => {
    event.preventDefault();
    try {
      const { body } = await api<{ messageId: string }>("POST", `/queue/${channel.value}`, {
        type: "job.wanted",
        data: JSON.parse(data.value),
        ...(delay.value === "" ? {} : { delay: delay.value }),
        ...(url.value === "" ? {} : { url: url.value, retries: 2, retryDelay: "1000" }),
      });
      sent.value = [body.messageId, ...sent.value].slice(0, 20);
      problem.value = undefined;
      await queue.refresh();
    } catch (thrown) {
      problem.value = thrown instanceof SyntaxError ? "The data is no JSON." : toMessage(thrown);
    }
  };
  const takeBack = ({ messageId }: Message) =>
    queue.act(async () => {
      const before = sent.peek();
      // First, so that nobody asks for it meanwhile, and is told that it is not there.
      sent.value = before.filter((id) => id !== messageId);
      try {
        await api("DELETE", `/queue/messages/${messageId}`);
      } catch (thrown) {
        sent.value = before;
        throw thrown;
      }
    });
  const { waiting = [], letters = [] } = queue.value.value ?? {};
  return (
    <section class="card" aria-label="Later">
      <div class="card-head">
        <h2>Later, and until it arrives</h2>
      </div>
      <div class="card-body stack">
        <form class="form-grid" onSubmit={push}>
          <label class="field">
            <span class="label">Channel</span>
            <input
              class="input mono"
              required
              value={channel.value}
              onInput={(event) => (channel.value = event.currentTarget.value)}
            />
          </label>
          <label class="field">
            <span class="label">Delay</span>
            <input
              class="input mono"
              placeholder="10s, 2m, 1h"
              value={delay.value}
              onInput={(event) => (delay.value = event.currentTarget.value)}
            />
          </label>
          <label class="field full">
            <span class="label">Data (JSON)</span>
            <input
              class="input mono"
              required
              value={data.value}
              onInput={(event) => (data.value = event.currentTarget.value)}
            />
          </label>
          <label class="field full">
            <span class="label">Push to a URL instead</span>
            <input
              class="input mono"
              type="url"
              placeholder="https://example.org/hook"
              value={url.value}
              onInput={(event) => (url.value = event.currentTarget.value)}
            />
            <span class="hint">
              Left empty, it is published into the channel. Anything but 2xx is tried again, then a dead
              letter.
            </span>
          </label>
          <button type="submit" class="button primary full">
            <Icon name="send" /> Put it into the queue
          </button>
        </form>
        {(problem.value ?? queue.problem.value) !== undefined && (
          <Notice kind="bad">{problem.value ?? queue.problem.value}</Notice>
        )}
        <h3>Waiting</h3>
        {waiting.length === 0 && <p class="small muted">Nothing that was sent from here is still waiting.</p>}
        <ul class="notes" aria-live="polite">
          {waiting.map((message) => (
            <li key={message.messageId} data-message={message.messageId}>
              <Icon name="delivery" />
              <span class="wrap-anywhere">
                to <code>{message.url ?? message.channel}</code>
                {message.notBefore !== undefined && (
                  <span class="muted"> at {toClock(message.notBefore)}</span>
                )}
              </span>
              <button type="button" class="button slim" onClick={() => void takeBack(message)}>
                Take back
              </button>
            </li>
          ))}
        </ul>
        <DeadLetters letters={letters} work={queue} />
      </div>
    </section>
  );
}

/** Undefined for one that is not waiting any more. */
async function loadMessage(messageId: string): Promise<Message | undefined> {
  try {
    return (await api<Message>("GET", `/queue/messages/${messageId}`)).body;
  } catch {
    return undefined;
  }
}

function toClock(time: string): string {
  return new Date(time).toLocaleTimeString([], {
    hour: "2-digit",
    minute: "2-digit",
    second: "2-digit",
    hourCycle: "h23",
  });
}
