"""Colours of phases, curves and fields, for matplotlib (style.py) and for ParaView (paraview_scene.py)."""

# After Okabe and Ito, so that colour-blind eyes tell them apart; the first four phases also differ in gray print, for which the blue
# of the third is lighter than theirs. src/cli/cli_section.c has the same colours of phases
PHASE_COLOURS = ["#20242e", "#e69f00", "#8fd0f5", "#f0e442", "#009e73", "#d55e00", "#cc79a7", "#0072b2"]
CURVE_COLOURS = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#20242e"]
INK, MUTED, GRID = "#20242e", "#5b6472", "#e3e6ea"
# From little to much: lightness falls evenly, and the hue goes from yellow to violet
FLOW_COLOURS = ["#fdf3c8", "#fbd98a", "#f8b25c", "#ef8250", "#d8525a", "#ad2f6a", "#771f71", "#3b0f55"]
