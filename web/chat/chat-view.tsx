import { useSignal } from "@preact/signals";
import { useEffect, useMemo } from "preact/hooks";
import { CodeBlock } from "../parts/code-block.tsx";
import { Notice } from "../parts/notice.tsx";
import { Icon } from "../shell/icons.tsx";
import { ORIGIN } from "../shell/server.ts";
import { session } from "../shell/session.ts";
import { Chat } from "./chat.ts";
import { Messages } from "./messages.tsx";

const ROOM = /^[A-Za-z0-9._~:@-]{1,64}$/;

/** A chat room: the channel `rooms/{room}`, through the client library. */
export function ChatView() {
  const room = useSignal("lobby");
  const asked = useSignal("lobby");
  const isBad = !ROOM.test(asked.value);
  const enter = (event: Event) => {
    event.preventDefault();
    if (!isBad) room.value = asked.value;
  };
  return (
    <>
      <div class="intro">
        <h1>Chat</h1>
        <p class="lead">
          A room is a channel: history is its log, presence its connections. Open this page in a second
          window, and sign in as somebody else.
        </p>
      </div>
      {session.value === undefined && (
        <Notice>
          Without signing in this is the open room under <code>demo/</code>, where everybody is anonymous.
          Sign in, at the top, for <code>rooms/{room.value}</code>, where the server says who wrote what.
        </Notice>
      )}
      <form class="row" onSubmit={enter} aria-label="Room">
        <label class="label" for="room">
          Room
        </label>
        <input
          id="room"
          class="input room"
          aria-invalid={isBad}
          value={asked.value}
          onInput={(event) => (asked.value = event.currentTarget.value)}
        />
        <button type="submit" class="button" disabled={isBad || asked.value === room.value}>
          Enter
        </button>
        {isBad && <span class="hint">Letters, digits and . _ ~ : @ -, at most 64</span>}
      </form>
      <RoomView key={`${session.value?.token ?? ""} ${room.value}`} room={room.value} />
    </>
  );
}

function RoomView({ room }: { readonly room: string }) {
  const chat = useMemo(() => new Chat(room), [room]);
  useEffect(() => () => chat.leave(), [chat]);
  const text = useSignal("");
  const send = (event: Event) => {
    event.preventDefault();
    const written = text.value.trim();
    if (written === "") return;
    text.value = "";
    void chat.send(written);
  };
  const { members, state, typing, problem } = chat;
  return (
    <div class="chat">
      <section class="card chat-room" aria-label={`Room ${room}`}>
        <div class="card-head">
          <h2 class="wrap-anywhere">{room}</h2>
          <span class={`badge ${state.value === "live" ? "good" : "warn"}`} data-state={state.value}>
            {state.value}
          </span>
          <button type="button" class="button slim" onClick={() => chat.cut()}>
            <Icon name="cut" /> Cut my connection
          </button>
        </div>
        {problem.value !== undefined && (
          <div class="card-body">
            <Notice kind="bad">{problem.value}</Notice>
          </div>
        )}
        <Messages chat={chat} />
        <p class="typing" aria-live="polite">
          {typing.value.length > 0 &&
            `${typing.value.join(", ")} ${typing.value.length > 1 ? "are" : "is"} writing…`}
        </p>
        <form class="composer" onSubmit={send} aria-label="Message">
          <input
            class="input"
            aria-label="Message"
            placeholder="Write a message"
            autocomplete="off"
            maxLength={4000}
            value={text.value}
            onInput={(event) => {
              text.value = event.currentTarget.value;
              chat.startTyping();
            }}
          />
          <button type="submit" class="button primary">
            <Icon name="send" /> Send
          </button>
        </form>
      </section>
      <div>
        <section class="card" aria-label="Who is here">
          <div class="card-head">
            <h2>Here now</h2>
            <span class="badge num">{members.value.length}</span>
          </div>
          <ul class="card-body members">
            {members.value.map(({ id, name, connections }) => (
              <li key={id}>
                <span class="avatar" aria-hidden="true">
                  {name.slice(0, 1).toUpperCase()}
                </span>
                <span class="wrap-anywhere">{name}</span>
                {id === session.value?.userId && <span class="muted small">you</span>}
                {connections > 1 && <span class="muted small num">×{connections}</span>}
              </li>
            ))}
            {members.value.length === 0 && <li class="muted">Nobody yet</li>}
          </ul>
        </section>
      </div>
      <section class="card wires" aria-label="Over other wires">
        <div class="card-head">
          <h2>Over other wires</h2>
        </div>
        <div class="card-body stack">
          <p class="small muted">Whoever writes to the channel is in the room.</p>
          <CodeBlock
            wraps
            label="curl"
            text={`curl ${ORIGIN}/channels/${chat.channel} -H 'content-type: application/json'${toAuthorization()} -d '{"type":"chat.message","data":{"text":"hello from curl"}}'`}
          />
        </div>
      </section>
    </div>
  );
}

function toAuthorization(): string {
  const { token } = session.value ?? {};
  return token === undefined ? "" : ` -H 'authorization: Bearer ${token}'`;
}
