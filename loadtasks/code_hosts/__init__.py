"""The platforms where code is reviewed, GitHub and GitLab, through their REST APIs: one comment, found and written."""
