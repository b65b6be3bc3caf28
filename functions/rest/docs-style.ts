/** The style sheet of `/docs`; light and dark as the reader's system has it. */
export const DOCS_STYLE = `
:root { color-scheme: light dark; --ink: light-dark(#1a1d23, #e8eaed); --soft: light-dark(#5b6472, #9aa3b2);
  --line: light-dark(#e3e6eb, #2b3038); --paper: light-dark(#ffffff, #14171c); --panel: light-dark(#f6f7f9, #1b1f26);
  --accent: light-dark(#0b5cad, #7ab8ff); }
* { box-sizing: border-box; }
html { scroll-padding-top: 1rem; }
body { margin: 0; font: 15px/1.55 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  display: grid; grid-template-columns: 17rem minmax(0, 1fr); }
nav { position: sticky; top: 0; height: 100vh; overflow: auto; padding: 1.5rem 1.25rem;
  border-right: 1px solid var(--line); background: var(--panel); font-size: 13.5px; }
nav h1 { font-size: 1.1rem; margin: 0 0 .25rem; }
nav h2 { font-size: .75rem; text-transform: uppercase; letter-spacing: .06em; color: var(--soft); margin: 1.25rem 0 .25rem; }
nav ul { list-style: none; margin: 0; padding: 0; }
nav li a { display: block; padding: .15rem 0; color: var(--ink); text-decoration: none; }
a { color: var(--accent); }
a:focus-visible, summary:focus-visible { outline: 2px solid var(--accent); outline-offset: 2px; }
main { padding: 2rem clamp(1rem, 4vw, 3.5rem) 5rem; max-width: 62rem; }
main h2 { font-size: 1.5rem; margin: 3rem 0 .5rem; text-transform: capitalize; }
article { border: 1px solid var(--line); border-radius: 10px; margin: 1.25rem 0; overflow: hidden; }
article > header { padding: .8rem 1rem; background: var(--panel); border-bottom: 1px solid var(--line); }
article h3 { margin: 0; font: 600 14.5px/1.5 ui-monospace, Menlo, Consolas, monospace; overflow-wrap: anywhere; }
article p { margin: .25rem 0 0; color: var(--soft); }
.body { padding: .25rem 1rem 1rem; }
.method { display: inline-block; min-width: 4.2em; text-align: center; margin-right: .6em; padding: .05em .5em;
  border-radius: 5px; font-size: 12px; color: #fff; background: #5b6472; }
.get { background: #1768ac; } .post { background: #2a7d46; } .put { background: #94610a; }
.patch { background: #7a4bb5; } .delete { background: #b3333b; }
h4 { margin: 1rem 0 .35rem; font-size: .8rem; text-transform: uppercase; letter-spacing: .05em; color: var(--soft); }
table { border-collapse: collapse; width: 100%; font-size: 13.5px; }
td { border-top: 1px solid var(--line); padding: .3rem .75rem .3rem 0; vertical-align: top; }
td:first-child { white-space: nowrap; width: 1%; }
code, pre { font: 13px/1.5 ui-monospace, Menlo, Consolas, monospace; }
pre { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: .75rem 1rem; overflow-x: auto; margin: 0; }
details > summary { cursor: pointer; color: var(--accent); margin-top: 1rem; }
@media (max-width: 760px) { body { display: block; } nav { position: static; height: auto; border-right: 0;
  border-bottom: 1px solid var(--line); } }
`;
