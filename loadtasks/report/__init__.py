"""Renders a run on the terminal and as HTML, plots, Markdown and e-mail, all from one results document."""
