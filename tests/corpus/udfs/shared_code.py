"""What several notebooks need."""


def normalise(text):
    return text.strip().lower()
