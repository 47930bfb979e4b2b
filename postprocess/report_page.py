"""Pieces of the report's page: style sheet, tables, pictures, numbers."""
import base64
import html
import io

import numpy as np

from style import PHASE_COLOURS, plt

STYLE = """
:root { color-scheme: light; }
body { font: 16px/1.5 system-ui, "Segoe UI", "DejaVu Sans", sans-serif; color: #20242e; background: #fff;
  max-width: 1120px; margin: 0 auto; padding: 32px 24px 64px; }
h1 { font-size: 28px; line-height: 1.2; margin: 0 0 4px; letter-spacing: -0.01em; }
h2 { font-size: 20px; margin: 44px 0 10px; padding-top: 14px; border-top: 2px solid #20242e; }
h3 { font-size: 15px; margin: 18px 0 6px; }
p, li { max-width: 78ch; } p.lead { color: #5b6472; margin: 0 0 20px; }
.figures { display: flex; flex-wrap: wrap; gap: 12px 40px; margin: 20px 0 0; padding: 0; list-style: none; }
.figures li { min-width: 120px; } .figures b { display: block; font-size: 24px; line-height: 1.25; font-weight: 650; }
.figures span { color: #5b6472; font-size: 14px; }
table { border-collapse: collapse; font-size: 14.5px; margin: 8px 0 12px; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 5px 14px 5px 0; border-bottom: 1px solid #e3e6ea; white-space: nowrap; }
th { font-weight: 600; border-bottom: 1px solid #5b6472; vertical-align: bottom; }
th:first-child, td:first-child, td.text, th.text { text-align: left; }
td.text { white-space: normal; }
.scroll { overflow-x: auto; }
.sections { display: grid; grid-template-columns: repeat(4, 1fr); gap: 10px 12px; }
.sections .side { grid-column: span 2; font-weight: 600; border-bottom: 1px solid #5b6472; padding-bottom: 3px; }
figure { margin: 0; } figure img { width: 100%; height: auto; display: block; }
.sections img, .patches img { image-rendering: pixelated; }
.patches { display: grid; grid-template-columns: repeat(2, 1fr); gap: 8px 0; max-width: 900px; margin-top: 14px; }
.patches .side { font-weight: 600; } .patches .side + .side { padding-left: 1%; } .patches figure { grid-column: span 2; }
figcaption, .note { color: #5b6472; font-size: 14px; max-width: 90ch; margin-top: 4px; }
.key { display: inline-block; width: 12px; height: 12px; border-radius: 2px; margin: 0 6px -1px 0; }
.key-row span + span { margin-left: 22px; }
sub { line-height: 0; }
code, pre { font: 13px/1.5 ui-monospace, "DejaVu Sans Mono", monospace; }
pre { background: #f5f6f8; padding: 12px 14px; overflow-x: auto; border-radius: 4px; margin: 8px 0; }
.bar { position: relative; height: 4px; background: #20242e; margin-top: 6px; }
@media (max-width: 720px) { .sections { grid-template-columns: repeat(2, 1fr); } }
"""


# ---- numbers -------------------------------------------------------------------------------------
def numbers(value):
    """A list of numbers from JSON: a list, or text such as "0,1,0"."""
    if value is None:
        return []
    if isinstance(value, str):
        value = value.strip("[]").replace(";", ",").split(",")
    if not isinstance(value, (list, tuple)):
        value = [value]
    return [float(v) for v in value if str(v).strip()]


def used(data, name, default=None):
    return ((data or {}).get("used_parameters") or {}).get(name, default)


# ---- text and pictures ---------------------------------------------------------------------------
def esc(text):
    return html.escape(str(text))


def data_uri(content, kind):
    return f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")


def svg(figure, alt):
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", bbox_inches="tight", metadata={"Date": None})
    plt.close(figure)
    return f'<img src="{data_uri(buffer.getvalue(), "svg+xml")}" alt="{esc(alt)}">'


def section_png(phase):
    """An indexed PNG of phase numbers in the palette (0, masked: white)."""
    from PIL import Image

    image = Image.fromarray(phase.astype(np.uint8), "P")
    colours = ["#ffffff"] + PHASE_COLOURS
    image.putpalette([int(c[i:i + 2], 16) for c in colours for i in (1, 3, 5)])
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return data_uri(buffer.getvalue(), "png")


def table(head, rows, text_columns=(0,)):
    cls = lambda i: ' class="text"' if i in text_columns else ""
    out = ['<div class="scroll"><table><thead><tr>']
    out += [f"<th{cls(i)}>{h}</th>" for i, h in enumerate(head)]
    out.append("</tr></thead><tbody>")
    for row in rows:
        out.append("<tr>" + "".join(f"<td{cls(i)}>{c}</td>" for i, c in enumerate(row)) + "</tr>")
    out.append("</tbody></table></div>")
    return "".join(out)


def num(value, digits=4):
    if value is None:
        return "–"
    if isinstance(value, str):
        return esc(value)
    if isinstance(value, float) and not np.isfinite(value):
        return "∞" if value > 0 else "–"
    if value == 0:
        return "0"
    return f"{value:.{digits}g}"


def num4(value):
    """Four significant digits, trailing zeros kept, for columns of figures of one kind."""
    if not isinstance(value, (int, float)) or not np.isfinite(value) or value == 0:
        return num(value)
    return f"{value:#.4g}".rstrip(".")


def phase_name(names, i):
    return names[i] if i < len(names) else f"phase {i + 1}"


def phase_key(names, n):
    spans = [f'<span><i class="key" style="background:{PHASE_COLOURS[i % 8]}"></i>{esc(phase_name(names, i))}</span>'
             for i in range(n)]
    return f'<p class="key-row">{"".join(spans)}</p>'
