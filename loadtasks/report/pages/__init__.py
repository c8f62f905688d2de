"""The pages that people open between runs: what each of them shows, and its template. None knows where it is served."""
