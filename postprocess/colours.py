"""Colours of phases, curves and fields, for matplotlib (style.py) and for ParaView (paraview_scene.py)."""

# Okabe and Ito's colours, which colour-blind eyes tell apart, in an order that also differs in lightness (and so in gray print)
PHASE_COLOURS = ["#20242e", "#e69f00", "#56b4e9", "#f0e442", "#009e73", "#d55e00", "#cc79a7", "#0072b2"]
CURVE_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#20242e"]
INK, MUTED, GRID = "#20242e", "#5b6472", "#e3e6ea"
# From little to much: lightness falls evenly, and the hue goes from yellow to violet
FLOW_COLOURS = ["#fdf3c8", "#fbd98a", "#f8b25c", "#ef8250", "#d8525a", "#ad2f6a", "#771f71", "#3b0f55"]
