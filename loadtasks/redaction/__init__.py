"""Secrets kept out of everything that is stored, shown or sent: `redactor.Redactor`."""
