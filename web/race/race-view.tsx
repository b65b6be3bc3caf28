export function RaceView() {
  return (
    <div class="intro">
      <h1>One log. Every wire.</h1>
    </div>
  );
}
