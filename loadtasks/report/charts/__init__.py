"""Charts of one grammar for page, report and mail: Vega-Lite specifications, and sparklines of our own.

A specification is a plain dictionary. The report and the mail have it drawn as SVG and PNG (`drawing`), the pages draw
it in the browser (`browser`). Colours are named after CSS variables of the page (`theme`), so that an SVG follows its
light or dark scheme.
"""
