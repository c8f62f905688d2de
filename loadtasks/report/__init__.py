"""How a run is told: terminal, HTML, plots, Markdown and e-mail, all from one results document."""
