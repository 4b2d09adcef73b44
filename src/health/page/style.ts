/** System fonts, light and dark, from 320 px on. Nothing is fetched. */
export const STYLE = `
:root {
  color-scheme: light dark;
  --ground: #f5f6f8; --paper: #fff; --text: #1a1e24; --soft: #5a6370; --rule: #dfe3e8; --grid: #e8ebef;
  --first: #1f5fd6; --fill: #1f5fd61f; --second: #a3480c;
  --good: #17703a; --good-paper: #e5f4ea; --busy: #3d5a80; --busy-paper: #e7edf5;
  --poor: #855400; --poor-paper: #fdf1d8; --bad: #b3181f; --bad-paper: #fdeaea; --on-mark: #fff;
  --mono: ui-monospace, 'SF Mono', SFMono-Regular, Menlo, Consolas, 'DejaVu Sans Mono', monospace;
}
@media (prefers-color-scheme: dark) {
  :root {
    --ground: #0e1116; --paper: #161b22; --text: #e5e9ef; --soft: #9ba6b4; --rule: #2b323c; --grid: #242b34;
    --first: #79aaff; --fill: #79aaff2b; --second: #f0a266;
    --good: #5ccb87; --good-paper: #12261b; --busy: #9dbbe0; --busy-paper: #182433;
    --poor: #e8b04a; --poor-paper: #2c2210; --bad: #ff8a80; --bad-paper: #351517; --on-mark: #0e1116;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--ground); color: var(--text); -webkit-text-size-adjust: 100%;
  font: 15px/1.45 system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'Liberation Sans', Arial, sans-serif;
  font-variant-numeric: tabular-nums; overflow-wrap: anywhere;
}
h1, h2, h3, p, ul, figure, table { margin: 0; padding: 0; }
h1, h2, h3 { font-size: 1rem; line-height: 1.3; }
ul { list-style: none; }
time { white-space: nowrap; }
a { color: inherit; text-underline-offset: .2em; }
:focus-visible { outline: 2px solid var(--first); outline-offset: 2px; border-radius: 4px; }
.unseen { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
header, main, footer { max-width: 1280px; margin: 0 auto; padding: 0 clamp(12px, 2.5vw, 32px); }
header { display: flex; flex-wrap: wrap; justify-content: space-between; gap: 0 16px; padding-block: 14px 10px; }
header h1 { font-weight: 650; }
header p, footer, .note, .since, .read { color: var(--soft); font-size: .8667rem; }
footer { display: flex; flex-wrap: wrap; gap: 4px 20px; padding-block: 20px 32px; }
section, details { margin-top: 16px; }
h2 { margin-bottom: 8px; font-weight: 650; }
#silent { margin: 0 0 10px; padding: 10px 14px; border-radius: 10px; background: var(--bad); color: var(--on-mark); font-weight: 600; }
.stale #status, .stale section, .stale details { opacity: .5; }

#status { display: flex; align-items: center; gap: 18px; padding: 18px 22px; border-radius: 14px; border: 1px solid; }
#status.good { background: var(--good-paper); border-color: var(--good); }
#status.busy { background: var(--busy-paper); border-color: var(--busy); }
#status.poor { background: var(--poor-paper); border-color: var(--poor); }
#status.bad { background: var(--bad-paper); border-color: var(--bad); }
#status.good h2 { color: var(--good); } #status.busy h2, #status.busy .kicker { color: var(--busy); }
#status.poor h2, #status.poor .kicker { color: var(--poor); } #status.bad h2, #status.bad .kicker { color: var(--bad); }
#status .since, #status .read { color: inherit; }
#status h2 { margin: 0 0 4px; font-size: clamp(1.25rem, 2.6vw, 1.75rem); line-height: 1.2; font-weight: 700; letter-spacing: -.01em; }
.mark { flex: none; align-self: flex-start; width: 52px; height: 52px; border-radius: 50%; display: grid; place-items: center;
  color: var(--on-mark); font-size: 28px; font-weight: 700; line-height: 1; }
.mark.good { background: var(--good); } .mark.busy { background: var(--busy); }
.mark.poor { background: var(--poor); } .mark.bad { background: var(--bad); }
.words { min-width: 0; max-width: 90ch; text-wrap: pretty; }
.kicker { font-weight: 650; font-size: .8667rem; }

.small { margin: 14px 0 6px; color: var(--soft); font-size: .8667rem; font-weight: 600; }
.matters { display: grid; gap: 10px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 420px), 1fr)); }
.matters li { display: flex; gap: 10px; padding: 11px 16px; background: var(--paper); border: 1px solid var(--rule);
  border-left: 4px solid; border-radius: 10px; }
.matters li.bad { border-left-color: var(--bad); } .matters li.poor { border-left-color: var(--poor); }
.matters li.busy { border-left-color: var(--busy); }
.matters li.bad .sign { color: var(--bad); } .matters li.poor .sign { color: var(--poor); } .matters li.busy .sign { color: var(--busy); }
.matters li > div { flex: 1; min-width: 0; }
.sign { font-weight: 700; width: 1em; text-align: center; }
.past { display: grid; gap: 4px; font-size: .9333rem; }
.past li { display: flex; flex-wrap: wrap; gap: 0 14px; } .when { color: var(--soft); }

.cards { display: grid; gap: 12px; grid-template-columns: repeat(auto-fit, minmax(min(100%, 300px), 1fr)); }
.card, .panel, details { background: var(--paper); border: 1px solid var(--rule); border-radius: 12px; padding: 14px 16px; }
.card { display: grid; grid-template-rows: 1fr auto; gap: 8px; }
.card.poor .value { color: var(--poor); } .card.bad .value { color: var(--bad); }
.card h3 { color: var(--soft); font-size: .8667rem; font-weight: 600; }
.value { font-size: 1.75rem; font-weight: 650; line-height: 1.25; letter-spacing: -.015em; }
.value small { margin-left: .25em; font-size: .9333rem; font-weight: 500; letter-spacing: 0; color: var(--soft); }
.value .key { margin-right: .9em; }
.key { padding-bottom: 1px; border-bottom: 3px solid; }
.value .key.first { border-color: var(--first); } .value .key.second { border-color: var(--second); border-bottom-style: dashed; }

.plot { position: relative; padding: 0 0 18px 48px; font-size: .75rem; color: var(--soft); }
.plot svg { display: block; width: 100%; height: 84px; overflow: visible; }
.plot span { position: absolute; line-height: 1; }
.plot .top { top: -2px; } .plot .bottom { bottom: 15px; }
.plot .top, .plot .bottom { left: 0; width: 41px; text-align: right; white-space: nowrap; }
.plot .then { left: 48px; bottom: 0; } .plot .now { right: 0; bottom: 0; }
.plot line, .plot polyline { fill: none; vector-effect: non-scaling-stroke; stroke-width: 1; }
.grid { stroke: var(--grid); } .ground { stroke: var(--rule); } .limit { stroke: var(--poor); stroke-dasharray: 2 3; }
.plot .line { stroke-width: 1.75; stroke-linejoin: round; stroke-linecap: round; }
.line.first { stroke: var(--first); } .line.second { stroke: var(--second); stroke-dasharray: 4 3; }
.area.first { fill: var(--fill); } .bar.alarm { fill: var(--bad); }
.band.bad { fill: var(--bad); opacity: .15; } .band.poor { fill: var(--poor); opacity: .1; }
.legend { margin: 8px 0 16px; }
.legend span { white-space: nowrap; margin-right: 14px; }
.legend span::before { content: ''; display: inline-block; width: 12px; height: 12px; margin-right: 6px; vertical-align: -1px; border-radius: 2px; opacity: .3; }
.legend .bad::before { background: var(--bad); } .legend .poor::before { background: var(--poor); }

.panels { margin-top: 12px; display: grid; gap: 12px; grid-template-columns: repeat(6, 1fr); }
.panel { overflow-x: auto; margin: 0; grid-column: span 2; min-width: 0; } .panel.wide { grid-column: span 4; }
@media (max-width: 900px) { .panel, .panel.wide { grid-column: 1 / -1; } }
table { overflow-wrap: break-word; width: 100%; border-collapse: collapse; font-size: .9333rem; }
caption { text-align: left; }
th, td { padding: 5px 0 5px 12px; text-align: left; vertical-align: baseline; border-top: 1px solid var(--grid); }
th:first-child { padding-left: 0; }
thead th { border-top: 0; color: var(--soft); font-size: .8rem; font-weight: 600; }
tbody th { font-weight: 400; }
tbody tr:first-child > * { border-top-color: var(--rule); }
.facts tbody tr:first-child > * { border-top: 0; }
.number { text-align: right; white-space: nowrap; }
.facts th { color: var(--soft); padding-right: 8px; white-space: nowrap; } .facts td { text-align: right; }
td.poor, td.bad { font-weight: 600; } td.poor { color: var(--poor); } td.bad { color: var(--bad); }
td.good::before { content: ''; display: inline-block; width: 8px; height: 8px; border-radius: 50%; margin-right: 7px; background: var(--good); }
td.poor::before { content: '! '; } td.bad::before { content: '✖ '; }
.tag { display: inline-block; padding: 0 7px; border-radius: 20px; background: var(--poor-paper); color: var(--poor); font-size: .8rem; font-weight: 600; white-space: nowrap; }
summary { cursor: pointer; font-weight: 600; }
.scroll { overflow-x: auto; margin-top: 10px; }
.scroll table { min-width: 640px; overflow-wrap: normal; }
#topics table { min-width: 0; overflow-wrap: break-word; }
@media (max-width: 480px) {
  #lag td:nth-child(4), #lag th:nth-child(4), #topics td:nth-child(4), #topics th:nth-child(4) { display: none; }
  .facts th { white-space: normal; }
  #status { padding: 14px; gap: 12px; } .mark { width: 40px; height: 40px; font-size: 22px; }
  .card, .panel, details { padding: 12px; } .plot svg { height: 64px; } .value { font-size: 1.5rem; }
}
@media (forced-colors: active) { .line, .area, .bar { forced-color-adjust: none; } }
@media print { body { background: #fff; } details { display: none; } }
`;
