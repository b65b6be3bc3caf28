import { useEffect, useRef } from "preact/hooks";
import { session } from "../shell/session.ts";
import type { Chat } from "./chat.ts";

const NEAR_END_PX = 80;

/** What was said, the newest last. It stays at the end unless one reads further up. */
export function Messages({ chat }: { readonly chat: Chat }) {
  const list = useRef<HTMLOListElement>(null);
  const messages = chat.messages.value;
  const unsent = chat.unsent.value;
  const isAtEnd = useRef(true);
  // biome-ignore lint/correctness/useExhaustiveDependencies: it runs when something was said
  useEffect(() => {
    if (isAtEnd.current) list.current?.scrollTo({ top: list.current.scrollHeight });
  }, [messages, unsent]);
  const onScroll = () => {
    const { current } = list;
    if (current !== null)
      isAtEnd.current = current.scrollHeight - current.scrollTop - current.clientHeight < NEAR_END_PX;
  };
  return (
    <ol class="messages" ref={list} onScroll={onScroll} aria-live="polite" aria-label="Messages">
      {messages.length === 0 && unsent.length === 0 && <li class="empty">Nothing was said here yet.</li>}
      {messages.map(({ id, from, text, time, sequence }) => (
        <li key={sequence} class={from === session.value?.userId ? "message own" : "message"} data-id={id}>
          <span class="message-head">
            <strong>{from}</strong> <time dateTime={time}>{toClock(time)}</time>
          </span>
          <span class="message-text">{text}</span>
        </li>
      ))}
      {unsent.map(({ key, text, problem }) => (
        <li key={`unsent ${key}`} class="message own unsent">
          <span class="message-text">{text}</span>
          <span class="message-head">{problem ?? "on its way…"}</span>
        </li>
      ))}
    </ol>
  );
}

function toClock(time: string): string {
  return new Date(time).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
}
