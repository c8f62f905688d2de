"""The pages that people open between runs: what each shows, and its templates. Nothing here knows where it is served."""
