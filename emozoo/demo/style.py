"""The demo page's CSS, light and dark.

gradio gives the body the class `dark`. A colour of an emotion stands in an element's style twice: `--l` where the page is
light, `--d` where it is dark.
"""

from __future__ import annotations

CSS = """
footer { display: none !important; }
.gradio-container { max-width: 1280px !important; }
.emz-heading h1 { font-size: 1.5em !important; margin: 0 !important; }
.emz-heading p { margin: 0.2em 0 0 !important; }
.html-container:has(.emz) { padding: 0 !important; }

/* The page: what is given and the clip on the left, the answers on the right or, of several models, below. */
.emz-page { display: grid !important; gap: 20px 32px !important; align-items: start;
  grid-template-columns: minmax(0, 2fr) minmax(0, 3fr); grid-template-rows: auto 1fr; }
.emz-page > * { min-width: 0 !important; }
.emz-give { grid-area: 1 / 1; }
.emz-models { grid-area: 1 / 2 / span 2 / auto; }
.emz-clip { grid-area: 2 / 1; }
.emz-several > .emz-clip { grid-area: 1 / 2; }
.emz-several > .emz-models { grid-area: 2 / 1 / auto / span 2; }
.emz-page .block:has(> .html-container > .prose:empty) { display: none; }
.emz-give, .emz-clip { gap: 12px !important; }
.emz-examples { flex-wrap: wrap; gap: 6px !important; align-items: baseline; }
.emz-examples > * { flex: 0 0 auto !important; min-width: 0 !important; width: auto !important; }
.emz-examples button { border-radius: 999px; font-weight: 400; }

/* Models side by side: the same things stand in the same rows. */
.emz-models { display: grid !important; gap: 0 24px !important; min-width: 0;
  grid-template-columns: repeat(auto-fit, minmax(min(100%, 340px), 1fr)); }
.emz-models > .column { min-width: 0 !important; border: 1px solid var(--border-color-primary); border-radius: 12px;
  padding: 16px 18px; margin-bottom: 20px; }
.emz-models .emz-model { grid-row: span 7; }
.emz-models .emz-model, .emz-models .emz-model div:has(.emz-slot), .emz-slot { display: grid !important; gap: 0 !important;
  grid-template-columns: minmax(0, 1fr); grid-template-rows: subgrid; align-content: start; }
.emz-models .emz-model div:has(.emz-slot), .emz-slot { grid-row: span 5; }
.emz-slot { min-height: 72px; }  /* for gradio's clock while a model works */

.emz p { margin: 0.3em 0; }
.emz h2 { font-size: 1.1em; font-weight: 600; margin: 0; overflow-wrap: anywhere; }
.emz { --quiet: color-mix(in srgb, var(--body-text-color) 72%, transparent); }
.emz-quiet, .emz-none, .emz dt, .emz figcaption, .emz small { color: var(--quiet); }
.emz-small { font-size: 0.9em; }
.emz dl { display: grid; grid-template-columns: max-content 1fr; gap: 0.15em 0.8em; font-size: 0.9em; margin: 0.5em 0; }
.emz dd { margin: 0; overflow-wrap: anywhere; }
.emz figure { margin: 0.9em 0 0; }
.emz figcaption { font-size: 0.9em; margin-bottom: 0.3em; }
.emz-file { overflow-wrap: anywhere; font-size: 0.9em; }
.emz-emotion { font-size: 1.7em; font-weight: 600; line-height: 1.25; overflow-wrap: anywhere; }
.emz-note { font-size: 0.9em; border-left: 3px solid #d9a400; padding: 0.15em 0.7em; margin: 0.4em 0; list-style: none;
  overflow-wrap: anywhere; }
.emz-error { border-left: 3px solid var(--error-border-color, #dc2626); padding: 0.15em 0.7em; overflow-wrap: anywhere; }
.emz-reason { border-left-color: var(--border-color-primary); }

.emz { --gutter: 5.4rem; }
.emz-clip .emz { --gutter: 2.6rem; }
.emz-about { margin-top: 16px !important; }
.emz-ink { background: var(--l); fill: var(--l); }
.dark .emz-ink { background: var(--d); fill: var(--d); }
.emz-swatch { display: inline-block; width: 0.6em; height: 0.6em; border-radius: 50%; margin-right: 0.35em; }
.emz-bars, .emz-lane { display: grid; column-gap: 0.6rem; align-items: center; font-size: 0.95em; }
.emz-bars { grid-template-columns: var(--gutter) minmax(0, 1fr) 3.4rem; row-gap: 0.3em; list-style: none; margin: 0.5em 0 0;
  padding: 0; }
.emz-bars > li { display: contents; }
.emz-bars span:first-child, .emz-lane > span { overflow-wrap: anywhere; line-height: 1.2; }
.emz-bars span:last-child { text-align: right; font-variant-numeric: tabular-nums; }
.emz-bar { background: color-mix(in srgb, currentColor 12%, transparent); border-radius: 4px; height: 0.9em;
  overflow: hidden; }
.emz-bar i { display: block; height: 100%; border-radius: 4px; }
.emz-lacking { opacity: 0.45; }
.emz-lane { grid-template-columns: var(--gutter) minmax(0, 1fr); font-size: 0.85em; }
.emz-track { position: relative; height: 2em; border-bottom: 1px solid var(--border-color-primary); }
.emz-track > svg { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.emz-ribbon .emz-track { height: 1.9em; border: 0; border-radius: 5px; overflow: hidden; margin-bottom: 0.3em; }
.emz-ribbon i, .emz-segments i { position: absolute; top: 0; bottom: 0; display: flex; align-items: center;
  justify-content: center; font-style: normal; overflow: hidden; white-space: nowrap; }
.emz-ribbon i + i { border-left: 1px solid var(--background-fill-primary); }
.emz-ribbon i, .emz-segments i { color: var(--li); }
.dark .emz-ribbon i, .dark .emz-segments i { color: var(--di); }
.emz-segments .emz-track { height: 1.9em; margin: 0.15em 0; border: 0; border-radius: 5px; overflow: hidden;
  background: color-mix(in srgb, currentColor 6%, transparent); }
.emz-segments i { border-radius: 4px; box-shadow: inset 0 0 0 1px var(--background-fill-primary); min-width: 2px; }
.emz-speakers { margin-top: 0.6em; }
.emz-nobody { --l: #d9dbe0; --d: #3f3f46; --li: #52525b; --di: #a1a1aa; }
.emz-spoken { --l: #9db4d6; --d: #4b6a94; --li: #1f2937; --di: #f4f4f5; }
.emz-axis .emz-track { height: 1.5em; border: 0; }
.emz-axis small { position: absolute; top: 0.2em; transform: translateX(-50%); font-variant-numeric: tabular-nums; }
.emz-axis small:first-child { transform: none; }
.emz-value .emz-track { height: 3.6em; }
.emz-value > span { align-self: stretch; display: flex; flex-direction: column; justify-content: space-between; }
.emz-value svg { overflow: visible; }
.emz-line { fill: none; stroke: var(--l); stroke-width: 2px; vector-effect: non-scaling-stroke; }
.dark .emz-line { stroke: var(--d); }
.emz-square { display: grid; grid-template-columns: auto minmax(0, 15em) auto; grid-template-rows: auto auto auto;
  column-gap: 0.5em; width: fit-content; }
.emz-square > svg { grid-area: 1 / 2 / 3; aspect-ratio: 1; width: 15em; max-width: 100%; }
.emz-square > small:nth-child(1) { grid-area: 1 / 1; }
.emz-square > small:nth-child(2) { grid-area: 2 / 1; align-self: end; }
.emz-square > small:nth-child(4) { grid-area: 3 / 2; }
.emz-square > small:nth-child(5) { grid-area: 3 / 2; justify-self: end; }
.emz-grid, .emz-way { fill: none; stroke: currentColor; stroke-width: 0.5; opacity: 0.3; }
.emz-way { stroke-width: 0.7; opacity: 0.45; }
.emz-dots { fill: currentColor; opacity: 0.55; }
.emz-whole, .emz-moving { fill: #8a4fbf; stroke: var(--background-fill-primary); stroke-width: 0.6; }
.emz-moving { fill: #d97706; }
.dark .emz-whole { fill: #c8a4ec; }
@media (prefers-reduced-motion: reduce) { .emz-moving { display: none; } }
.emz-wave .emz-track { height: 4.2em; color: var(--body-text-color); border: 0; }
.emz-wave svg { opacity: 0.75; }
.emz-spectrogram .emz-track { height: 7em; background: color-mix(in srgb, currentColor 4%, transparent); }
.emz-spectrogram i { position: absolute; inset: 0; background: #1d4e89; mask-size: 100% 100%;
  -webkit-mask-size: 100% 100%; }
.dark .emz-spectrogram i { background: #9ccaff; }
.emz-spectrogram > span { align-self: stretch; display: flex; flex-direction: column; justify-content: space-between;
  align-items: flex-end; }

.emz-frames { display: flex; flex-wrap: wrap; gap: 4px; }
.emz-frames img { width: 100px; height: 60px; display: block; border-radius: 3px; }
.emz-frames small { display: block; text-align: center; }
.emz audio, .emz video { width: 100%; max-height: 240px; margin-top: 0.4em; border-radius: 8px; }
.dark .emz audio { color-scheme: dark; }
.emz-table { overflow-x: auto; }
.emz table { border-collapse: collapse; width: 100%; }
.emz table, .emz table tr { border: none !important; }
.emz table th, .emz table td { text-align: left; padding: 0.35em 0.8em 0.35em 0; overflow-wrap: anywhere;
  border: none !important; border-bottom: 1px solid var(--border-color-primary) !important; }
.emz-card table { display: block; overflow-x: auto; font-size: 0.9em; border: none !important; }
.emz-card th, .emz-card td { padding: 0.3em 0.6em !important; overflow-wrap: normal !important;
  word-break: normal !important; }
.emz a { text-decoration: underline; color: var(--link-text-color); margin-right: 0.7em; }

@media (max-width: 760px) {
  .gradio-container > main, .gradio-container .app { padding: 10px 12px !important; }
  .emz-page { grid-template-columns: minmax(0, 1fr); grid-template-rows: none; gap: 14px !important; }
  .emz-page > * { grid-area: auto !important; }
  .emz-heading p { font-size: 0.92em; }
  .emz-examples { flex-wrap: nowrap !important; overflow-x: auto; }
  .emz-models > .column { padding: 10px 12px; margin-bottom: 12px; }
}
"""
