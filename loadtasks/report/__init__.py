"""Renders a run on the terminal and as HTML, charts, Markdown and e-mail, all from one results document."""
