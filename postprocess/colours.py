"""Colours of phases and curves, for matplotlib (style.py) and for ParaView (paraview_cube.py)."""

# Okabe and Ito's colours, which colour-blind eyes tell apart, in an order that also differs in lightness (and so in gray print)
PHASE_COLOURS = ["#20242e", "#e69f00", "#56b4e9", "#f0e442", "#009e73", "#d55e00", "#cc79a7", "#0072b2"]
CURVE_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#20242e"]
INK, MUTED, GRID = "#20242e", "#5b6472", "#e3e6ea"
