"""The routes, one blueprint each; a blueprint's name is what ``APP_FAULTS`` calls its route."""
