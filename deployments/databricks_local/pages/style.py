"""What all pages look like, and the script that keeps a page up to date."""

import base64
import hashlib

STYLE = """
:root { color-scheme: light dark; --ink: #1a2330; --soft: #5a6676; --line: #dce2e9; --bg: #f4f6f8;
  --box: #fff; --code: #f6f8fa; --good: #17774a; --bad: #b42318; --busy: #1d5fc4; --wait: #8a5a00;
  --off: #667384; --edge: #a9b4c1; }
@media (prefers-color-scheme: dark) { :root { --ink: #e3e9f0; --soft: #98a5b5; --line: #2d3743; --bg: #0f141a;
  --box: #171e26; --code: #121920; --good: #56c98e; --bad: #ff8d80; --busy: #83b2ff; --wait: #e5b45a;
  --off: #93a0b0; --edge: #4d5a69; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; }
header.top { background: var(--box); border-bottom: 1px solid var(--line); }
header.top nav { max-width: 80rem; margin: 0 auto; padding: .6rem 1rem; display: flex; gap: 1.2rem; }
header.top strong { font-weight: 600; margin-right: auto; }
main { max-width: 80rem; margin: 0 auto; padding: 1rem 1rem 4rem; }
a { color: var(--busy); text-decoration: none; } a:hover { text-decoration: underline; }
h1 { font-size: 1.35rem; line-height: 1.3; margin: .2rem 0 .5rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0 0 .6rem; overflow-wrap: anywhere; }
h3 { font-size: .9rem; margin: .9rem 0 .3rem; font-weight: 600; }
section { background: var(--box); border: 1px solid var(--line); border-radius: 8px; padding: .9rem 1rem;
  margin: 0 0 1rem; min-width: 0; }
section.plain { background: none; border: 0; padding: 0; }
.soft { color: var(--soft); } .small { font-size: .86rem; }
.scroll { overflow: auto; max-width: 100%; } .tall { max-height: 36rem; }
dl.facts { display: flex; flex-wrap: wrap; gap: .3rem 1.6rem; margin: .5rem 0 0; }
dl.facts div { display: flex; gap: .45rem; } dl.facts dt { color: var(--soft); }
dl.facts dd { margin: 0; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem .9rem .4rem 0; border-bottom: 1px solid var(--line);
  vertical-align: top; overflow-wrap: anywhere; }
tbody tr:last-child td { border-bottom: 0; }
th { color: var(--soft); font-weight: 500; font-size: .86rem; white-space: nowrap; }
td.number { font-variant-numeric: tabular-nums; white-space: nowrap; }
td.error { color: var(--soft); font-size: .86rem; max-width: 28rem; }
table.data { width: auto; font-size: .86rem; } table.data td, table.data th { padding: .25rem .7rem;
  border: 1px solid var(--line); white-space: pre-wrap; } table.data th { background: var(--code); }
.state { font-weight: 600; font-size: .86rem; white-space: nowrap; }
.state::before { content: ""; display: inline-block; width: .6em; height: .6em; border-radius: 50%;
  background: currentColor; margin-right: .45em; }
.good { color: var(--good); } .bad { color: var(--bad); } .busy { color: var(--busy); }
.wait { color: var(--wait); } .off { color: var(--off); }
.filters { display: flex; flex-wrap: wrap; gap: .4rem; margin: 0 0 .8rem; }
.filters a { border: 1px solid var(--line); border-radius: 99px; padding: .15rem .8rem; color: var(--ink);
  background: var(--box); font-size: .9rem; }
.filters a[aria-current] { border-color: var(--busy); color: var(--busy); font-weight: 600; }
svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .sub { font-size: 11px; } svg .soft { fill: var(--soft); }
svg .good, svg .bad, svg .busy, svg .wait, svg .off { fill: currentColor; }
svg .node { fill: var(--box); stroke: var(--edge); } svg a:hover .node { stroke: var(--busy); }
svg.dense .edge { stroke-width: 1; opacity: .45; } svg.dense .arrow { display: none; }
svg .edge { fill: none; stroke: var(--edge); stroke-width: 1.5; } svg .arrow { fill: var(--edge); }
svg .setup { opacity: .35; }
.lane { display: grid; grid-template-columns: minmax(7rem, 14rem) 1fr 11.5rem; gap: .8rem;
  align-items: center; min-height: 1.7rem; font-size: .86rem; }
.lane > :first-child { overflow: hidden; text-overflow: ellipsis; white-space: nowrap; }
.lane svg { width: 100%; height: 1.1rem; display: block; background: var(--code); border-radius: 4px; }
.lane .axis { background: none; overflow: visible; } .lane .axis text { font-size: 11px; }
.lane .end { display: flex; justify-content: space-between; gap: .5rem; white-space: nowrap; }
pre { background: var(--code); border: 1px solid var(--line); border-radius: 6px; margin: .35rem 0;
  padding: .55rem .75rem; max-height: 32rem; overflow: auto; font: 12.5px/1.5 ui-monospace, monospace;
  white-space: pre-wrap; overflow-wrap: anywhere; }
pre.code { background: none; } pre.error, pre.stderr { border-left: 3px solid var(--bad); }
p.note { margin: .4rem 0; overflow-wrap: anywhere; }
p.problem { border-left: 3px solid var(--bad); padding-left: .7rem; margin: .7rem 0 0;
  overflow-wrap: anywhere; white-space: pre-wrap; }
details > summary { cursor: pointer; overflow-wrap: anywhere; } details > summary .state { margin: 0 .6rem; }
details.task > summary { font-weight: 600; } summary a { font-weight: 400; white-space: nowrap; }
.cell { margin: .9rem 0 0; padding-top: .7rem; border-top: 1px solid var(--line); }
.cell > p { margin: 0; } .cell:first-child { border-top: 0; margin-top: 0; padding-top: 0; }
iframe { width: 100%; height: 16rem; border: 1px solid var(--line); border-radius: 6px; background: #fff;
  resize: vertical; }
img.plot { max-width: 100%; height: auto; background: #fff; border-radius: 6px; margin: .35rem 0; }
input, button { font: inherit; padding: .4rem .7rem; }
@media (max-width: 44rem) { .wide { display: none; } main { padding: .7rem .6rem 3rem; }
  section { padding: .75rem; } th, td { padding-right: .6rem; }
  td.number { white-space: normal; }
  .lane { grid-template-columns: 1fr auto; gap: 0 .6rem; padding: .1rem 0 .5rem; }
  .lane svg { grid-row: 2; grid-column: 1 / 3; height: .8rem; } .lane.ticks { padding: 0; min-height: 0; } }
"""

# Asks for the page again and puts the sections that changed in place of the old ones; what a person opened
# stays open, and nothing moves while text is selected.
SCRIPT = """
(() => {
  const key = (section) => section.id, texts = new Map();
  const sections = (page) => [...page.querySelectorAll("main > section")];
  sections(document).forEach((section) => texts.set(key(section), section.outerHTML));
  const swap = (old, fresh) => {
    const open = new Map([...old.querySelectorAll("details[id]")].map((each) => [each.id, each.open]));
    const places = [...old.querySelectorAll(".scroll")].map((each) => [each.scrollLeft, each.scrollTop]);
    fresh.querySelectorAll("details[id]").forEach((each) => {
      if (open.has(each.id)) each.open = open.get(each.id);
    });
    old.replaceWith(fresh);
    fresh.querySelectorAll(".scroll").forEach((each, n) => {
      if (places[n]) [each.scrollLeft, each.scrollTop] = places[n];
    });
  };
  const update = (page) => {
    const main = document.querySelector("main");
    sections(page).forEach((fresh) => {
      const text = fresh.outerHTML, old = document.getElementById(key(fresh));
      if (!old) main.append(fresh);
      else if (texts.get(key(fresh)) !== text) swap(old, fresh);
      texts.set(key(fresh), text);
    });
  };
  const poll = async () => {
    let live = true;
    if (!document.hidden && String(getSelection()) === "") {
      try {
        const answer = await fetch(location.href, { cache: "no-store" });
        if (answer.ok && !answer.redirected) {
          const page = new DOMParser().parseFromString(await answer.text(), "text/html");
          update(page);
          live = page.body.hasAttribute("data-live");
        }
      } catch (error) { console.warn("the workspace does not answer", error); }
    }
    if (live) setTimeout(poll, 1000);
  };
  setTimeout(poll, 1000);
})();
"""

SCRIPT_HASH = base64.b64encode(hashlib.sha256(SCRIPT.encode()).digest()).decode()

CONTENT_SECURITY_POLICY = (
    f"default-src 'none'; script-src 'sha256-{SCRIPT_HASH}'; style-src 'unsafe-inline'; img-src data:; "
    "connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
