"""The pages for people: Python decides what is shown, Jinja templates show it and escape all of it."""
