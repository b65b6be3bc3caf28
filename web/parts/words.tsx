/** A text in which `code` stands between backticks, as the guide and the notes have it. */
export function Words({ text }: { readonly text: string }) {
  const parts = text.split("`");
  return (
    <>
      {parts.map((part, index) => {
        const place = `${index} ${part}`;
        return index % 2 === 1 ? <code key={place}>{part}</code> : part;
      })}
    </>
  );
}
